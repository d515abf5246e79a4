"""A run that was stopped goes on as if it had not been; one that is done does not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from omegaconf import OmegaConf
from tiny_runs import NETWORK, TINY, assert_same, config, latest, started, trained_in, weights

from locality import app, cli
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.modules import DDPMModule
from locality.report.history import read_history
from locality.runs.resuming import resumed

pytestmark = pytest.mark.usefixtures("no_pictures")

ASKED = [*TINY, *NETWORK, "model.network.dropout=0.1"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_in(tmp_path_factory.mktemp("uninterrupted"), *ASKED)


def at_step(monkeypatch: pytest.MonkeyPatch, hook: str, condition: object, act: object) -> None:
    original = getattr(DDPMModule, hook)

    def wrapped(self: DDPMModule, *args: object, **kwargs: object) -> object:
        if condition(self):  # type: ignore[operator]
            act()  # type: ignore[operator]
        return original(self, *args, **kwargs)

    monkeypatch.setattr(DDPMModule, hook, wrapped)


def fail() -> None:
    raise RuntimeError("out of luck")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("hook", "condition", "act", "state"),
    [
        ("on_train_batch_start", lambda m: m.global_step == 10, fail, "failed"),
        ("on_train_batch_start", lambda m: m.global_step == 10, interrupt, "interrupted"),
        ("validation_step", lambda m: m.current_epoch == 0, interrupt, "interrupted"),
    ],
    ids=["failed in the second epoch", "stopped within the second epoch", "stopped after the first epoch"],
)
def test_a_resumed_run_ends_with_the_weights_of_the_uninterrupted_one(
    hook, condition, act, state, uninterrupted, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        at_step(patch, hook, condition, act)
        with pytest.raises((app.RunFailed, KeyboardInterrupt)):
            app.run(config(tmp_path, *ASKED))
    folder = latest(tmp_path)
    assert json.loads((folder / "status.json").read_text())["state"] == state
    assert (folder / "error.txt").exists() == (state == "failed")
    stopped_at = {fail: 7, interrupt: 11 if hook == "on_train_batch_start" else 7}[act]
    assert read(folder)["global_step"] == stopped_at
    app.run(config(tmp_path, *ASKED, f"resume={folder}"))
    assert latest(tmp_path) == folder
    assert_same(weights(folder), weights(uninterrupted))
    assert_same(read(folder)["current_model_state"], read(uninterrupted)["current_model_state"])


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_weights_of_the_uninterrupted_one(tmp_path, monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the process: sums of another order would round otherwise
    try:
        asked = [*ASKED, "trainer.max_epochs=8", f"runs={tmp_path / 'runs'}"]
        process = started("train.py", *asked, cwd=tmp_path)
        while not list(tmp_path.glob("runs/2*/checkpoints/last.ckpt")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.kill()
        process.communicate()
        folder = latest(tmp_path)
        assert json.loads((folder / "status.json").read_text())["state"] == "running"
        assert read(folder)["global_step"] < 56
        app.run(config(tmp_path, *ASKED, "trainer.max_epochs=8", f"resume={folder}"))
        whole = tmp_path / "whole"
        app.run(config(whole, *ASKED, "trainer.max_epochs=8"))
        assert_same(weights(folder), weights(latest(whole)))
    finally:
        torch.set_num_threads(threads)


def test_a_finished_run_has_nothing_to_resume_and_stays_finished(uninterrupted):
    before = (uninterrupted / "status.json").read_text(), weights(uninterrupted)
    with pytest.raises(UsageError, match="nothing to resume, the run has finished"):
        app.run(config(uninterrupted.parent.parent, *ASKED, f"resume={uninterrupted}"))
    assert (uninterrupted / "status.json").read_text() == before[0]
    assert_same(weights(uninterrupted), before[1])


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_an_analytical_run_has_nothing_to_resume_whatever_became_of_it(state, tmp_path):
    app.run(config(tmp_path, *TINY, "model=wiener"))
    status = latest(tmp_path) / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": state}))
    with pytest.raises(UsageError, match="fitted in one pass"):
        app.run(config(tmp_path, *TINY, "model=wiener", f"resume={latest(tmp_path)}"))
    assert json.loads(status.read_text())["state"] == state


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two epochs that broke off before its first checkpoint."""
    with monkeypatch.context() as patch:
        at_step(patch, "on_train_batch_start", lambda m: m.global_step == 3, fail)
        with pytest.raises(app.RunFailed):
            app.run(config(tmp_path, *ASKED, "trainer.log_every_n_steps=1"))
    return latest(tmp_path)


def test_resuming_refuses_what_moves_the_numbers_and_records_the_rest(stopped, tmp_path):
    for change, key in [
        ("trainer.max_epochs=3", "trainer.max_epochs=2"),
        ("trainer.max_steps=9", "trainer.max_steps=-1"),
        ("trainer.limit_train_batches=1", "trainer.limit_train_batches=null"),
        ("trainer.precision=bf16-mixed", "trainer.precision=32-true"),
        ("trainer.gradient_clip_val=2.0", "trainer.gradient_clip_val=1.0"),
        ("+trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches=null"),
        ("trainer=smoke", "trainer.limit_train_batches"),
        ("data.batch_size=8", "data.batch_size=16"),
        ("model.ema_decay=0", "model.ema_decay=0.999"),
        ("seed=1", "seed=0"),
        ("experiment=demo", "keeps its own settings"),
    ]:
        cfg = config(tmp_path, change, f"resume={stopped}")
        with pytest.raises(UsageError, match=f"resume: .*{re.escape(key.split('=')[0])}"):
            resumed(cfg, [change, f"resume={stopped}"])
    free = ["logger=wandb", "samples.count=3", "snapshots=[4]", "trainer.devices=1", "trainer.max_epochs=2"]
    found = resumed(config(tmp_path, *free, f"resume={stopped}"), [*free, f"resume={stopped}"])
    assert (found.logger.wandb, found.samples.count, found.snapshots) == ("offline", 3, [4])
    assert (found.trainer.max_epochs, found.data.subset) == (2, 103)
    app.run(found)
    kept = OmegaConf.load(stopped / "config.yaml")
    assert (kept.samples.count, kept.trainer.max_epochs) == (3, 2)
    assert (stopped / "checkpoints" / "step000004.ckpt").is_file()
    steps = [step for step, _ in read_history(stopped / "history.csv")["train/loss"]]
    assert steps == list(range(14))  # none twice: the rows of before were those of no checkpoint


def test_a_run_is_resumed_by_the_name_latest_even_after_an_evaluation(stopped, tmp_path):
    evaluation = tmp_path / "runs" / "evaluation"
    evaluation.mkdir()
    (evaluation / "config.yaml").write_text(f"task: evaluate\ncheckpoint: runs/{stopped.name}\n")
    link = tmp_path / "runs" / "latest"
    link.unlink()
    link.symlink_to("evaluation")
    found = resumed(config(tmp_path, f"resume={link}"), [f"resume={link}"])
    assert Path(found.resume).resolve() == stopped


def test_a_run_is_resumed_by_its_name_alone(stopped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where nothing has this name
    for name in ("latest", stopped.name):
        assert Path(resumed(config(tmp_path, f"resume={name}"), []).resume).resolve() == stopped
    with pytest.raises(UsageError, match=f"resume={tmp_path / 'runs'}/latets: no run there. Did you mean"):
        resumed(config(tmp_path, "resume=latets"), [])
    (tmp_path / "latest").mkdir()  # a path is a path
    with pytest.raises(UsageError, match="resume=latest: no run there"):
        resumed(config(tmp_path, "resume=latest"), [])


def test_a_sweep_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    """One job finished, one cut off, one not begun: nothing is done twice, and all end as uninterrupted."""
    seeds = [*ASKED, "gamma=0"]
    for seed in (0, 1):
        with monkeypatch.context() as patch:
            if seed:
                at_step(patch, "on_train_batch_start", lambda m: m.global_step == 9, interrupt)
            with contextlib.suppress(KeyboardInterrupt):
                app.run(config(tmp_path, *seeds, f"seed={seed}"))
    one, two = sorted(path for path in (tmp_path / "runs").iterdir() if not path.is_symlink())
    before = (one / "status.json").read_text()
    for again in (False, True):
        shared = [f"runs={tmp_path / 'runs'}", f"cache={tmp_path / 'cache'}", "sweep=resume"]
        monkeypatch.setattr(sys, "argv", ["train.py", "-m", *seeds, "seed=0,1,2", *shared])
        cli.main("train", CONFIGS)
        printed = capsys.readouterr().out
        assert f"{one} has finished" in printed
        assert (f"{two} has finished" if again else f"going on with {two}") in printed
    assert (one / "status.json").read_text() == before
    runs = sorted(path for path in (tmp_path / "runs").iterdir() if not path.is_symlink())
    assert len(runs) == 3
    for seed, folder in enumerate(runs):
        assert json.loads((folder / "status.json").read_text())["state"] == "finished"
        assert OmegaConf.load(folder / "config.yaml").seed == seed
    whole = tmp_path / "whole"
    app.run(config(whole, *seeds, "seed=1"))
    assert_same(weights(runs[1]), weights(latest(whole)), 1e-6)


def test_a_choice_of_a_trainer_says_what_it_changes_of_the_usual_one(stopped, tmp_path):
    usual = OmegaConf.load(CONFIGS / "trainer" / "default.yaml")
    asked = ["trainer=ddp", "trainer.devices=2", f"resume={stopped}"]
    found = resumed(config(tmp_path, *asked), asked, usual)
    assert (found.trainer.devices, found.trainer.max_epochs) == (2, 2)
    assert found.trainer.strategy._target_.endswith("RanksStrategy")
    for choice, key in (("smoke", "limit_train_batches"), ("gpu", "precision")):
        asked = [f"trainer={choice}", f"resume={stopped}"]
        with pytest.raises(UsageError, match=f"has trainer.{key}="):
            resumed(config(tmp_path, *asked), asked, usual)
