"""The engine of the equivariant local score: candidates are all patches at all locations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from locality.posterior.engine import Engine, Posterior
from locality.posterior.patches.dense import PatchScan
from locality.posterior.patches.kernel import ShiftScan, Window
from locality.posterior.rounding import (
    PixelMoments,
    Query,
    by_precision,
    precise_enough,
    query,
    relative_error,
)
from locality.posterior.softmax import State
from locality.posterior.view import Limits


@dataclass(frozen=True)
class ShiftEngine(Engine):
    """`w_is(q) = softmax_is(-|patch of x at q - patch of X_i at s|^2 / (2 sigma^2))`, s all locations."""

    images: Tensor  # [N, n] as at rest
    image_shape: torch.Size
    window: Window
    sigma: float
    moments: PixelMoments  # the same at all locations
    limits: Limits

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """One pass over all patches."""
        state = self._weigh(x)
        return state.mean, state.log_partition

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over all patches."""
        state, window = self._weigh(x), self._patches.window_sums(self._query(x).shift)
        pixels = (state.log_partition - window, state.effective_size, state.entropy)
        return Posterior(state.mean, *(repeat(p, "b q -> b (c q)", c=self.image_shape[0]) for p in pixels))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_q Cov_w(q)(g_q . X_q, X_p) / sigma^2`, in a second pass."""

        def work(dtype: torch.dtype, asked: Query, which: Tensor) -> Tensor:
            return self._scan(dtype).transpose(asked, evidence[which], mean[which], cotangent[which])

        asked = self._query(x)
        parts, order = by_precision(asked, self._precise(x, asked, evidence), work)
        return torch.cat(parts)[order] / self.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Each pixel's row lies in its window; by products of patches, in float64."""
        mean, evidence = self.solve(x.double(), sigma)
        pixels = outputs[:, 0] % (self.image_shape[1] * self.image_shape[2])
        fields = []
        for b in range(len(x)):
            one = slice(b, b + 1)
            rows = self._patches.fields(self._query(x[one]), evidence[one], mean[one], pixels)
            fields.append(rows.to(x.dtype))
        return torch.cat(fields) / self.sigma**2

    @property
    def _patches(self) -> PatchScan:
        return PatchScan(self.images, self.image_shape, self.window, self.limits)

    def _query(self, x: Tensor) -> Query:
        return query(x, self.sigma, self.moments, self.image_shape[1] * self.image_shape[2])

    def _weigh(self, x: Tensor) -> State:
        asked = self._query(x)
        precise = self._precise(x, asked)
        states, order = by_precision(asked, precise, lambda dtype, some, _: self._scan(dtype).weigh(some))
        return State.stacked(states).pick(order)

    def _precise(self, x: Tensor, asked: Query, evidence: Tensor | None = None) -> Tensor | None:
        if x.dtype == torch.float64:
            return None
        # Running sums go down the image and along its lines, as wide as a window; one that wraps around
        # more than once holds a pixel, and its rounding, several times.
        channels, height, width = self.image_shape
        extent = self.window.side * (height + width + self.window.side) * channels
        times = math.prod(-(-self.window.side // size) for size in (height, width))
        return precise_enough(times * relative_error(asked, self.moments, extent, 2), evidence)

    def _scan(self, dtype: torch.dtype) -> ShiftScan:
        if self.images.is_cuda:
            return self._patches
        from locality.posterior.patches.compiled import CompiledShiftScan

        return CompiledShiftScan(self.images, self.image_shape, self.window, dtype)
