"""The jobs of a sweep, in this process or in those that a launcher starts: how each stands, and how it ended.

A job notes this in a folder that all jobs of the sweep share. The process that started them reads it there.
So an error reaches the terminal and the exit code, whatever the launcher makes of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from locality.disk import shown_path, write_atomically
from locality.live import one_line
from locality.runs.resuming import FREE
from locality.runs.status import is_alive, this_process

IN_TURN = "BasicLauncher"  # all jobs in this process, one after the other
ON_THIS_TERMINAL = (IN_TURN, "JoblibLauncher")  # what jobs of others print goes to files, or comes late
STOP = "stop"  # a file of this name among the notes: no further job begins
PAUSE = 0.5  # seconds between two looks at the notes
Notes = dict[int, dict[str, Any]]  # by the number of the job


class Sweep(Callback):
    """Hydra tells it when a sweep and when a job begins; launchers carry it to the processes of the jobs."""

    def __init__(self) -> None:
        self.argv = list(sys.argv)
        self.folder, self.name = Path(), ""  # of the notes; of the sweep, which a later command has, too
        self.launcher = IN_TURN
        self.number, self.settings = 0, ""  # of the job in this process

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Hydra calls it in the process that starts the jobs."""
        global _current
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self.folder = Path(config.hydra.sweep.dir).absolute() / name
        self.launcher = str(config.hydra.launcher._target_).rpartition(".")[2]
        self.name = _name(config.hydra.overrides.task)
        _current = self

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Hydra calls it in the process of a job, whose arguments may be a launcher's own."""
        global _current
        if config.hydra.mode == RunMode.MULTIRUN:
            self.number, _current = int(config.hydra.job.num), self
            self.settings = " ".join(config.hydra.overrides.task)
            sys.argv[:] = self.argv

    @property
    def in_turn(self) -> bool:
        """Whether all jobs run in the process that started the sweep."""
        return self.launcher == IN_TURN

    def begin(self) -> bool:
        """Notes that the job of this process begins. False where the sweep was stopped: it does not begin."""
        if (self.folder / STOP).exists():
            return False
        self._note(state="running", settings=self.settings, log=_log())
        return True

    def end(self, message: str = "", code: int = 0) -> None:
        """Notes how the job of this process ended; what went wrong is also printed here."""
        if code:
            _complain(self.number, message)
        self._note(state="ended", message=message, code=code)

    def notes(self) -> Notes:
        """What the jobs noted."""
        files = self.folder.glob("[0-9]*.json")
        return dict(sorted((int(file.stem), json.loads(file.read_text())) for file in files))

    def _note(self, **facts: Any) -> None:
        note = {**facts, "process": this_process()}
        write_atomically(self.folder / f"{self.number}.json", json.dumps(note))


_current: Sweep | None = None  # a process starts one sweep at a time, or works on one job


def current() -> Sweep | None:
    """The sweep that this process has started, or works on a job of."""
    return _current


def number() -> int | None:
    """The number of this process's job. Only a sweep numbers its jobs."""
    return None if _current is None else _current.number


def facts() -> dict[str, str]:
    """What a run's status.json says of the sweep that it is a job of: `networks=jobs` finds them by it."""
    return {} if _current is None else {"sweep": _current.name}


def carry_out(
    launch: Callable[[], object],  # Hydra, with the arguments of a sweep
) -> int:
    """Has the jobs of a sweep done, and gives back the greatest of their exit codes.

    The first Ctrl-C, which jobs of the same terminal get, too, lets them end as they do alone. The second one
    leaves them. Raises what Hydra or a launcher raises before a job has begun.
    """
    global _current
    _current = None
    follower = _Follower()
    try:
        launch()
    except KeyboardInterrupt:
        follower.code = 130
    except Exception as error:  # of a launcher, of whatever class
        if _current is None or not _current.notes():
            raise
        follower.fail(error)
    finally:
        follower.finish()
        _current = None
    return follower.code


class _Follower:
    """Follows the jobs of the current sweep from the process that started them."""

    def __init__(self) -> None:
        self.code = 0
        self._stopped = False
        self._told: set[tuple[int, str]] = set()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        self._main = threading.current_thread() is threading.main_thread()
        self._before = signal.signal(signal.SIGINT, self._interrupt) if self._main else None

    def fail(self, error: Exception) -> None:
        """A launcher gave up."""
        self.code = 1
        if self._stopped:  # submitit ends its local jobs soon after Ctrl-C, and misses what they return
            return
        print(f"{Path(sys.argv[0]).name}: {one_line(error)[:300]}", file=sys.stderr, flush=True)

    def finish(self) -> None:
        """Waits for jobs that still run here, tells what became of them, and takes the notes away."""
        try:
            while _current and not _current.in_turn and self.code != 130 and self._running():
                time.sleep(PAUSE)
        except KeyboardInterrupt:
            self.code = 130
        finally:
            if self._main:
                signal.signal(signal.SIGINT, self._before)
            self._over.set()
            self._watch.join()
        for number, note in (_current.notes() if _current else {}).items():
            if note["state"] == "running":
                gone = "runs on" if is_alive(note) else "its process is gone, or on a machine out of sight"
                _complain(number, f"{gone}; sweep=resume goes on with what has not finished")
            self.code = max(self.code, note.get("code", 1))
        self.code = max(self.code, 130) if self._stopped else self.code
        _tidy()

    def _running(self) -> bool:
        return _current is not None and any(map(is_alive, _current.notes().values()))

    def _interrupt(self, *_: Any) -> None:
        if _current is None or _current.in_turn or self._stopped:
            raise KeyboardInterrupt
        self._stopped = True
        write_atomically(_current.folder / STOP, "")
        print("\nstopping: no further job begins, those that run stop; once more to leave them", flush=True)

    def _look(self) -> None:
        while not self._over.wait(PAUSE):
            self._tell()
        self._tell()

    def _tell(self) -> None:
        if _current is None or _current.launcher in ON_THIS_TERMINAL:
            return
        for number, note in _current.notes().items():
            if (number, note["state"]) in self._told:
                continue
            self._told.add((number, note["state"]))
            if note["state"] == "running":
                log = f"; it prints to {shown_path(Path(note['log']))}" if note["log"] else ""
                print(f"job {number} began: {note['settings']}{log}", flush=True)
            elif note["code"]:
                _complain(number, note["message"])
            else:
                print(f"job {number} ended", flush=True)


def _tidy() -> None:
    """Removes the notes and what Hydra writes; a launcher may keep more there, and that stays."""
    if _current is None:
        return
    notes, place = _current.folder, _current.folder.parent
    for file in (*notes.glob("*"), place / "multirun.yaml"):
        file.unlink(missing_ok=True)
    for folder in (notes, place, place.parent):  # the last where no job had a run folder
        if folder.is_dir() and not any(folder.iterdir()) and folder.resolve() != Path.cwd():
            folder.rmdir()


def without_launcher(arguments: Sequence[str]) -> list[str]:
    """The arguments of a sweep whose jobs are done here: a dry run prints, and starts no process."""
    launcher = ("hydra/launcher=", "hydra.launcher.")
    return [one for one in arguments if not one.lstrip("+~").startswith(launcher)]


def prepare() -> None:
    """Lets the processes that a launcher starts import this very package, also from a checkout.

    Ray gives its jobs a low priority, and on a busy machine they wait for all else; here they have the usual.
    """
    os.environ.setdefault("RAY_worker_niceness", "0")
    root, before = Path(__file__).resolve().parents[2], os.environ.get("PYTHONPATH", "")
    if root.name != "site-packages" and str(root) not in before.split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join([str(root), *([before] if before else [])])


def _name(settings: Iterable[str]) -> str:
    """The same for all commands of the same jobs, however they are launched."""
    own = [one for one in settings if one.lstrip("+~").split("=")[0] not in FREE]
    return hashlib.sha256("\n".join(sorted(own)).encode()).hexdigest()[:16]


def _log() -> str:
    """The file that this process prints to, where it does."""
    place = Path("/proc/self/fd/1")
    try:
        return os.readlink(place) if place.is_file() else ""
    except OSError:  # no Linux
        return ""


def _complain(number: int, message: str) -> None:
    told = " ".join(f"job {number}: {message}".split())
    print(f"{Path(sys.argv[0]).name}: {told}", file=sys.stderr, flush=True)
