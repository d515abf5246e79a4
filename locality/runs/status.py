"""What became of a run: status.json, written last."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from omegaconf import DictConfig

from locality.disk import write_atomically
from locality.ranks import first_rank
from locality.runs.files import STATUS

RunState = Literal["running", "finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How a run stands. `finished`: it reached `max_steps` or `max_epochs`, and all is written."""

    state: RunState
    reason: str | None = None  # why it is not finished
    code: int = 0  # of the process
    diverged: bool = False  # its numbers were no longer finite: it may go on with another learning rate


def set_status(
    folder: Path,
    cfg: DictConfig,
    outcome: Outcome,
    facts: Mapping[str, Any],  # more to note, such as the fingerprint of the data
) -> None:
    """Notes how a run stands, when, and which process it is. A divergence is remembered for good."""
    if not first_rank():
        return
    status: dict[str, Any] = {"task": cfg.task, "state": outcome.state, "network": is_network(cfg), **facts}
    status["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    status["process"] = this_process()
    if outcome.reason:
        status["reason"] = outcome.reason
    if outcome.diverged or read_status(folder).get("diverged"):
        status["diverged"] = True
    write_atomically(folder / STATUS, json.dumps(status) + "\n")


def read_status(folder: Path) -> dict[str, Any]:
    """The content of status.json; empty where there is none that can be read."""
    try:
        return checked_status(folder)
    except (OSError, ValueError, KeyError, RecursionError):
        return {}


def checked_status(folder: Path) -> dict[str, Any]:
    """The content of status.json. Raises OSError, ValueError or KeyError where it is none."""
    path = folder / STATUS
    if path.exists() and not path.is_file():  # a pipe would keep whoever reads it waiting
        raise OSError(f"{path}: no file")
    status = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(status, dict):
        raise ValueError("not a mapping")
    said = {"time": "", **status}  # runs of before the time was noted have none
    for name, kind in (("task", str), ("state", str), ("network", bool), ("time", str)):
        if not isinstance(said[name], kind):
            raise ValueError(f"{name}: {said[name]!r}")
    if said["state"] not in get_args(RunState):
        raise ValueError(f"state: want one of {', '.join(get_args(RunState))}, got {said['state']!r}")
    return said


def is_alive(status: Mapping[str, Any]) -> bool:
    """Whether a run that is noted as running does run, as far as this machine can tell.

    A killed process cannot note that it ended. Of another machine's process nothing is known: it counts as
    gone, as that of a run of before processes were noted.
    """
    process = status.get("process")
    if status.get("state") != "running" or not isinstance(process, Mapping):
        return False
    number = process.get("pid")
    if type(number) is not int or not 0 < number < 2**31:
        return False
    return dict(process) == _process(number) and _exists(number)


def is_network(cfg: DictConfig) -> bool:
    """Whether a training config trains a network (an analytical model has no `network`)."""
    return cfg.task == "train" and "network" in cfg.model


def this_process() -> dict[str, Any]:
    """What `is_alive` asks of a note."""
    return _process(os.getpid())


def _process(number: int) -> dict[str, Any]:
    """What tells a process from any other, of later times and other machines, too."""
    return {"host": socket.gethostname(), "pid": number, "started": _started(number)}


def _started(number: int) -> str | None:
    """When a process began, in ticks since this machine did, and which start of the machine that was."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The second field is a name in brackets, which may hold anything; the start is the 22nd.
        ticks = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):  # no Linux, or no such process
        return None
    return f"{boot}/{ticks}"


def _exists(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True
