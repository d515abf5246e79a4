"""What the run folder holds is what W&B holds: an offline run is written, read back and compared."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import lightning as L
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from wandb_reader import OfflineRun, read, read_finished

from locality.report import Chart, FolderLogger, Report, Series, loggers
from locality.report.history import read_history
from locality.runs.folder import create_run_folder

SIGMAS = [0.01, 1.0, 100.0]
CHART = Chart(
    title="agreement",
    x_label="noise level sigma (pixel units)",
    y_label="r2",
    x=SIGMAS,
    series={
        "wiener": Series([0.9, 0.8, 1 / 3], [0.8, 0.7, 0.3], [0.95, 0.9, 0.4]),
        "optimal": Series([float("nan"), -2.0, 1.0]),
    },
    log_x=True,
)


class Line(L.LightningModule):
    """A module that logs at every step and every epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(4, 1)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        loss = self.line(batch[0]).square().mean()
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], _: int) -> None:
        self.log("val/loss", self.line(batch[0]).square().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(folder: Path, epochs: int = 2) -> Report:
    """Train two epochs of three steps, report a result of every kind; not finished."""
    kept = loggers()(folder, config={"data": {"size": 16}})
    data = DataLoader(TensorDataset(torch.randn(6, 4)), batch_size=2)
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=kept,
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Line(), data, data)
    return Report(folder, kept)


def offline_runs(folder: Path) -> list[OfflineRun]:
    """Every W&B run of a run folder, oldest first."""
    return [read_finished(path) for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with results of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        folder = create_run_folder(tmp_path_factory.mktemp("runs"), "photos")
        report = fit(folder)
        report.scalars({"compare/mse/wiener": 1 / 3, "compare/r2/optimal": float("nan")})
        report.chart("compare/r2", CHART)
        report.table("compare/summary", ["denoiser", "r2"], [["wiener", 1 / 3], ["optimal", float("-inf")]])
        report.grid("samples", {"wiener": torch.zeros(2, 3, 4, 4)})
        line = report.finish()
    assert line is not None
    assert line.startswith("wandb sync ")
    assert Path(line.split()[-1]).is_dir()
    return folder


def test_every_step_in_the_history_is_in_wandb_with_the_same_value(folder: Path) -> None:
    with (folder / "history.csv").open() as file:
        kept = [(int(row["step"]), row["name"], float(row["value"])) for row in csv.DictReader(file)]
    (run,) = offline_runs(folder)
    mirrored = [
        (row["trainer/global_step"], name, row[name])
        for row in run.history
        for name in ("train/loss", "val/loss", "epoch")
        if name in row
    ]
    assert sorted(kept) == sorted(mirrored)
    assert [step for step, name, _ in kept if name == "train/loss"] == [0, 1, 2, 3, 4, 5]
    assert [step for step, name, _ in kept if name == "val/loss"] == [2, 5]


def test_final_numbers_and_tables_are_the_same_in_metrics_json_and_in_wandb(folder: Path) -> None:
    metrics = json.loads((folder / "metrics.json").read_text())
    (run,) = offline_runs(folder)
    assert metrics["scalars"] == {"compare/mse/wiener": 1 / 3, "compare/r2/optimal": None}
    assert {name: run.summary[name] for name in metrics["scalars"]} == metrics["scalars"]
    table = run.table("compare/summary")
    assert metrics["tables"]["compare/summary"] == {"columns": table["columns"], "rows": table["data"]}
    assert table["data"] == [["wiener", 1 / 3], ["optimal", None]]


def test_a_chart_is_the_same_in_curves_csv_and_in_wandb(folder: Path) -> None:
    with (folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    (run,) = offline_runs(folder)
    table = run.table("compare/r2/rows")
    assert table["columns"] == ["series", "x", "mean", "low", "high"]
    kept = [
        [row["series"], *(float(row[c]) if row[c] else None for c in table["columns"][1:])] for row in rows
    ]
    assert kept == table["data"]
    assert kept[2] == ["wiener", 100.0, 1 / 3, 0.3, 0.4]
    assert kept[3] == ["optimal", 0.01, None, None, None]
    drawn = run.table("compare/r2_table")["data"]  # what the custom chart draws, over log10 of sigma
    assert drawn == [[math.log10(x), name, y] for name, x, y, _, _ in kept if y is not None]
    assert "compare/r2" in run.config["_wandb"]["visualize"]


def test_pictures_and_files_of_the_folder_are_files_of_the_wandb_run(folder: Path) -> None:
    (run,) = offline_runs(folder)
    for name in ("samples", "compare/r2"):
        mirrored = run.folder / "files" / run.last(f"images/{name}")["path"]
        assert mirrored.read_bytes() == (folder / "images" / f"{name}.png").read_bytes()
    assert {"metrics.json", "curves.csv", "history.csv", "report.html"} <= set(run.files)
    assert run.config["data"] == {"size": 16}
    assert run.exit_code == 0


def test_a_resumed_run_is_the_same_wandb_run_and_goes_on_in_the_same_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    folder = create_run_folder(tmp_path, "photos")
    first = fit(folder)
    first.scalars({"a/first": 1.0})
    first.finish(exit_code=1)
    again = Report(folder, loggers()(folder, resume_step=3))
    again.scalars({"a/second": 2.0})
    line = again.finish()
    assert [step for step, _ in read_history(folder / "history.csv")["train/loss"]] == [0, 1, 2]
    earlier, later = (read(path) for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")))
    steps = [row["trainer/global_step"] for row in earlier.history if "train/loss" in row]
    assert steps == [0, 1, 2]  # what comes later is the resumed session's to say
    assert (earlier.exit_code, later.exit_code) == (None, 0)
    assert earlier.run_id == later.run_id
    assert line is not None
    assert len(line.split()) == 4  # both parts are synced by one command
    assert json.loads((folder / "metrics.json").read_text())["scalars"] == {"a/first": 1.0, "a/second": 2.0}


@pytest.mark.parametrize(("chosen", "environment"), [("disabled", "offline"), ("offline", "disabled")])
def test_disabled_leaves_wandb_alone_and_keeps_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str, environment: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", environment)
    kept = loggers(wandb=chosen)(tmp_path)
    assert [type(logger) for logger in kept] == [FolderLogger]
    report = Report(tmp_path, kept)
    report.scalars({"a/b": 1.0})
    assert report.finish() is None
    assert not (tmp_path / "wandb").exists()
    assert json.loads((tmp_path / "metrics.json").read_text())["scalars"] == {"a/b": 1.0}


def test_the_environment_is_left_as_it_was_and_a_wrong_mode_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "of-line")
    with pytest.raises(ValueError, match=r"WANDB_MODE.*of-line"):
        loggers()
    with pytest.raises(ValueError, match=r"want one of offline, online, disabled, got 'on'"):
        loggers(wandb="on")
