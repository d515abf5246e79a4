"""The kernels of softmaxes over patches: a new one is a file, and an entry here."""

from __future__ import annotations

from collections.abc import Callable

from locality.posterior.kernel import Kernel
from locality.posterior.patches.compiled import CompiledPatches
from locality.posterior.patches.dense import DensePatches
from locality.posterior.patches.kernel import Patches
from locality.posterior.triton.patches import TiledPatches

KERNELS: tuple[Callable[[Patches], Kernel], ...] = (CompiledPatches, TiledPatches, DensePatches)
