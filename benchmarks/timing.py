"""Fair times on a machine that others use too: rivals take turns, and CPU time counts."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Race(NamedTuple):
    """One thing against another."""

    seconds: float  # CPU time of ours, all threads: the median
    rival_seconds: float
    ratio: float  # the rival's time over ours: the median over rounds


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
