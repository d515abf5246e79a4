"""What times depend on, besides the code."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

FAMILY = {"family": "cpu family", "model": "model"}
UNITS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")  # vector units that tell kinds apart


def about() -> dict[str, Any]:
    """Threads, machine and torch."""
    return {"threads": torch.get_num_threads(), "machine": processor(), "torch": torch.__version__}


def processor() -> str:
    """The processor by its maker's name, family and model, with its vector units.

    Servers that are rented often have a bare name, such as "Intel(R) Xeon(R) Processor".
    """
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    parts = [f"{name} {known[key]}" for name, key in FAMILY.items() if key in known]
    parts += [unit for unit in UNITS if unit in known.get("flags", "").split()]
    name = known.get("model name", platform.machine())
    return f"{name} ({', '.join(parts)})" if parts else name
