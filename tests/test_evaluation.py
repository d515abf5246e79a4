"""Evaluations: which run they take, what they call it, what they measure; what a training leaves for them."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_runs import NETWORK, TINY, config, latest
from torchmetrics import MeanAbsoluteError

import locality
from locality import app, build
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.denoisers import Wiener
from locality.report.history import read_history
from locality.runs.finding import newest_networks, training_run

QUICK = ["compare=quick", "compare.count=8", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained network in runs/."""
    folder = tmp_path_factory.mktemp("evaluation")
    app.run(config(folder, *TINY, *NETWORK, "trainer.log_every_n_steps=3"))
    return folder


@pytest.mark.slow
def test_latest_stands_for_the_training_run_after_an_evaluation_too(place):
    trained = latest(place)
    link = place / "runs" / "latest"
    for _ in range(2):  # the second evaluates what the first one did
        app.run(config(place, *QUICK, f"checkpoint={link}", task="evaluate"))
        assert latest(place) != trained
        assert training_run(link).resolve() == trained
        assert isinstance(locality.load(link), locality.Denoiser)


def test_a_metric_of_torchmetrics_becomes_a_column_two_curves_and_numbers(place):
    added = "+compare.metrics.l1={_target_: torchmetrics.MeanAbsoluteError}"
    numbers = app.run(config(place, *QUICK, added, task="evaluate"))
    folder = latest(place)
    table = json.loads((folder / "metrics.json").read_text())["tables"]["compare/summary"]
    assert "held-out l1" in table["columns"]
    curves = {line.split(",")[0] for line in (folder / "curves.csv").read_text().splitlines()[1:]}
    assert {"compare/heldout_l1", "compare/forward_l1"} <= curves
    assert {"compare/heldout_l1/network", "compare/sample_l1/wiener", "compare/step_l1/optimal"} <= set(
        numbers
    )
    # Against the metric itself, over all images at once.
    module = build.module(config(place, *TINY, *NETWORK).model, (1, 8, 8))
    data = build.datamodule(config(place, *TINY).data)
    images, index = data.bank("test").images[:8].float() / 127.5 - 1, torch.arange(8)
    wiener, oracle = Wiener.fit(data.bank(), cache=None), []
    for sigma in module.sigmas[(module.sigmas >= 0.1) & (module.sigmas <= 10)].float():
        metric = MeanAbsoluteError()
        metric.update(wiener(images + sigma * module.noise(index, "test"), sigma), images)
        oracle.append(metric.compute())
    assert numbers["compare/heldout_l1/wiener"] == pytest.approx(torch.stack(oracle).mean().item(), rel=1e-4)


def test_the_page_of_a_comparison_has_what_each_denoiser_makes_of_the_same_noise(place):
    asked = ["compare.explorer=true", "compare.pictures=2", "figures=[svg]"]
    numbers = app.run(config(place, *QUICK, *asked, task="evaluate"))
    folder = latest(place)
    slides, paired, explorer = (
        json.loads((folder / f"panels/compare/{name}.json").read_text())
        for name in ("slides", "paired", "explorer")
    )
    module = build.module(config(place, *TINY, *NETWORK).model, (1, 8, 8))
    data = build.datamodule(config(place, *TINY).data)
    images, noise = data.bank("test").images[:2].float() / 127.5 - 1, module.noise(torch.arange(2), "test")
    wiener = Wiener.fit(data.bank(), cache=None)
    row = next(row for row in slides["rows"] if row["name"] == "wiener")
    for sigma, strip in zip(module.sigmas.float(), row["strips"], strict=True):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(strip))), dtype=float)
        wanted = wiener(images + sigma * noise, sigma).clamp(-1, 1) * 127.5 + 127.5
        assert np.abs(shown - torch.cat([*wanted[:, 0]], dim=1).numpy()).max() <= 0.51
    curve = json.loads((folder / "charts.json").read_text())["compare/heldout_mse"]["series"]["wiener"][
        "mean"
    ]
    means = [sum(level) / len(level) for level in paired["values"]["heldout_mse"]["wiener"]]
    assert means == pytest.approx(curve, rel=1e-3)
    opening = torch.tensor([means[level] for level in paired["band"]]).mean().item()
    assert opening == pytest.approx(numbers["compare/heldout_mse/wiener"], rel=1e-3)
    names = ["network", "wiener", "optimal", "nearest"]
    assert [one["name"] for one in explorer["rows"]] == names == [one["name"] for one in slides["rows"][2:]]
    assert set(explorer["rows"][3]["numbers"]["radius"]) == {None}  # a nearest image changes with no input
    assert (folder / "images/compare/heldout_mse.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("+compare.metrics.mse={_target_: torchmetrics.MeanAbsoluteError}", "metrics.mse: want a name"),
        ("+compare.metrics.l1={_target_: builtins.dict}", "metrics.l1: want a torchmetrics.Metric"),
        ("+compare.metrics.l1={_target_: torchmetrics.MeanAbsolut}", "MeanAbsolut"),
    ],
)
def test_a_metric_that_is_none_is_refused(added, message, place):
    with pytest.raises(UsageError, match=message):
        app.run(config(place, *QUICK, added, task="evaluate"))


def test_auto_takes_the_run_that_finished_last_whatever_its_folder_says(tmp_path):
    folders = []
    for name, time in (("20260101-b", "2026-01-02T00:00:00"), ("20260102-a", "2026-01-01T00:00:00")):
        folder = tmp_path / name
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "checkpoints" / "last.ckpt").touch()
        (folder / "config.yaml").write_text("data: {source: x}\n")
        status = {"task": "train", "state": "finished", "network": True, "time": time}
        (folder / "status.json").write_text(json.dumps(status))
        folders.append(folder)
    os.utime(folders[1])
    assert newest_networks(tmp_path, None, None)[0] == folders[0]
    (folders[0] / "checkpoints" / "last.ckpt").unlink()  # removed to make room
    assert newest_networks(tmp_path, None, None)[0] == folders[1]


@pytest.mark.slow
def test_other_images_than_those_of_the_training_are_noted(place, capsys):
    trained = training_run(place / "runs" / "latest")
    other = ["data=digits", "data.subset=90", f"checkpoint={trained}"]
    app.run(config(place, *QUICK, *other, task="evaluate"))
    assert "these are not the images that" in capsys.readouterr().out
    app.run(config(place, *QUICK, task="evaluate"))
    assert "these are not the images" not in capsys.readouterr().out


def test_a_training_keeps_the_fingerprint_of_its_images_and_a_card(place):
    trained = training_run(place / "runs" / "latest")
    fingerprint = build.datamodule(config(place, *TINY).data).bank("train").fingerprint
    assert read(trained)["hyper_parameters"]["fingerprint"] == fingerprint
    assert json.loads((trained / "status.json").read_text())["fingerprint"] == fingerprint
    card = (trained / "MODEL_CARD.md").read_text()
    scalars = json.loads((trained / "metrics.json").read_text())["scalars"]
    for text in (fingerprint, "| Optimiser steps | 14, of 16 images |", "| Command |", "val/loss_t300_500"):
        assert text in card
    assert scalars["test/ratio_to_wiener/t500"] > 0
    assert f"| test/ratio_to_wiener/t500 | {scalars['test/ratio_to_wiener/t500']:#.4g} |" in card


def test_a_gradient_norm_is_logged_at_the_steps_that_it_is_of(place):
    history = read_history(training_run(place / "runs" / "latest") / "history.csv")
    assert [step for step, _ in history["train/gradient_norm"]] == [2, 5, 8, 11]
    assert len({value for _, value in history["train/gradient_norm"]}) == 4


def test_a_reference_is_called_what_it_is(tmp_path):
    app.run(config(tmp_path, *TINY, "model=analytic", "denoiser=nearest"))
    asked = [*QUICK, "~candidates.nearest", f"checkpoint={latest(tmp_path)}"]
    numbers = app.run(config(tmp_path, *asked, task="evaluate"))
    assert {"compare/heldout_mse/nearest", "compare/sample_r2/wiener"} <= set(numbers)
    assert "compare/sample_r2/nearest" not in numbers
    assert not [name for name in numbers if "network" in name]


def test_fitting_wiener_warns_of_fewer_images_than_coordinates(tmp_path):
    with pytest.warns(UserWarning, match="50 images for 64 coordinates: the covariance lacks rank"):
        app.run(config(tmp_path, *TINY, "data.subset=50", "model=wiener"))
