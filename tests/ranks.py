"""Several ranks of torch.distributed on this machine, for tests."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing

HEAVY = ["sklearn.datasets", "locality.calibration", "locality.denoisers", "locality.metrics"]


def on_ranks(
    world: int,
    work: Callable[..., Any],  # work(*args) on each rank; at the top of a file, so that it can be sent
    *args: Any,
) -> list[Any]:
    """What each rank's work returns. Raises AssertionError with the traceback of the first that failed.

    Ranks are forked from a process that has imported what is heavy, once for all of them.
    """
    multiprocessing.set_forkserver_preload(HEAVY)
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.start_processes(
            _rank, (world, folder, work, args, dict(os.environ)), nprocs=world, start_method="forkserver"
        )
        found = [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(world)]
    for rank, (good, result) in enumerate(found):
        assert good, f"rank {rank} of {world}: {result}"
    return [result for _, result in found]


def _rank(
    rank: int,
    world: int,
    folder: str,
    work: Callable[..., Any],
    args: tuple[Any, ...],
    environment: dict[str, str],  # of the test; the process that forks has that of the first
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    patience = datetime.timedelta(seconds=300)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world, timeout=patience
    )
    try:
        result = (True, work(*args))
    except Exception:  # whatever it is, the test says it
        result = (False, traceback.format_exc())
    torch.save(result, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()
