"""Lineage: what a run used and made is in its folder, in W&B's log, and on a server after the upload."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_report_wandb import offline_runs
from tiny_runs import TINY, config, latest
from wandb_reader import OfflineRun
from wandb_server import Server

from locality import ImageBank, app
from locality.report import Report, loggers
from locality.report.lineage import comparison_artifact, data_artifact, network_artifact, read_lineage
from locality.runs.folder import create_run_folder

ONE_PASS = [*(option for option in TINY if option != "logger=none"), "model=wiener"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Wiener filter that was fitted, and an evaluation of it, both with W&B offline."""
    place = tmp_path_factory.mktemp("lineage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("LOCALITY_CACHE", str(place / "cache"))
        app.run(config(place, *ONE_PASS))
        small = ["compare=quick", "compare.count=4", "trainer.accelerator=cpu"]
        app.run(config(place, *small, f"checkpoint={latest(place)}", task="evaluate"))
    return place


def parts(place: Path) -> tuple[Path, Path]:
    """The run folders of the training and of the evaluation."""
    fitted, evaluated = sorted(path for path in (place / "runs").iterdir() if not path.is_symlink())
    return (fitted, evaluated) if (fitted / "checkpoints").is_dir() else (evaluated, fitted)


def mirrored(folder: Path) -> OfflineRun:
    (run,) = offline_runs(folder)
    return run


def kinds(names: list[str]) -> list[str]:
    return sorted(name.partition("-")[0] for name in names)


@pytest.mark.slow
def test_the_chain_goes_from_data_over_statistics_and_network_to_the_comparison(place: Path) -> None:
    fitted, evaluated = (read_lineage(folder) for folder in parts(place))
    assert kinds(fitted["uses"]) == ["data"]
    assert kinds(fitted["makes"]) == ["network", "statistics"]
    assert kinds(evaluated["makes"])[0] == "comparison"
    (network,) = (name for name in fitted["makes"] if name.startswith("network-"))
    assert {*fitted["uses"], network} <= set(evaluated["uses"])
    assert "statistics-" + fitted["uses"][0].removeprefix("data-") in fitted["makes"]


@pytest.mark.slow
def test_what_two_runs_share_has_the_same_content_so_that_the_server_sees_one_artifact(place: Path) -> None:
    fitted, evaluated = (mirrored(folder) for folder in parts(place))
    shared = fitted.artifacts.keys() & evaluated.artifacts.keys()
    assert {"data", "network"} <= {fitted.artifacts[name].kind for name in shared}
    for name in shared:
        assert fitted.artifacts[name].digest == evaluated.artifacts[name].digest, name


@pytest.mark.slow
def test_wandb_is_told_what_the_folder_says(place: Path) -> None:
    for folder in parts(place):
        said, run = read_lineage(folder), mirrored(folder)
        assert {name for name, one in run.artifacts.items() if one.used} == set(said["uses"])
        assert {name for name, one in run.artifacts.items() if not one.used} == set(said["makes"])
        for name, one in run.artifacts.items():
            facts = json.loads((folder / "artifacts" / f"{name}.json").read_text())
            assert facts == {"kind": one.kind, **one.metadata}
            (file,) = one.files.values()  # nothing but the facts is uploaded
            assert file.is_relative_to(folder.resolve())


@pytest.mark.slow
def test_a_server_gets_one_artifact_of_each_and_knows_which_run_made_it_and_which_used_it(
    place: Path, tmp_path: Path
) -> None:
    server = Server()
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": "a" * 40,
    }
    environment.pop("WANDB_MODE", None)
    try:
        for folder in parts(place):
            logs = [str(path) for path in (folder / "wandb").glob("offline-run-*")]
            command = [sys.executable, "-m", "wandb", "sync", *logs]
            done = subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr
    finally:
        server.die()
    fitted, evaluated = ((folder / "wandb_id.txt").read_text().strip() for folder in parts(place))
    made, said = server.objects, [read_lineage(folder) for folder in parts(place)]
    assert set(made.made_by(fitted)) == set(said[0]["makes"])
    assert set(made.made_by(evaluated)) == set(said[1]["makes"]) - set(said[0]["makes"])
    uses = {(fitted, name) for name in said[0]["uses"]} | {(evaluated, name) for name in said[1]["uses"]}
    assert set(made.uses) == uses
    (network,) = (name for name in said[0]["makes"] if name.startswith("network-"))
    facts = made.content(network, "network.json")
    assert facts["sha256"]
    assert f"{network}/last.ckpt" not in made.files


@pytest.mark.parametrize("asked", [False, True])
def test_weights_go_to_wandb_where_they_are_asked_for_and_else_a_reference(
    asked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = create_run_folder(tmp_path / "runs", "photos")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    report = Report(folder, loggers(artifacts=asked)(folder))
    report.makes(network_artifact(folder))
    report.finish()
    (made,) = mirrored(folder).artifacts.values()
    weights = folder / "checkpoints" / "last.ckpt"
    assert made.files.get("last.ckpt") == (weights if asked else None)
    assert made.references == ({} if asked else {"last.ckpt": weights.as_uri()})


def test_facts_name_the_thing_and_not_the_place(tmp_path: Path) -> None:
    bank = ImageBank(torch.zeros(3, 1, 4, 4, dtype=torch.uint8))
    assert data_artifact(bank).facts == {"fingerprint": bank.fingerprint, "images": 3, "shape": [1, 4, 4]}
    for place in ("a", "b"):
        snapshot = tmp_path / place / "20260101-run" / "checkpoints" / "step000100.ckpt"
        snapshot.parent.mkdir(parents=True)
        snapshot.write_bytes(b"weights")
    one, other = (
        network_artifact(tmp_path / name / "20260101-run/checkpoints/step000100.ckpt") for name in "ab"
    )
    assert one.name == "network-20260101-run-step000100"
    assert one.text == other.text
    assert network_artifact(Path("hub:google/ddpm-cat 256")).name == "network-ddpm-cat-256"


def test_a_number_that_is_none_stays_out_of_json(tmp_path: Path) -> None:
    made = comparison_artifact(tmp_path / "run", "quick", {"a/b": float("nan"), "a/c": 1.5})
    assert json.loads(made.text)["numbers"] == {"a/b": None, "a/c": 1.5}
