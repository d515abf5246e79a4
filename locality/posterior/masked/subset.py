"""The engine of a golden subset: candidates are chosen for each noisy image, then averaged over exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from locality.posterior.blocks import Blocks, Distances
from locality.posterior.engine import Engine, PlannedEngine, Posterior
from locality.posterior.masked.plans import MaskedPlan
from locality.posterior.view import View


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
        """The candidates of each image; of those that float32 cannot tell apart, any."""
        shard, found = self.view.here, [self._measured(x)]
        found = shard.gather_rows(found[0], shard.counts) if shard.world > 1 else found
        small, large = torch.cat(found).unbind(1)
        near = small.T.topk(self.coarse, largest=False).indices
        nearest = large.T.gather(1, near).topk(self.fine, largest=False).indices
        return near.gather(1, nearest).sort().values

    def _measured(self, x: Tensor) -> Tensor:  # [N, 2, B] half distances to the images here: pooled, in full
        mean = self.plan.moments.mean
        q = Blocks.of(self.view.images, mean).coordinates(x)
        proxies, full, found = Distances(self._pool(q)), Distances(q), [q.new_empty(0, 2, len(x))]
        for part in self.view.parts():
            for block in Blocks.of(part.images, mean):
                small, large = proxies.to(self._pool(block))[0], full.to(block)[0]
                found.append(torch.stack([small.T, large.T], 1))
        return torch.cat(found)

    def _each(self, x: Tensor, sigma: Tensor) -> Iterator[tuple[Engine, Tensor, Tensor]]:
        # One after the other: candidates are a copy of as many images.
        for i, one, level in zip(self.chosen(x), x.split(1), sigma.split(1), strict=True):
            yield PlannedEngine(self.view.pick(i), self.plan), one, level

    def _pool(self, flat: Tensor) -> Tensor:
        c, h, w = self.plan.rows.image_shape
        down, right = (matrix.to(flat) for matrix in self._pooling)
        pooled = down @ (rearrange(flat, "i (c h w) -> (i c) h w", c=c, h=h, w=w) @ right)
        return rearrange(pooled, "(i c) h w -> i (c h w)", c=c)

    @cached_property
    def _pooling(self) -> tuple[Tensor, Tensor]:
        """What averages along columns, [S, H], and along lines, [W, S]."""
        _, h, w = self.plan.rows.image_shape
        down, right = (adaptive_avg_pool1d(torch.eye(k), min(k, self.proxy_size)) for k in (h, w))
        return down.T, right
