"""The compiled scan over shifts, shared out over threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from locality.posterior.compiled.boxes import LANES
from locality.posterior.compiled.line_weights import NOTHING
from locality.posterior.compiled.shares import shared
from locality.posterior.compiled.shifts import backward, forward
from locality.posterior.rounding import Query
from locality.posterior.shift_scan import ShiftScan, ShiftWeighed, Window

_forward: Any = forward  # numba declares no arguments
_backward: Any = backward


@dataclass(frozen=True)
class CompiledShiftScan(ShiftScan):
    """Box filters over the differences at each shift, in float32 or float64: bounded memory, any patch."""

    images: Tensor  # [N, n] as at rest
    image_shape: torch.Size
    window: Window
    dtype: torch.dtype

    def weigh(self, query: Query) -> ShiftWeighed:
        """Each thread keeps a running softmax; they are merged at the end."""
        batch, (channels, height, width) = len(query.x), self.image_shape

        def part(first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
            peaks = np.full((batch, height, width), NOTHING)
            state, sums = np.zeros((batch, 3, height, width)), np.zeros((batch, channels, height, width))
            _forward(*self._arguments(query, first, last), peaks, state, sums, self._bits())
            return torch.from_numpy(peaks), torch.from_numpy(state), torch.from_numpy(sums)

        parts = shared(len(self.images), LANES, part)
        return _merged(*(torch.stack(field) for field in zip(*parts, strict=True)))

    def transpose(self, query: Query, result: ShiftWeighed, g: Tensor) -> Tensor:
        """One more pass over all patches."""
        offset = rearrange(g.double() * result.mean, "b (c p) -> b c p", c=self.image_shape[0]).sum(1)
        known = [self._planes(part.double()) for part in (result.evidence, offset)]
        given = (known[0][:, 0], self._images(g), known[1][:, 0], self._images(result.mean))

        def part(first: int, last: int) -> Tensor:
            sums = np.zeros((len(query.x), *self.image_shape))
            _backward(*self._arguments(query, first, last), *given, sums, self._bits())
            return torch.from_numpy(sums)

        total = torch.stack(shared(len(self.images), LANES, part)).sum(0)
        return rearrange(total, "b c h w -> b (c h w)")

    def _arguments(self, query: Query, first: int, last: int) -> tuple[Any, ...]:
        levels, offset = (127.5, -1.0) if self.images.dtype == torch.uint8 else (1.0, 0.0)
        shift = self._planes(query.shift.to(self.dtype))[:, 0]
        bank = (self._planes(self.images), levels, offset)
        return bank, first, last, (self._images(query.x), shift, query.scale), tuple(self.window)

    def _images(self, flat: Tensor) -> np.ndarray:
        return self._planes(flat.detach().to(self.dtype))

    def _planes(self, flat: Tensor) -> np.ndarray:
        _, h, w = self.image_shape
        return rearrange(flat, "b (c h w) -> b c h w", h=h, w=w).contiguous().numpy()

    def _bits(self) -> np.ndarray:
        return np.empty(self.image_shape[2] * LANES, np.int32 if self.dtype == torch.float32 else np.int64)


def _merged(peaks: Tensor, states: Tensor, sums: Tensor) -> ShiftWeighed:
    peak = peaks.amax(0)  # [B, H, W]
    shift = peaks - peak
    scale = shift.exp()
    total = (states[:, :, 0] * scale).sum(0)
    squares = (states[:, :, 1] * scale**2).sum(0)
    energy = ((states[:, :, 2] + states[:, :, 0] * shift) * scale).sum(0)
    mean = (sums * scale[:, :, None]).sum(0) / total[:, None]
    return ShiftWeighed(
        evidence=(peak + total.log()).flatten(1),
        squares=(squares / total**2).flatten(1),
        energy=(energy / total - total.log()).flatten(1),
        mean=mean.flatten(1),
    )
