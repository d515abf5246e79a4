"""Fair times on a machine that others use too: rivals take turns, and CPU time counts."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

Row = dict[str, Any]
Plain = Callable[[], Callable[[], object]]  # makes the plain form of a call, ready to be timed


class Race(NamedTuple):
    """One thing against another."""

    seconds: float  # CPU time of ours, all threads: the median
    rival_seconds: float
    ratio: float  # the rival's time over ours: the median over rounds


class Meter(ABC):
    """What is measured of a call, and of the plain form of it."""

    rounds = 1  # turns that each rival takes

    @abstractmethod
    def times(
        self,
        ours: Callable[[], object],
        plain: Plain | None,
        scale: float = 1,  # times that the plain form does to be as much work
    ) -> Row:
        """Times alone."""

    @abstractmethod
    def row(
        self,
        ours: Callable[[Tensor], Tensor],  # noisy images [B, C, H, W] to estimates
        x: Tensor,
        plain: Plain | None = None,
        exact: Callable[[Tensor], Tensor] | None = None,  # the same for one image, in float64
    ) -> Row:
        """Times, memory and error."""


class Versus(Meter):
    """CPU seconds in turns with the plain form, the peak of memory, and the relative error of one image."""

    def __init__(self, rounds: int) -> None:
        self.rounds = rounds

    def times(self, ours: Callable[[], object], plain: Plain | None, scale: float = 1) -> Row:
        """`seconds`, `rival_seconds` and their `ratio`."""
        if plain is None:
            return {"seconds": cpu_seconds(ours)}
        found = race(ours, plain(), self.rounds)
        return {
            "seconds": found.seconds,
            "rival_seconds": found.rival_seconds * scale,
            "ratio": found.ratio * scale,
        }

    def row(
        self,
        ours: Callable[[Tensor], Tensor],
        x: Tensor,
        plain: Plain | None = None,
        exact: Callable[[Tensor], Tensor] | None = None,
    ) -> Row:
        """`peak_bytes`, the times, and the `error`."""
        ours(x[:1])  # plans and compiles: what it keeps does not count
        row = {"peak_bytes": peak_bytes(lambda: ours(x))} | self.times(lambda: ours(x), plain)
        if exact is not None:
            truth = exact(x[:1].double())
            row["error"] = ((ours(x)[:1].flatten(1) - truth).norm() / truth.norm()).item()
        return row


def made(form: Callable[[], object]) -> Plain:
    """A plain form that takes no making."""
    return lambda: form


def race(ours: Callable[[], object], rival: Callable[[], object], rounds: int) -> Race:
    """Both in turns, after one call of ours that is not counted (it plans and compiles)."""
    ours()
    times = [(cpu_seconds(rival), cpu_seconds(ours)) for _ in range(rounds)]
    return Race(
        statistics.median(mine for _, mine in times),
        statistics.median(other for other, _ in times),
        statistics.median(other / mine for other, mine in times),
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of one call, of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def peak_bytes(work: Callable[[], object]) -> int:
    """How far the process's memory rises above what it holds now (Linux with glibc)."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # or what earlier work freed would be used again, unseen
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    work()
    return max(0, status("VmHWM") - before) * 1024


def status(field: str) -> int:
    """A number of this process in /proc, in KiB (Linux): `VmRSS` now, `VmHWM` at its most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))
