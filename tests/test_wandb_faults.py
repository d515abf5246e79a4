"""W&B may die, hang or be away: the run ends well, its folder has everything, one line says so."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lightning as L
import pytest
import torch
from test_report_wandb import Line
from tiny_runs import NETWORK, TINY, started
from torch.utils.data import DataLoader, TensorDataset
from wandb_server import Server, serving

from locality.report import Report, loggers, uplink, wandb_logger
from locality.report.history import read_history
from locality.runs.folder import create_run_folder

ROWS = 6


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server that answers, and credentials for it."""
    monkeypatch.setenv("WANDB_SILENT", "true")
    with serving(monkeypatch, tmp_path) as served:
        yield served


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen seconds are long: a start may take ten on a busy machine."""
    for module in (uplink, wandb_logger):
        monkeypatch.setattr(module, "SECONDS", 15.0)
    monkeypatch.setattr(uplink, "GRACE", 2.0)


def core() -> int:
    """The process id of wandb-core."""
    from wandb.sdk import wandb_setup

    pid: int = wandb_setup.singleton()._connection._proc._process.pid
    return pid


class At(L.Callback):
    """Does something after a step."""

    def __init__(self, step: int, action: Callable[[], object]) -> None:
        self.step, self.action = step, action

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        if trainer.global_step == self.step:
            self.action()


def train(
    folder: Path,
    mode: str,
    *callbacks: L.Callback,
    first: int = 0,  # the step to go on from
    resumed: bool = False,
    end: bool = True,
) -> str | None:
    """Log steps `first` to 5, and a result; gives the command that uploads what the server does not have."""
    kept = loggers(wandb=mode)(folder, resume_step=first if resumed else None)
    data = DataLoader(TensorDataset(torch.randn(ROWS - first, 4)))
    trainer = L.Trainer(
        accelerator="cpu", max_epochs=1, logger=kept, log_every_n_steps=1, callbacks=list(callbacks),
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit_loop.epoch_loop._batches_that_stepped = first  # the step that Lightning's loggers are told
    trainer.fit(Line(), data)
    report = Report(folder, kept)
    report.scalars({"test/mse": 1.0})
    return report.finish() if end else None


def steps(folder: Path) -> list[int]:
    """The steps that the run folder has."""
    return [step for step, _ in read_history(folder / "history.csv")["train/loss"]]


def uploaded(command: str, server: Server, name: str) -> list[float]:
    """The losses that the server has, in their order, after the command that a run prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        env=os.environ | {"WANDB_BASE_URL": server.url}, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr, done.stderr
    rows = [row for row in server.run(name).rows if "train/loss" in row]
    assert [row["trainer/global_step"] for row in rows] == list(range(ROWS)), done.stderr
    own = [row["_step"] for row in server.run(name).rows]
    assert own == list(range(len(own)))
    return [row["train/loss"] for row in rows]


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line about W&B."""
    lines = capsys.readouterr().err.splitlines()
    (line,) = [line for line in lines if "W&B" in line or "wandb:" in line] or ["nothing"]
    return line


def run_id(folder: Path) -> str:
    return (folder / "wandb_id.txt").read_text().strip()


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.faults)])
def test_a_training_goes_on_without_wandb_core(number, server, hurried, tmp_path, capsys) -> None:
    """A training goes on when W&B's own process is killed."""
    folder = create_run_folder(tmp_path / "runs", "photos")
    train(folder, "offline", At(2, lambda: os.kill(core(), number)))
    assert steps(folder) == list(range(ROWS))
    assert "the run goes on without W&B, its folder has everything" in told(capsys)
    again = create_run_folder(tmp_path / "runs", "again")  # the next run of a sweep has W&B again
    command = train(again, "offline")
    assert command is not None
    assert len(uploaded(command, server, run_id(again))) == ROWS


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["refuses", "hangs"])
def test_an_online_run_without_a_server_is_kept_offline(
    fault, server, hurried, monkeypatch, tmp_path, capsys
) -> None:
    """An online run without a server is kept offline."""
    if fault == "hangs":
        silent = Server()
        silent.hang()
        url = silent.url
    else:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("WANDB_BASE_URL", url)
    folder = create_run_folder(tmp_path / "runs", "photos")
    began = time.monotonic()
    command = train(folder, "online")
    assert time.monotonic() - began < 120
    assert "this run is kept offline" in told(capsys)
    assert steps(folder) == list(range(ROWS))
    assert command is not None
    assert len(uploaded(command, server, run_id(folder))) == ROWS


@pytest.mark.faults
@pytest.mark.parametrize("fault", [Server.die, Server.hang])
def test_an_online_run_whose_server_goes_away_ends_and_says_how_to_upload_the_rest(
    fault, server, hurried, tmp_path, capsys
) -> None:
    """An online run whose server goes away ends, and says how to upload the rest."""
    folder = create_run_folder(tmp_path / "runs", "photos")
    began = time.monotonic()
    command = train(folder, "online", At(2, lambda: fault(server)))
    assert time.monotonic() - began < 120
    assert steps(folder) == list(range(ROWS))
    assert command is not None
    assert command in told(capsys)
    back = Server()
    back.runs = server.runs
    assert len(uploaded(command, back, run_id(folder))) == ROWS


def test_an_online_run_that_is_uploaded_leaves_nothing_to_upload(server, tmp_path, capsys) -> None:
    folder = create_run_folder(tmp_path / "runs", "photos")
    assert train(folder, "online") is None
    rows = server.run(run_id(folder)).rows
    assert [row["trainer/global_step"] for row in rows if "train/loss" in row] == list(range(ROWS))
    assert "W&B" not in capsys.readouterr().err


@pytest.mark.parametrize("loses", ["nothing", "the end", "everything"])
def test_a_run_resumed_offline_uploads_every_row_once_whatever_its_first_session_lost(
    loses, server, tmp_path
) -> None:
    folder = create_run_folder(tmp_path / "runs", "photos")
    train(folder, "offline")  # rows 0 to 5, and then the run goes on from step 4
    (log,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    if loses != "nothing":
        log.write_bytes(log.read_bytes()[: 7 if loses == "everything" else -900])
    time.sleep(1.1)  # W&B names its folders by the second
    command = train(folder, "offline", first=4, resumed=True)
    assert steps(folder) == list(range(ROWS))
    assert command is not None
    losses = uploaded(command, server, run_id(folder))
    assert losses == [value for _, value in read_history(folder / "history.csv")["train/loss"]]


def test_ctrl_c_ends_the_upload_at_the_end(server, tmp_path) -> None:
    folder = create_run_folder(tmp_path / "runs", "photos")
    kept = loggers(wandb="online")(folder)
    report = Report(folder, kept)
    report.scalars({"test/mse": 1.0})
    server.hang()
    # A shell that starts the tests in the background has SIGINT ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            report.finish()
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - began < 10
    assert (folder / "metrics.json").exists()


def children(pid: int) -> list[int]:
    """The processes that a process started, and that go on."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it ended meanwhile
            continue
        found += [int(stat.parent.name)] if int(parent) == pid and state != "Z" else []
    return found


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["core killed", "core stopped", "server dies", "server hangs", "no server"])
def test_a_whole_training_ends_well_and_leaves_no_process(fault, server, tmp_path) -> None:
    """A training ends well when W&B fails, and leaves no process."""
    if fault == "no server":
        server.die()
    mode = "wandb" if fault.startswith("core") else "wandb_online"
    options = [option for option in TINY if option != "logger=none"]
    process = started("train.py", *options, *NETWORK, f"logger={mode}", "trainer.max_epochs=12", cwd=tmp_path)
    history = tmp_path / "runs" / "latest" / "history.csv"
    while not history.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    cores = children(process.pid)
    if fault.startswith("core"):
        (pid,) = cores
        os.kill(pid, signal.SIGKILL if fault == "core killed" else signal.SIGSTOP)
    elif fault.startswith("server"):
        (server.die if fault == "server dies" else server.hang)()
    printed, errors = process.communicate(timeout=400)  # waits for all that have its output open
    assert process.returncode == 0, errors
    (line,) = errors.splitlines()
    assert line.startswith("W&B: ")
    assert (history.parent / "metrics.json").exists()
    assert not [pid for pid in cores if Path(f"/proc/{pid}").exists()]
    if not fault.startswith("core"):
        assert "W&B, to upload: wandb sync " in printed
