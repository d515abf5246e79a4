"""A comparison judges its own settings when it has the data: still one line, and no folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from conftest import CONFIGS, OTHERS
from tiny_runs import NETWORK, TINY, config, latest

from locality import app, build, cli
from locality.calibration import calibrate
from locality.checkpoints.reading import calibrations, load
from locality.config import UsageError

pytestmark = pytest.mark.usefixtures("no_pictures")

PLAIN = ["trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(scope="module", name="run")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    app.run(config(root, *TINY, *NETWORK, "trainer.max_epochs=1"))
    return latest(root)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("compare=quick compare.count=100000", "compare.count: want 1 to"),
        ("compare=quick +compare.bank_counts.optimol=5", "compare.bank_counts: no candidate named"),
        (
            "compare=quick +compare.bank_counts.optimal=0",
            "compare.bank_counts.optimal: want a whole number from 1",
        ),
        ("compare=quick +compare.calibrated_as.optimol=optimal", "compare.calibrated_as: no candidate named"),
        ("compare=sensitivity compare.count=2 compare.pixel=foo", "pixel"),
        ("compare=sensitivity compare.states=abc", "compare.states: want forward or reverse, got 'abc'"),
        ("compare=sensitivity compare.sigmas=[0]", "compare.sigmas: want distinct noise levels above 0"),
        ("compare=sensitivity compare.sigmas=[nan]", "compare.sigmas: want a list of numbers"),
        ("compare=sensitivity compare.sigmas=3", "compare.sigmas: want a list of numbers"),
        ("compare=sensitivity compare.grid=0", "compare.grid: want at least 1, got 0"),
        ("compare=sensitivity compare.states=reverse compare.steps=0", "steps"),
        ("compare=sensitivity compare.count=true", "compare.count: want a whole number, got True"),
        ("compare=sensitivity +compare.foo=1", r"no setting named 'compare\.foo'"),
        ("compare=quick ~candidates", "candidates: want at least one, or networks="),
        ("compare=paper_table ~candidates", "candidates: want at least one, or networks="),
        ("compare=calibrate ~candidates", "candidates: want at least one to calibrate"),
        ("compare=quick compare.pictures=0", "compare.pictures: want at least 1"),
        ("compare=quick compare.calibration=foo", "compare.calibration: want auto or none, got 'foo'"),
        (
            "compare=quick candidates.nearest.chunk_size=abc",
            "candidates.nearest.chunk_size: want a whole number or",
        ),
        ("compare=quick +compare.calibrated_as.optimal=**/x", "calibrated_as.optimal: want the name"),
        ("compare=paper_table +compare.section=../x", "compare.section: want a name"),
        ("compare=calibrate compare.target=foo", "compare.target: want network or samples or clean"),
        ("compare=calibrate compare.taus=[1e999]", "compare.taus: want a list of numbers"),
        ("compare=epsilon", r"networks: want \{epsilon: runs/<run>\}, a network that predicts the noise"),
        (
            "compare=epsilon networks=[pretrained/photos16]",
            r"\(epsilon\); \w+, \S+, predicts v; python",
        ),
        ("compare=epsilon compare.predicts=foo", "compare.predicts: want one of epsilon, "),
        ("compare=paper_table compare.count=2 compare.pictures=0", "compare.pictures: want at least 1"),
    ],
)
def test_a_mistake_leaves_no_folder(arguments, message, run):
    before = sorted(path.name for path in run.parent.iterdir())
    asked = [*arguments.split(), *PLAIN, f"checkpoint={run}"]
    with pytest.raises(UsageError, match=message):
        app.run(config(run.parent.parent, *asked, task="evaluate"))
    assert sorted(path.name for path in run.parent.iterdir()) == before
    assert latest(run.parent.parent) == run


@pytest.mark.parametrize(
    "arguments",
    [
        "compare=quick compare.count=0",
        "compare=sensitivity compare.grid=0",
        "compare=information compare.sigmas=[]",
    ],
)
def test_a_value_that_no_data_allow_is_told_before_any_are_read(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build, "datamodule", lambda *_, **__: pytest.fail("data were read"))
    asked = [*arguments.split(), *PLAIN, "checkpoint=pretrained/photos16"]
    with pytest.raises(UsageError, match=r"compare\.(count|grid|sigmas): want "):
        app.run(config(tmp_path, *asked, task="evaluate"))
    assert "run folder" not in capsys.readouterr().out


def evaluate(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments, *PLAIN])
    cli.main("evaluate", CONFIGS)


@pytest.mark.slow
def test_what_the_command_line_gives_no_calibration_moves(run, tmp_path, monkeypatch, capsys):
    cfg = config(tmp_path, "compare=paper_table", f"checkpoint={run}", task="evaluate")
    data = build.datamodule(config(tmp_path, *TINY).data)
    kept = calibrations(run) / "pca_locality.tau.json"
    calibrate(
        build.fit(cfg.candidates.pca_locality), data.bank("train"), data.bank("val").images[:2], [0.5, 2.0],
        [0.5, 0.1], target=load(run), parameter="tau",
    ).save(kept)  # fmt: skip
    row = [
        "compare=quick",
        "compare.count=2",
        f"checkpoint={run}",
        "+denoiser@candidates.pca_locality=pca_locality",
    ]
    try:
        evaluate(monkeypatch, tmp_path, *row)
        assert "pca_locality: tau calibrated against" in capsys.readouterr().out
        evaluate(monkeypatch, tmp_path, *row, "candidates.pca_locality.tau=0.3")
        assert "calibrated against" not in capsys.readouterr().out
    finally:
        kept.unlink()


@pytest.mark.slow
def test_a_candidate_that_is_taken_out_takes_its_settings_along(run, tmp_path, monkeypatch, capsys):
    others = [f"~candidates.{name}" for name in OTHERS]
    asked = [
        "compare=calibrate", f"checkpoint={run}", "compare.count=2", "compare.taus=[0.5,0.1]", *others,
        "~candidates.equivariant_local_score",
    ]  # fmt: skip
    kept = calibrations(run) / "pca_locality.tau.json"
    try:
        evaluate(monkeypatch, tmp_path, *asked)
        before = kept.read_text()
        # What is there is not written over unless that is asked for.
        with pytest.raises(SystemExit):
            evaluate(monkeypatch, tmp_path, *asked, "compare.taus=[0.9]")
        assert "give compare.replace=true" in capsys.readouterr().err
        assert kept.read_text() == before
        evaluate(monkeypatch, tmp_path, *asked, "compare.taus=[0.9]", "compare.replace=true")
        assert kept.read_text() != before
    finally:
        kept.unlink()
    names = ["wiener", *OTHERS, "smoothed"]
    names += ["equivariant_local_score", "equivariant_broken", "pca_locality_wssm", "golden_subset"]
    table = ["compare=paper_table", f"checkpoint={run}", "compare.count=2", "compare.pictures=1"]
    evaluate(monkeypatch, tmp_path, *table, *(f"~candidates.{name}" for name in names))
    assert "wiener" not in capsys.readouterr().err
