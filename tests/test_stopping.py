"""Runs that are stopped: by signals to any rank, by a bound on the time, by a kill. None of them lies."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny_runs import NETWORK, TINY, assert_same, config, finished, latest, started, trained_in, weights

from locality import app, build
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.disk import shown_path
from locality.modules import AnalyticModule, DDPMModule
from locality.report import Report
from locality.runs import folder as folder_of_runs
from locality.runs.opening import open_run
from locality.runs.resuming import check_unfinished
from locality.runs.status import Outcome, is_alive, read_status, set_status

pytestmark = pytest.mark.usefixtures("no_pictures")

ASKED = [*TINY, *NETWORK]
RANKS = [*ASKED, "trainer.precision=64-true", "data.batch_size=16", "model.network.dropout=0.1"]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


def at(monkeypatch: pytest.MonkeyPatch, owner: type, hook: str, step: int, act: object) -> None:
    original = getattr(owner, hook)

    def wrapped(self: object, *args: object, **kwargs: object) -> object:
        if getattr(self, "global_step", step) == step:
            act()  # type: ignore[operator]
        return original(self, *args, **kwargs)

    monkeypatch.setattr(owner, hook, wrapped)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_in(tmp_path_factory.mktemp("uninterrupted"), *ASKED)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_ends_a_training_after_the_batch_and_tells_which_it_was_and_how_to_go_on(
    number, uninterrupted, tmp_path, monkeypatch, capsys
):
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        at(patch, DDPMModule, "training_step", 9, lambda: send(number))
        with pytest.raises(app.RunStopped) as stopped:
            app.run(config(tmp_path, *ASKED))
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) == before
    folder = latest(tmp_path)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"to go on: python train.py resume={shown_path(folder)}"
    status = read_status(folder)
    assert (status["state"], status["reason"]) == ("interrupted", f"stopped by {number.name}")
    assert read(folder)["global_step"] == 10
    app.run(config(tmp_path, *ASKED, f"resume={folder}"))
    assert read_status(folder)["state"] == "finished"
    assert_same(weights(folder), weights(uninterrupted))


def test_a_signal_cuts_a_validation_short_and_its_loss_is_not_told(uninterrupted, tmp_path, monkeypatch):
    asked = [*ASKED, "trainer.limit_val_batches=4", "data.eval_batch_size=4", "trainer.log_every_n_steps=1"]
    seen = []
    original = DDPMModule.validation_step

    def step(self: DDPMModule, *args: object) -> None:
        seen.append(self.global_step)
        send(signal.SIGTERM)
        original(self, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(DDPMModule, "validation_step", step)
        with pytest.raises(app.RunStopped):
            app.run(config(tmp_path, *asked))
    folder = latest(tmp_path)
    assert seen == [7]
    assert "val/loss" not in (folder / "history.csv").read_text()
    app.run(config(tmp_path, *asked, f"resume={folder}"))
    assert_same(weights(folder), weights(uninterrupted))


@pytest.mark.parametrize("where", ["fitting", "evaluation", "before the folder", "the folder"])
def test_a_signal_outside_a_training_ends_the_run_where_it_arrives(where, tmp_path, monkeypatch):
    if where == "before the folder":
        monkeypatch.setattr(build, "datamodule", lambda *_, **__: send(signal.SIGTERM))
        cfg = config(tmp_path, *ASKED)
    elif where == "the folder":
        link = folder_of_runs.point_latest
        monkeypatch.setattr(folder_of_runs, "point_latest", lambda f: (link(f), send(signal.SIGTERM)))
        cfg = config(tmp_path, *ASKED)
    elif where == "fitting":
        at(monkeypatch, AnalyticModule, "training_step", 0, lambda: send(signal.SIGTERM))
        cfg = config(tmp_path, *TINY, "model=wiener")
    else:
        app.run(config(tmp_path, *TINY, "model=wiener"))
        at(monkeypatch, Report, "chart", 0, lambda: send(signal.SIGTERM))
        cfg = config(
            tmp_path, "compare=quick", "compare.count=4", "logger=none", f"checkpoint={latest(tmp_path)}",
            task="evaluate",
        )  # fmt: skip
    with pytest.raises(app.RunStopped) as stopped:
        app.run(cfg)
    assert stopped.value.code == 143
    if where == "before the folder":
        assert not (tmp_path / "runs").exists()
    else:
        assert read_status(latest(tmp_path))["state"] == "interrupted"


def test_a_bound_on_the_time_interrupts_a_run_and_does_not_finish_it(uninterrupted, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        at(patch, DDPMModule, "training_step", 9, lambda: time.sleep(3))
        with pytest.raises(
            app.RunStopped, match=r"trainer.max_time is over, after \d+ of 14 steps"
        ) as stopped:
            app.run(config(tmp_path, *ASKED, "+trainer.max_time={seconds: 3}"))
    assert stopped.value.code == 0
    folder = latest(tmp_path)
    assert read_status(folder)["state"] == "interrupted"
    assert f"after {read(folder)['global_step']} of 14 steps" in str(stopped.value)
    with pytest.raises(UsageError, match="checkpoint=auto: no finished training run"):
        app.run(config(tmp_path, "compare=quick", "logger=none", task="evaluate"))
    app.run(config(tmp_path, *ASKED, f"resume={folder}"))
    assert_same(weights(folder), weights(uninterrupted))


def test_a_run_whose_last_steps_are_done_is_finished_only_when_all_is_written(
    uninterrupted, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        at(patch, Report, "finish", 0, lambda: send(signal.SIGTERM))
        with pytest.raises(app.RunStopped):
            app.run(config(tmp_path, *ASKED))
    folder = latest(tmp_path)
    assert read_status(folder)["state"] == "interrupted"
    app.run(config(tmp_path, *ASKED, f"resume={folder}"))
    assert read_status(folder)["state"] == "finished"
    assert json.loads((folder / "metrics.json").read_text())["scalars"]["test/mse/t900"] > 0
    assert_same(weights(folder), weights(uninterrupted))


def test_a_full_disk_at_the_end_does_not_leave_a_finished_run(tmp_path, monkeypatch):
    def full(self: Report, exit_code: int = 0) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Report, "finish", full)
        with pytest.raises(app.RunFailed, match="No space left on device"):
            app.run(config(tmp_path, *ASKED))
    status = read_status(latest(tmp_path))
    assert (status["state"], status["reason"]) == ("failed", "OSError: [Errno 28] No space left on device")


def test_a_killed_run_is_known_to_be_gone_and_a_live_one_is_not_resumed(tmp_path):
    cfg = config(tmp_path, *ASKED)
    folder = open_run(cfg)
    set_status(folder, cfg, Outcome("running"), {})
    assert is_alive(read_status(folder))
    with pytest.raises(UsageError, match=f"resume=.*: process {os.getpid()} still works on it"):
        check_unfinished(folder)
    other = multiprocessing.get_context("fork").Process(
        target=set_status, args=(folder, cfg, Outcome("running"), {})
    )
    other.start()
    other.join(60)
    other.kill()  # where it hangs
    assert other.exitcode == 0
    assert read_status(folder)["process"]["pid"] == other.pid
    assert read_status(folder)["state"] == "running"
    assert not is_alive(read_status(folder))
    check_unfinished(folder)


def test_a_process_of_the_same_number_is_not_the_run(tmp_path):
    cfg = config(tmp_path, *ASKED)
    folder = open_run(cfg)
    set_status(folder, cfg, Outcome("running"), {})
    status = read_status(folder)
    for name, value in (("started", "another time"), ("host", "another machine"), ("pid", 2**22 + 1)):
        assert not is_alive(status | {"process": status["process"] | {name: value}})


def test_a_left_over_rank_does_not_make_a_training_vanish(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    printed = finished("train.py", *ASKED, "trainer.max_epochs=1", cwd=tmp_path)
    assert "note: LOCAL_RANK=1 is left over in the environment" in printed
    assert read_status(latest(tmp_path))["state"] == "finished"
    assert (latest(tmp_path) / "metrics.json").is_file()
    process = started("train.py", *ASKED, "trainer=ddp", cwd=tmp_path)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.strip().endswith("and no launcher made this process; unset it")
    assert len(errors.strip().splitlines()) == 1


def children(process: subprocess.Popen[str]) -> list[int]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in text.split()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one rank trains, without a stop."""
    folder = tmp_path_factory.mktemp("alone")
    finished("train.py", *RANKS, cwd=folder)
    return latest(folder)


@pytest.mark.slow
def test_a_run_goes_on_with_another_number_of_ranks(alone, tmp_path, monkeypatch):
    """1, then 2, then 1 again: the weights of the uninterrupted run, to rounding."""
    with monkeypatch.context() as patch:
        at(patch, DDPMModule, "training_step", 3, lambda: send(signal.SIGTERM))
        with pytest.raises(app.RunStopped):
            app.run(config(tmp_path, *RANKS))
    folder = latest(tmp_path)
    assert read(folder)["global_step"] == 4
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "STOP_AT": "9"}
    asked = [f"resume={folder}", "trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu", "logger=none"]
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("planted_stop.py")), *asked],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert process.returncode == 143, process.stderr[-2000:]
    assert read(folder)["global_step"] == 10
    app.run(config(tmp_path, *RANKS, f"resume={folder}"))
    assert_same(weights(folder), weights(alone), 1e-6)  # kept in single precision


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize("rank", [0, 1])
def test_all_ranks_stop_at_a_signal_to_any(rank, number, alone, tmp_path):
    """All ranks stop when any of them gets a signal."""
    asked = [*RANKS, "trainer.max_epochs=500", "trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"]
    process = started("train.py", *asked, f"runs={tmp_path / 'runs'}", cwd=tmp_path)
    while not list(tmp_path.glob("runs/2*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    target = process.pid if rank == 0 else children(process)[0]
    since = time.monotonic()
    os.kill(target, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors[-2000:]
    assert time.monotonic() - since < 15
    assert errors.strip() == f"train.py: stopped by {number.name}"
    status = read_status(latest(tmp_path))
    assert (status["state"], status["reason"]) == ("interrupted", f"stopped by {number.name}")
    assert torch.isfinite(torch.cat([t.flatten() for t in weights(latest(tmp_path)).values()])).all()
