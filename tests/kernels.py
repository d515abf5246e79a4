"""Every kernel of the tuples `KERNELS`, with softmaxes that it says it is usable for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from banks import photographs, with_near_duplicates
from torch import Tensor

from locality.posterior import whole
from locality.posterior.kernel import Kernel, Softmaxes
from locality.posterior.masked import kernels as masked_kernels
from locality.posterior.masked.rows import Rows
from locality.posterior.patches import kernels as patch_kernels
from locality.posterior.patches.kernel import Patches
from locality.posterior.rounding import PixelMoments, Query, query

BANK = with_near_duplicates(photographs(8, 90))[:, :, :5, :6]  # the last 20 are copies but for a grey level
SHAPE = BANK.shape[1:]
MOMENTS = PixelMoments.of(BANK.flatten(1))
CPU = torch.device("cpu")


class Case(NamedTuple):
    """A kernel, and what it computes."""

    kernel: Kernel
    rows: Softmaxes
    precision: Tensor | None  # [n, n] of masked softmaxes; None: of patches

    def query(self, x: Tensor, sigma: float, dtype: torch.dtype) -> Query:
        return query(x.flatten(1), sigma, MOMENTS, self.rows.places).to(dtype)


class OneRow(NamedTuple):
    """The softmaxes of `whole`."""

    row_of_output: Tensor = torch.zeros(SHAPE.numel(), dtype=torch.long)
    places: int = 1
    sums: Callable[[Tensor], Tensor] = Tensor.double


def speckled() -> Tensor:
    """Rows with few members and rows with many, two of them the same."""
    generator = torch.Generator().manual_seed(0)
    n = SHAPE.numel()
    bits = torch.rand(n, n, generator=generator) < torch.tensor([0.9, 0.2, 0.5]).repeat(n // 3)[:, None]
    bits[7] = bits[2]
    return bits | torch.eye(n, dtype=torch.bool)


def weighted() -> Tensor:
    return speckled() * torch.rand(SHAPE.numel(), SHAPE.numel(), generator=torch.Generator().manual_seed(1))


def windows() -> Tensor:
    return Rows.of_windows(3, SHAPE).mask.repeat(SHAPE[0], SHAPE[0])


def name(make: Any) -> str:
    kept = make.keywords.values() if isinstance(make, partial) else ()
    make = make.func if isinstance(make, partial) else make
    return "-".join([getattr(make, "__name__", type(make).__name__), *map(str, kept)])


def masked(make: Callable[[Rows], Kernel], precision: Tensor) -> Case | None:
    rows = Rows.of_precision(precision, SHAPE)
    kernel = make(rows)
    return Case(kernel, rows, precision) if kernel.usable(CPU) else None


def all_cases() -> dict[str, Case]:
    """Every kernel with every kind of softmaxes that it says it is usable for."""
    cases: dict[str, Case | None] = {}
    for make in masked_kernels.KERNELS:
        for precision in (speckled, weighted, windows):
            cases[f"{name(make)}-{precision.__name__}"] = masked(make, precision())
    for make in patch_kernels.KERNELS:
        for wraps in (True, False):
            patches = Patches(SHAPE, 1, wraps, CPU)
            kernel, border = make(patches), "circular" if wraps else "broken"
            cases[f"{name(make)}-{border}"] = Case(kernel, patches, None) if kernel.usable(CPU) else None
    for one in whole.KERNELS:
        n = SHAPE.numel()
        cases[name(one)] = Case(one, OneRow(), torch.ones(n, n, dtype=torch.bool))
    return {key: case for key, case in cases.items() if case is not None}
