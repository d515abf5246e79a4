"""The one process that writes and speaks, and ranks that an environment names without a launcher."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from locality.config import UsageError
from locality.live import LIVE

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")  # where Lightning looks, in its order
# How many processes a launcher started: srun, mpirun (Open MPI, MPICH), jsrun.
SIZES = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "JSM_NAMESPACE_SIZE")


def forget_left_over(trainer: Mapping[str, Any]) -> None:
    """Remove the ranks that an earlier job left in the environment, and say so.

    On a rank other than the first nothing is written: a left-over `LOCAL_RANK=1` would let a whole training
    vanish. With one device and no launcher it can only be left over. With several devices it may be one of a
    launch by hand, which also sets MASTER_PORT; raises UsageError where that is missing.
    """
    named = {name: os.environ[name] for name in RANKS if os.environ.get(name, "0") != "0"}
    if not named or _launched():
        return
    told = ", ".join(f"{name}={value}" for name, value in named.items())
    if trainer.get("devices") != 1 or trainer.get("num_nodes", 1) != 1:
        if "MASTER_PORT" not in os.environ:
            raise UsageError(f"{told}: set in the environment, and no launcher made this process; unset it")
        return
    print(f"note: {told} is left over in the environment, and has no meaning for one device", flush=True)
    for name in named:
        del os.environ[name]
    if "lightning" in sys.modules:  # which has looked already
        from lightning.pytorch.utilities import rank_zero_only

        rank_zero_only.rank = 0  # type: ignore[attr-defined]


def first_rank() -> bool:
    """Is this the process that writes? One run folder and one W&B run, however many ranks."""
    from lightning.pytorch.utilities import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0)) == 0


def say(text: str) -> None:
    """Print on the first rank, at once: what is told once, however many ranks there are."""
    if first_rank():
        LIVE.print(text)


def is_first() -> bool:
    """Whether the environment names this process as the first rank, or as none."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def _launched() -> bool:
    sizes = (os.environ.get(name, "") for name in SIZES)
    return "TORCHELASTIC_RUN_ID" in os.environ or any(size.isdigit() and int(size) > 1 for size in sizes)
