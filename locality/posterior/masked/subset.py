"""The engine of a golden subset: candidates are chosen for each noisy image, then averaged over exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from locality.posterior.engine import Engine, PlannedEngine, Posterior
from locality.posterior.masked.plans import MaskedPlan
from locality.posterior.view import View
from locality.posterior.whole import half_distances


@dataclass(frozen=True)
class SubsetEngine(Engine):
    """`coarse` images nearest to x after pooling, of these the `fine` nearest in full, then a masked softmax.

    The choice is piecewise constant in x: derivatives are those of the softmax over the chosen images.
    """

    view: View
    plan: MaskedPlan
    coarse: int
    fine: int
    proxy_size: int  # pixels, side of the pooled images

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The mean over each image's own candidates."""
        means, evidence = zip(
            *(part.solve(one, level) for part, one, level in self._each(x, sigma)), strict=True
        )
        return torch.cat(means), torch.cat(evidence)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean and statistics over each image's own candidates."""
        parts = [part.posterior(one, level) for part, one, level in self._each(x, sigma)]
        return Posterior(*(torch.cat(field) for field in zip(*parts, strict=True)))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """The pullback over each image's own candidates."""
        known = zip(mean.split(1), evidence.split(1), cotangent.split(1), strict=True)
        parts = zip(self._each(x, sigma), known, strict=True)
        return torch.cat([part.pullback(one, level, *rest) for (part, one, level), rest in parts])

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """The fields over each image's own candidates."""
        return torch.cat([part.fields(one, level, outputs) for part, one, level in self._each(x, sigma)])

    def chosen(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B, fine] positions in the bank, in its order
        """The candidates of each image."""
        small, numbers = self._pool(x.double()), len(x) * len(self.view.images)
        pooled, full = x.new_empty(2, len(x), len(self.view.images), dtype=torch.float64)
        start = 0
        for part in self.view.chunks(6 * x.shape[1] + 4 * len(x), 3 * numbers):
            end = start + len(part)
            pooled[:, start:end] = half_distances(small, self._pool(part))
            full[:, start:end] = half_distances(x, part)
            start = end
        near = pooled.topk(self.coarse, largest=False).indices
        nearest = full.gather(1, near).topk(self.fine, largest=False).indices
        return near.gather(1, nearest).sort().values

    def _each(self, x: Tensor, sigma: Tensor) -> Iterator[tuple[Engine, Tensor, Tensor]]:
        # One after the other: candidates are a copy of as many images.
        for i, one, level in zip(self.chosen(x), x.split(1), sigma.split(1), strict=True):
            yield PlannedEngine(self.view._replace(images=self.view.images[i]), self.plan), one, level

    def _pool(self, flat: Tensor) -> Tensor:
        c, h, w = self.plan.rows.image_shape
        images = rearrange(flat, "i (c h w) -> i c h w", c=c, h=h, w=w)
        pooled = adaptive_avg_pool2d(images, (min(h, self.proxy_size), min(w, self.proxy_size)))
        return rearrange(pooled, "i c h w -> i (c h w)")
