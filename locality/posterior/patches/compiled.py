"""The kernel of compiled running sums over shifts, on the CPU, shared out over threads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from locality.posterior.kernel import Kernel, Probe
from locality.posterior.patches.kernel import Patches
from locality.posterior.patches.passes import backward, forward
from locality.posterior.rounding import PixelMoments, Query, relative_error
from locality.posterior.softmax import Weighed
from locality.posterior.vectors.llvm import STEP
from locality.posterior.vectors.threads import at_rest, over_threads
from locality.posterior.view import View

_EACH = {torch.float32: 0.6, torch.float64: 1.2}  # nanoseconds for a candidate, whatever the patch


@dataclass(frozen=True)
class CompiledPatches(Kernel):
    """Running sums of the differences at each shift, in float32 or float64: bounded memory, any patch."""

    patches: Patches

    def usable(self, device: torch.device) -> bool:
        """It runs on the CPU."""
        return device.type == "cpu"

    def cost(self, dtype: torch.dtype) -> float:
        """An image has as many candidates as pixels."""
        return _EACH[dtype] * self.patches.places

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """The error of running sums, which go down the image and along its lines, as wide as a patch.

        A patch that wraps around more than once holds a pixel, and its rounding, several times.
        """
        (channels, height, width), side = self.patches.image_shape, self.patches.side
        extent = side * (height + width + side) * channels
        times = math.prod(-(-side // size) for size in (height, width))
        return times * relative_error(query, moments, extent, 2)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """Each thread keeps a state of its own."""
        batch, (channels, height, width) = len(query.x), self.patches.image_shape

        def part(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
            state, sums = np.zeros((batch, height, width, 4)), np.zeros((batch, channels, height, width))
            forward(*self._arguments(view, query, first, last), state, sums)
            return state.reshape(batch, -1, 4), sums.reshape(batch, -1)

        return reduce(
            Weighed.merge, (self._state(*found) for found in over_threads(len(view.images), STEP, part))
        )

    def _state(self, rows: np.ndarray, sums: np.ndarray) -> Weighed:
        return Weighed.of_sums(torch.from_numpy(rows), torch.from_numpy(sums), self.patches.row_of_output)

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """One more pass over all patches."""
        _, height, width = self.patches.image_shape
        known, offset = (part.double().reshape(-1, height, width).numpy() for part in (evidence, means))
        given = (known, self._pixels(probe.g, query), offset, self._pixels(centre, query))

        def part(first: int, last: int) -> Tensor:
            sums = np.zeros((len(query.x), *self.patches.image_shape))
            backward(*self._arguments(view, query, first, last), *given, sums)
            return torch.from_numpy(sums)

        return torch.stack(over_threads(len(view.images), STEP, part)).sum(0).flatten(1)

    def _arguments(self, view: View, query: Query, first: int, last: int) -> tuple[Any, ...]:
        _, height, width = self.patches.image_shape
        shift = query.shift.to(query.dtype).reshape(-1, height, width).contiguous().numpy()
        queries = (self._pixels(query.x, query), shift, query.scale.numpy())
        return at_rest(view.images), first, last, queries, (self.patches.radius, self.patches.wraps)

    def _pixels(self, flat: Tensor, query: Query) -> np.ndarray:
        return flat.detach().to(query.dtype).reshape(-1, *self.patches.image_shape).contiguous().numpy()
