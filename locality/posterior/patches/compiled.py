"""The compiled scan over shifts, shared out over threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from locality.posterior.patches.kernel import ShiftScan, ShiftWeighed, Window
from locality.posterior.patches.passes import backward, forward
from locality.posterior.rounding import Query
from locality.posterior.vectors.llvm import STEP
from locality.posterior.vectors.threads import at_rest, shared, united


@dataclass(frozen=True)
class CompiledShiftScan(ShiftScan):
    """Running sums of the differences at each shift, in float32 or float64: bounded memory, any patch."""

    images: Tensor  # [N, n] as at rest
    image_shape: torch.Size
    window: Window
    dtype: torch.dtype

    def weigh(self, query: Query) -> ShiftWeighed:
        """Each thread keeps a running softmax; they are merged at the end."""
        batch, (channels, height, width) = len(query.x), self.image_shape

        def part(first: int, last: int) -> tuple[Tensor, Tensor]:
            state, sums = np.zeros((batch, height, width, 4)), np.zeros((batch, channels, height, width))
            forward(*self._arguments(query, first, last), state, sums)
            return torch.from_numpy(state), torch.from_numpy(sums)

        states, sums = zip(*shared(len(self.images), STEP, part), strict=True)
        softmax, scales = united(torch.stack(states))
        mean = (torch.stack(sums) * scales[:, :, None]).sum(0)
        evidence, squares, energy = (field.flatten(1) for field in softmax)
        return ShiftWeighed(evidence, squares, energy, mean.flatten(1))

    def transpose(self, query: Query, result: ShiftWeighed, g: Tensor) -> Tensor:
        """One more pass over all patches."""
        channels, height, width = self.image_shape
        offset = rearrange(g.double() * result.mean, "b (c p) -> b c p", c=channels).sum(1)
        known = (result.evidence.double().reshape(-1, height, width).numpy(), self._pixels(g))
        given = (*known, offset.reshape(-1, height, width).numpy(), self._pixels(result.mean))

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
