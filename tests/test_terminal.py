"""What a command says: what is not as usual, tables that fit, a line of what matters; nothing to files."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from conftest import CONFIGS
from tiny_runs import NETWORK, TINY, config, latest

from locality import app, cli, live
from locality.callbacks import progress
from locality.compare.telling import WIDTH
from locality.report.table import format_table

SMOKE = ["data=digits", "trainer=smoke", "model=mlp", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Runs a command line in an empty folder; gives the lines of its standard output."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        cli.main("train", CONFIGS)
        return capsys.readouterr().out.splitlines()

    return run


def test_a_command_says_what_is_not_as_usual_and_ends_in_what_matters(command, tmp_path):
    lines = command(*SMOKE, "seed=3", "experiment=pattern_cpu", "gamma=0.5", "pattern=cross")
    told = " ".join(" ".join(lines[: [line[:3] for line in lines].index("run")]).split())
    for words in (
        "experiment=pattern_cpu", "trainer=smoke", "model=mlp", "data=digits", "seed=3", "gamma=0.5",
        "pattern=cross", "config.yaml",
    ):  # fmt: skip
        assert words in told
    for words in ("data.batch_size", "data.gamma", "learning_rate", "max_epochs", "cache"):
        assert words not in told  # as usual, or as what is told says
    (first,) = (k for k, line in enumerate(lines) if line.startswith("done in "))
    last = " ".join(" ".join(lines[first:]).split())  # in lines of 100 columns
    assert "held-out error over Wiener's" in last
    assert last.endswith(str(latest(tmp_path).relative_to(tmp_path.resolve()) / "report.html"))
    assert len(lines) < 12
    assert all("\r" not in line and "\x1b" not in line and "it/s" not in line for line in lines)


def test_a_dry_run_shows_all_settings(command):
    assert command("dry_run=true")[0] == "task: train"


def test_a_training_into_a_file_says_now_and_then_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    app.run(config(tmp_path, *TINY, *NETWORK))
    told = capsys.readouterr().out.splitlines()
    held = [line for line in told if line.startswith("held-out images: batch ")]
    assert {line.split("batch ")[1] for line in held} == {"1 of 1"}, "of each validation, and of the test"
    lines = [line for line in told if line.startswith("step ")]
    assert len(lines) == 14
    assert lines[0].startswith("step 1 of 14, epoch 1")
    assert lines[-1].startswith("step 14 of 14, epoch 2")
    assert " left" in lines[0]


@pytest.mark.parametrize("patience", [0.0, 3600.0], ids=["long", "short"])
def test_a_long_training_on_a_processor_names_the_recipes_for_one_once(
    patience, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "LONG", patience)
    app.run(config(tmp_path, *TINY, *NETWORK))
    told = capsys.readouterr().out
    assert told.count("_cpu: python train.py --list") == (1 if patience == 0 else 0)


def test_a_fit_into_a_file_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(live, "PATIENCE", 0.0)
    app.run(config(tmp_path, *TINY, "model=wiener", "data.batch_size=16"))
    lines = capsys.readouterr().out.splitlines()
    batches = [line for line in lines if line.startswith("batch ")]
    assert batches[0] == f"batch 1 of {len(batches)}, epoch 1"
    assert batches[-1] == f"batch {len(batches)} of {len(batches)}, epoch 1"
    after = lines[lines.index(batches[-1]) + 1 :]
    assert any(re.match("fitting.*: eigenvectors of 64 coordinates", line) for line in after)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_ends_where_max_steps_ends_the_training(tmp_path, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    app.run(config(tmp_path, *TINY, *NETWORK, "trainer.max_steps=9"))  # epochs have 7 batches
    shown = screen.getvalue()
    assert "Epoch 0: 100%" in shown
    assert "7/7" in shown
    assert "Epoch 1: 100%" in shown
    assert "2/2" in shown


@pytest.mark.parametrize("columns", [2, 5, 13, 40])
def test_a_table_fits_and_every_piece_names_its_rows(columns):
    head = ["denoiser", *(f"a long name of a column {k}" for k in range(columns))]
    rows = [[name, *(float(k) for k in range(columns))] for name in ("wiener", "optimal")]
    pieces = format_table(head, rows, WIDTH).split("\n\n")
    assert all(len(line) <= WIDTH for piece in pieces for line in piece.splitlines())
    for piece in pieces:
        assert [line.split(" ")[0] for line in piece.splitlines()[::1][2:]] == ["Wiener", "optimal"]
    shown = [name for name in head[1:] if any(name in piece for piece in pieces)]
    assert shown == head[1:]
