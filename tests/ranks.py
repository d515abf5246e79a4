"""Several ranks of torch.distributed on this machine, for tests."""

from __future__ import annotations

import datetime
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing


def on_ranks(
    world: int,
    work: Callable[..., Any],  # work(*args) on each rank; at the top of a file, so that it can be sent
    *args: Any,
) -> list[Any]:
    """What each rank's work returns. Raises AssertionError with the traceback of the first that failed."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_rank, (world, folder, work, args), nprocs=world)
        found = [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(world)]
    for rank, (good, result) in enumerate(found):
        assert good, f"rank {rank} of {world}: {result}"
    return [result for _, result in found]


def _rank(rank: int, world: int, folder: str, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
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
