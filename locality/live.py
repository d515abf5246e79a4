"""What a long computation does just now: one live line in a terminal, and now and then a line elsewhere."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeVar

Part = TypeVar("Part")
PATIENCE = 30.0  # seconds without a line, after which one is due where there is no terminal
NOTABLE = 3.0  # seconds, from which on it is said how long something takes
_WHOLE = re.compile(  # a command, a quoted text
    r"(?:python|locality-\w+|wandb sync|pip install) [^;]*[^;\s]|'[^']*'"
)
_CLEAR = "\r\x1b[2K"


class Task:
    """Something that goes on in steps, such as the levels of a denoiser."""

    def __init__(self, name: str, steps: int, live: Live) -> None:
        self.name, self._steps, self._live = name, steps, live
        self._begun, self._what = 0, ""
        self.share = 0.0  # of the step that goes on, which is done
        self.span: tuple[float, float] | None = None  # where the part that goes on begins, and how long it is
        self._begin = self._since = live.clock()

    def at(
        self,
        what: str,
        parts: bool = False,  # whether `Live.parts` within it are of this step
    ) -> None:
        """Says which step begins; the one before it is done."""
        self.share, self.span = 0.0, (0.0, 1.0) if parts else None
        if self._begun == 0:  # what came before the first step is not its pace
            self._since = self._live.clock()
        self._begun += 1
        self.note(what)

    def note(self, what: str) -> None:
        """Says what is done now, if that is no step."""
        self._what = what
        self._live.changed()

    def __str__(self) -> str:
        done = self._begun - 1 + self.share
        text = ": ".join(part for part in (self.name, self._what) if part)
        text += f", {100 * self.share:.0f} %" if self.share else ""
        if done <= 0 or self._steps <= done:
            since = self._live.clock() - self._begin
            return f"{text}, {duration(since)}" if self._steps == 0 and since >= NOTABLE else text
        left = (self._live.clock() - self._since) / done * (self._steps - done)
        return f"{text}, {duration(left)} left"


class Live:
    """The line of a process. It is silent until a run shows it, so that notebooks stay quiet.

    In a terminal the line is written over; elsewhere a line is printed where there was none for `PATIENCE`.
    """

    def __init__(
        self,
        stream: TextIO | None = None,  # None: standard output
        clock: Callable[[], float] = time.monotonic,
        tick: float | None = None,  # seconds after which it is drawn anew by itself; None: never
    ) -> None:
        self._stream, self.clock, self._tick = stream, clock, tick
        self._lock = threading.RLock()  # of the stream: the ticks come from a thread
        self._on, self._drawn = False, False
        self._tasks: list[Task] = []
        self._last = clock()  # when something was printed

    @contextmanager
    def shown(self, on: bool = True) -> Iterator[None]:
        """Within it the line is shown, by the first rank."""
        self._on, self._last = on, self.clock()
        over = threading.Event()
        if on and self._tick is not None:
            threading.Thread(target=self._ticking, args=(over,), daemon=True).start()
        try:
            yield
        finally:
            over.set()
            with self._lock:
                self._wipe()
                self._on = False

    @contextmanager
    def task(self, name: str, steps: int = 0) -> Iterator[Task]:
        """Within it this is what goes on, or a part of it."""
        task = Task(name, steps, self)
        self._tasks.append(task)
        self.changed()
        try:
            yield task
        finally:
            self._tasks.remove(task)
            self.changed()

    def parts(self, parts: Sequence[Part]) -> Iterator[Part]:
        """Goes through equal parts of a step, or of one of its parts, and notes how much is done.

        It draws nothing, as parts may be short: the ticks do. Nothing is noted of steps without parts.
        """
        task = self._tasks[-1] if self._tasks else None
        if task is None or task.span is None:
            yield from parts
            return
        first, length = whole = task.span
        for k, part in enumerate(parts):
            task.share = first + length * k / len(parts)
            task.span = task.share, length / len(parts)
            yield part
        task.share, task.span = first + length, whole

    def print(self, text: str) -> None:
        """A line that stays, above the live one."""
        with self._lock:
            self._wipe()
            print(text, file=self._stream, flush=True)
            self._last = self.clock()
            self.changed()

    def changed(self) -> None:
        """Draws the line anew."""
        with self._lock:
            if self._on:
                self._draw()

    def _ticking(self, over: threading.Event) -> None:
        try:
            while not over.wait(self._tick):
                self.changed()
        except (OSError, ValueError):  # nobody reads any more; the main thread meets that, too
            pass

    def _draw(self) -> None:
        out, text = self._stream or sys.stdout, ": ".join(map(str, self._tasks))
        if not text:
            self._wipe()
        elif out.isatty():
            width = shutil.get_terminal_size().columns - 1
            out.write(_CLEAR + text[:width])
            out.flush()
            self._drawn = True
        elif self.clock() - self._last >= PATIENCE:
            print(text, file=out, flush=True)
            self._last = self.clock()

    def _wipe(self) -> None:
        if self._drawn:
            out = self._stream or sys.stdout
            out.write(_CLEAR)
            out.flush()
            self._drawn = False


def prose(text: str, width: int = 100) -> str:
    """Sentences in lines of `width` columns. A command or a quoted text stays whole, as a path does.

    >>> print(prose("no control; this trains it: python train.py gamma=0; then again", 30))
    no control; this trains it:
      python train.py gamma=0;
      then again
    """
    whole = _WHOLE.sub(lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        whole, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines).replace("\0", " ")


def one_line(error: BaseException) -> str:
    """An error with its kind, whatever lines its message has.

    >>> one_line(KeyError("model"))
    "KeyError: 'model'"
    """
    return " ".join(f"{type(error).__name__}: {error}".split())


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(4.2), duration(192), duration(7300)
    ('4 s', '3 min 12 s', '2 h 1 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


LIVE = Live(tick=1.0)  # a terminal is a process's own, so there is one
