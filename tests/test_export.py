"""Exported networks: they come back as they were, and an evaluation falls back on those that ship."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import OTHERS
from test_modules import NETWORK, TINY, config, latest

import locality
from locality import app
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.denoisers.network import PREDICTS
from locality.export import export, main
from locality.heldout import SIGMAS, Heldout
from locality.runs import files

ASKED = ["compare=quick", "compare.count=4", "logger=none", "trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    app.run(config(folder, *TINY, *NETWORK, "snapshots=[5]", "seed=7"))
    return latest(folder)


@pytest.fixture(scope="module")
def exported(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(run, tmp_path_factory.mktemp("pretrained") / "digits", count=8)


def test_an_exported_network_gives_the_estimates_of_its_run(run, exported):
    ours, theirs = locality.load(exported), locality.load(run)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for sigma in (0.1, 1.0, 10.0):
        expected = theirs(x * sigma, sigma)
        assert (ours(x * sigma, sigma) - expected).norm() <= 1e-3 * expected.norm()


def test_the_card_and_the_numbers_say_where_it_comes_from(run, exported):
    card, metrics = (
        (exported / "MODEL_CARD.md").read_text(),
        json.loads((exported / "metrics.json").read_text()),
    )
    trained = json.loads((run / "metrics.json").read_text())
    fingerprint = read(exported)["hyper_parameters"]["fingerprint"]
    for fact in (fingerprint, str(trained["run"]["commit"]), "| Seed | 7 |", "| Optimiser steps | 14 |"):
        assert fact in card
    assert f"| Predicts | {PREDICTS[read(exported)['hyper_parameters']['model']['prediction']]} |" in card
    assert metrics["scalars"]["val/loss"] == pytest.approx(trained["scalars"]["val/loss"])
    assert metrics["scalars"]["heldout/images"] == 8
    assert len(metrics["tables"]["heldout"]["rows"]) == len(SIGMAS)
    assert (exported / "samples.png").stat().st_size > 500


def test_a_snapshot_is_exported_with_its_own_weights_and_losses(run, tmp_path):
    snapshot = run / "checkpoints" / "step000005.ckpt"
    folder = export(snapshot, tmp_path / "young", count=8)
    kept, there = read(folder), read(snapshot)
    assert kept["hyper_parameters"]["step"] == 5
    assert kept["hyper_parameters"]["losses"].get("val/loss") is None  # the first validation came later
    for name, value in there["state_dict"].items():
        assert torch.allclose(kept["state_dict"][name], value, rtol=1e-3, atol=1e-6), name


@pytest.mark.slow
def test_an_evaluation_without_runs_takes_a_network_that_ships(exported, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "SHIPPED", exported.parent)
    app.run(config(tmp_path, *ASKED, task="evaluate"))
    assert f"checkpoint=auto: {exported}" in capsys.readouterr().out
    asked = ["data=digits", "data.subset=103"]
    app.run(config(tmp_path, *ASKED, *asked, task="evaluate"))
    with pytest.raises(UsageError, match="none ships; train one: python train"):
        app.run(config(tmp_path, *ASKED, "data=digits", "data.subset=50", task="evaluate"))


def test_a_calibration_is_kept_with_the_network_and_used(exported, tmp_path, capsys):
    asked = [f"checkpoint={exported}", "trainer.accelerator=cpu", "logger=none", "compare.count=2"]
    few = ["compare.taus=[0.5,0.1]", "~compare.bank_counts"]
    without = [f"~denoiser@candidates.{name}" for name in (*OTHERS, "equivariant_local_score")]
    app.run(config(tmp_path, "compare=calibrate", *asked, *few, *without, task="evaluate"))
    assert [path.stem for path in (exported / "calibration").glob("*.json")] == ["pca_locality.tau"]
    capsys.readouterr()
    row = "+denoiser@candidates.pca_locality=pca_locality"
    app.run(config(tmp_path, "compare=quick", *asked, row, task="evaluate"))
    said = capsys.readouterr().out
    assert "calibrated against the network with 2 val images and" in said
    assert f"training images, {exported}" in said


def test_no_command_of_a_run_that_ships_names_a_place_of_this_machine(run, tmp_path):
    metrics = run / "metrics.json"
    before = metrics.read_text()
    content = json.loads(before)
    later = {"command": "python train.py resume=/home/me/runs/x", "commit": "abc", "started": "today"}
    content["run"] |= {"command": "python train.py runs=/home/me/runs", "resumed": [later]}
    metrics.write_text(json.dumps(content))
    try:
        folder = export(run, tmp_path / "resumed", count=8)
    finally:
        metrics.write_text(before)
    assert not [path for path in folder.iterdir() if b"/home/me" in path.read_bytes()]
    assert "resume=runs/x" in (folder / "config.yaml").read_text()


def test_the_card_of_a_network_that_went_on_tells_of_both_trainings(exported, tmp_path):
    origin = shutil.copytree(exported, tmp_path / "origin")
    app.run(config(tmp_path, *TINY, *NETWORK, f"pretrained={origin}"))
    shutil.rmtree(origin)  # as where the later network takes its place
    folder = export(latest(tmp_path), tmp_path / "later", count=8)
    (stage,) = read(folder)["hyper_parameters"]["run"]["before"]
    first = read(exported)["hyper_parameters"]
    assert (stage["step"], stage["command"]) == (first["step"], first["run"]["command"])
    card = (folder / "MODEL_CARD.md").read_text()
    own = read(folder)["hyper_parameters"]["step"]
    assert f"| Optimiser steps | {own:,}, {own + first['step']:,} in all |" in card
    assert f"| Went on after {first['step']:,} steps of | `{stage['command']}`" in card
    assert json.loads((folder / "metrics.json").read_text())["run"]["before"] == [stage]


def test_what_cannot_be_exported_is_said(run, exported, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(run), str(exported)])
    assert "is there already" in capsys.readouterr().err
    app.run(config(tmp_path, *TINY, "model=wiener"))
    with pytest.raises(UsageError, match="want a network, got Wiener"):
        export(latest(tmp_path), tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_network_no_better_than_wiener_is_not_trained():
    wiener = [torch.rand(50, generator=torch.Generator().manual_seed(s)) + 1 for s in range(len(SIGMAS))]
    assert Heldout(SIGMAS, [0.9 * one for one in wiener], wiener).trained()
    assert not Heldout(SIGMAS, wiener, wiener).trained()
    worse_at_the_end = [one * (0.9 if s < 7 else 1.1) for one, s in zip(wiener, SIGMAS, strict=True)]
    assert Heldout(SIGMAS, worse_at_the_end, wiener).behind() == [7, 10]
    assert not Heldout(SIGMAS, worse_at_the_end, wiener).trained()
    level_at_the_end = [one * (0.9 if s <= 5 else 1.0) for one, s in zip(wiener, SIGMAS, strict=True)]
    assert Heldout(SIGMAS, level_at_the_end, wiener).trained()
