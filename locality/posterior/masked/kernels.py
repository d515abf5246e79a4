"""The kernels of masked softmaxes: a new one is a file, and an entry here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from locality.posterior.masked.compiled import Compiled
from locality.posterior.masked.dense import Dense
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.masked.table import BASES
from locality.posterior.triton.masked import Tiled

KERNELS: tuple[Callable[[Rows], MaskedKernel], ...] = (
    *(partial(Compiled, basis=basis) for basis in BASES),
    Tiled,
    Dense,
)
