"""The compiled scan over shifts, shared out over threads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from locality.posterior.patches.kernel import ShiftScan, Window
from locality.posterior.patches.passes import backward, forward
from locality.posterior.rounding import Query
from locality.posterior.softmax import State
from locality.posterior.vectors.llvm import STEP
from locality.posterior.vectors.threads import at_rest, shared


@dataclass(frozen=True)
class CompiledShiftScan(ShiftScan):
    """Running sums of the differences at each shift, in float32 or float64: bounded memory, any patch."""

    images: Tensor  # [N, n] as at rest
    image_shape: torch.Size
    window: Window
    dtype: torch.dtype

    def weigh(self, query: Query) -> State:
        """Each thread keeps a state of its own."""
        batch, (channels, height, width) = len(query.x), self.image_shape

        owner = torch.arange(channels * height * width) % (height * width)

        def part(first: int, last: int) -> State:
            state, sums = np.zeros((batch, height, width, 4)), np.zeros((batch, channels, height, width))
            forward(*self._arguments(query, first, last), state, sums)
            return State.of_sums(
                torch.from_numpy(state).flatten(1, 2), torch.from_numpy(sums).flatten(1), owner
            )

        return reduce(State.merge, shared(len(self.images), STEP, part))

    def transpose(self, query: Query, evidence: Tensor, mean: Tensor, g: Tensor) -> Tensor:
        """One more pass over all patches."""
        channels, height, width = self.image_shape
        offset = rearrange(g.double() * mean, "b (c p) -> b c p", c=channels).sum(1)
        known = (evidence.double().reshape(-1, height, width).numpy(), self._pixels(g))
        given = (*known, offset.reshape(-1, height, width).numpy(), self._pixels(mean))

        def part(first: int, last: int) -> Tensor:
            sums = np.zeros((len(query.x), channels, height, width))
            backward(*self._arguments(query, first, last), *given, sums)
            return torch.from_numpy(sums)

        return torch.stack(shared(len(self.images), STEP, part)).sum(0).flatten(1)

    def _arguments(self, query: Query, first: int, last: int) -> tuple[Any, ...]:
        _, height, width = self.image_shape
        shift = query.shift.to(self.dtype).reshape(-1, height, width).contiguous().numpy()
        return (
            at_rest(self.images),
            first,
            last,
            (self._pixels(query.x), shift, query.scale),
            tuple(self.window),
        )

    def _pixels(self, flat: Tensor) -> np.ndarray:
        return flat.detach().to(self.dtype).reshape(-1, *self.image_shape).contiguous().numpy()
