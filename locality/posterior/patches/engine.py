"""The engine of the equivariant local score: candidates are all patches at all locations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from einops import repeat
from torch import Tensor

from locality.posterior.engine import Engine, Posterior
from locality.posterior.patches.dense import PatchScan
from locality.posterior.patches.kernel import ShiftScan, ShiftWeighed, Window
from locality.posterior.rounding import (
    PixelMoments,
    Query,
    by_precision,
    precise_enough,
    query,
    relative_error,
)
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
        result = self._weigh(x)
        return result.mean, result.evidence

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over all patches."""
        result, window = self._weigh(x), self._patches.window_sums(self._query(x).shift)
        pixels = (result.evidence - window, 1 / result.squares, -result.energy)
        return Posterior(result.mean, *(repeat(p, "b q -> b (c q)", c=self.image_shape[0]) for p in pixels))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`sum_q Cov_w(q)(g_q . X_q, X_p) / sigma^2`, in a second pass."""

        def work(scan: ShiftScan, asked: Query, which: Tensor) -> list[Tensor]:
            known = ShiftWeighed(evidence[which], evidence[which], evidence[which], mean[which])
            return [scan.transpose(asked, known, cotangent[which])]

        return self._each_precision(x, work, evidence)[0] / self.sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Each pixel's row lies in its window; by products of patches, in float64."""
        result = self._weigh(x.double())
        pixels = outputs[:, 0] % (self.image_shape[1] * self.image_shape[2])
        fields = []
        for b in range(len(x)):
            one = ShiftWeighed(*(part[b : b + 1] for part in result))
            fields.append(self._patches.fields(self._query(x[b : b + 1]), one, pixels).to(x.dtype))
        return torch.cat(fields) / self.sigma**2

    @property
    def _patches(self) -> PatchScan:
        return PatchScan(self.images, self.image_shape, self.window, self.limits)

    def _query(self, x: Tensor) -> Query:
        return query(x, self.sigma, self.moments, self.image_shape[1] * self.image_shape[2])

    def _weigh(self, x: Tensor) -> ShiftWeighed:
        return ShiftWeighed(*self._each_precision(x, lambda scan, asked, _: scan.weigh(asked)))

    def _each_precision(
        self,
        x: Tensor,
        work: Callable[[ShiftScan, Query, Tensor], Sequence[Tensor]],
        evidence: Tensor | None = None,  # given for a derivative
    ) -> list[Tensor]:
        asked = self._query(x)
        single = None
        if x.dtype != torch.float64:
            # Running sums go down the image and along its lines, as wide as a window; one that wraps around
            # more than once holds a pixel, and its rounding, several times.
            channels, height, width = self.image_shape
            extent = self.window.side * (height + width + self.window.side) * channels
            times = math.prod(-(-self.window.side // size) for size in (height, width))
            single = precise_enough(times * relative_error(asked, self.moments, extent, 2), evidence)
        return by_precision(asked, single, self._scan, work)

    def _scan(self, dtype: torch.dtype) -> ShiftScan:
        if self.images.is_cuda:
            return self._patches
        from locality.posterior.patches.compiled import CompiledShiftScan

        return CompiledShiftScan(self.images, self.image_shape, self.window, dtype)
