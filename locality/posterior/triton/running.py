"""Where Triton's kernels run: on NVIDIA's GPUs from sm_80 on, and on the CPU under Triton's interpreter."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec

import torch

_OLDEST = (8, 0)  # compute capability: the first with matrix units for float64, and copies that do not wait
_YES = ("1", "true", "on", "yes", "y")  # as Triton reads its variables


def usable(device: torch.device) -> bool:
    """Whether kernels can be compiled for a device, or interpreted; imports nothing."""
    if not installed():
        return False
    if device.type != "cuda":
        return device.type == "cpu" and interpreted()
    if interpreted() or torch.version.hip is not None:
        return False
    return torch.cuda.get_device_capability(device) >= _OLDEST and _compiler()


def installed() -> bool:
    """Whether there is a Triton: it comes with torch for Linux alone."""
    return find_spec("triton") is not None


def interpreted() -> bool:
    """Whether Triton was told to interpret, before it was imported."""
    return os.environ.get("TRITON_INTERPRET", "").lower() in _YES


def on(device: torch.device) -> AbstractContextManager[object]:
    """What launches must be made in: Triton takes the current device, wherever its arguments are."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def processors(device: torch.device) -> int:
    """How many programs a device runs at once, at least."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _compiler() -> bool:
    # Triton compiles what launches a kernel with the system's own compiler.
    return "CC" in os.environ or any(shutil.which(name) for name in ("gcc", "clang"))
