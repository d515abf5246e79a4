"""Runs that kill themselves at a chosen moment, in processes that are forked: that is quick."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import torch
from tiny_runs import config

from locality import app

# What the server of forks imports once. It does not see this folder, so it cannot import this module.
LOADED = [
    "locality.app", "locality.training", "locality.evaluation", "locality.report.figures",
    "locality.networks.unet", "diffusers.models.unets.unet_2d", "lightning.pytorch", "hydra.utils",
    "matplotlib.backends.backend_agg", "torch._dynamo", "torchmetrics", "sklearn.datasets",
]  # fmt: skip


def forked(function: Callable[..., object], *arguments: Any, seconds: float = 120) -> int:
    """Calls a function of an importable module in a process of its own, and gives back its exit code."""
    context = multiprocessing.get_context("forkserver")
    assert isinstance(context, ForkServerContext)
    context.set_forkserver_preload(LOADED)
    process = context.Process(target=function, args=arguments)
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(f"{function.__name__}{arguments}: not done after {seconds} s")
    assert process.exitcode is not None
    return process.exitcode


def run(folder: Path, *overrides: str, task: str = "train") -> None:
    """A run like any other."""
    _quiet(folder)
    app.run(config(folder, *overrides, task=task))


def run_and_die(
    folder: Path,
    overrides: list[str],
    part: str,  # of the path of files that count
    count: int,  # which opening for writing, or renaming, of such a file it is
    delay: float,  # seconds from there
    task: str = "train",
) -> None:
    """A run that is killed when it writes."""
    left = [count]

    def look(event: str, details: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(details[1], str) and set(details[1]) & set("wax+")
        if (writes or event == "os.rename") and part in str(details[0]):
            left[0] -= 1
            if left[0] == 0:
                threading.Thread(target=die, daemon=True).start()

    def die() -> None:
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGKILL)

    _quiet(folder)
    sys.addaudithook(look)
    app.run(config(folder, *overrides, task=task))


def _quiet(folder: Path) -> None:
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    sink = os.open(folder / "terminal.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
