"""Signals that end a run: noted at once, obeyed where nothing is half done."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# SIGUSR1 is what Slurm is usually told to send before it preempts a job (`--signal=USR1@90`).
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))


class Stopped(BaseException):
    """A run ends before its end, as it was asked to. No error: `except Exception` does not meet it."""

    def __init__(
        self,
        reason: str,  # for status.json and the terminal
        code: int,  # of the process: 128 + the signal's number, 0 where the configuration asked for it
    ) -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code

    @classmethod
    def by(cls, number: int) -> Stopped:
        """Stopped by a signal."""
        return cls(f"stopped by {signal.Signals(number).name}", 128 + number)


class Request:
    """What the signals of this process have asked for.

    A signal raises `Stopped` where it arrives. While `deferred` the first one is only noted, in `number`: a
    training loop looks there between two batches, and the second one raises. The same while `held`, for
    moments; `obey` comes after them.
    """

    def __init__(self) -> None:
        self.number = 0  # of the signal; 0 for none
        self.deferred = False
        self.held = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler of a signal."""
        if not (self.deferred or self.held) or self.number:
            self.number = number
            raise Stopped.by(number)
        self.number = number
        if self.deferred:
            print("\nstopping after this batch, with a checkpoint; once more to stop at once", flush=True)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """What is within is done whole, for a signal of its time is only noted."""
        self.held = True
        try:
            yield
        finally:
            self.held = False

    def obey(self) -> None:
        """Raises `Stopped` where a signal was noted."""
        if self.number:
            raise Stopped.by(self.number)

    def take(self) -> dict[int, Any]:
        """Make this process's signals come here, and give back who had them: nobody, off the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        return {number: signal.signal(number, self.note) for number in SIGNALS}


REQUEST = Request()  # signals are a process's own, so there is one


@contextmanager
def heeded() -> Iterator[Request]:
    """Within it the signals of `SIGNALS` go to `REQUEST`; after it to whoever had them before."""
    REQUEST.number, REQUEST.deferred = 0, False
    before = REQUEST.take()
    try:
        yield REQUEST
    finally:
        REQUEST.deferred = False
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_closed_pipes() -> Iterator[None]:
    """What is within only prints. It ends without a word where nobody reads on, as in `--help | head`.

    A run is not like that: it outlives the pipes that it writes to, wandb-core's among them.
    """
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
    finally:
        sys.stdout.flush()
        signal.signal(signal.SIGPIPE, before)
