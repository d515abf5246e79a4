"""The engine that puts all the weight on the nearest image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.posterior.engine import Engine, Posterior
from locality.posterior.streaming import flat_chunks
from locality.posterior.uniform import half_distances


@dataclass(frozen=True)
class NearestEngine(Engine):
    """`argmin_i |x - X_i|`, the first of equals, found in float64."""

    bank: ImageBank
    chunk_size: int | None
    memory_budget: int

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The nearest image; its log-partition is its own logit."""
        images = to_float(self.bank.images[self.indices(x)], x.dtype)
        mean = rearrange(images, "b c h w -> b (c h w)")
        logit = -(x - mean).double().square().sum(1, keepdim=True) / (2 * sigma.double()[:, None] ** 2)
        return Posterior(mean, logit, torch.ones_like(logit), torch.zeros_like(logit))

    def indices(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B] positions in the bank
        """Where the nearest images are."""
        x = x.double()
        best = x.new_full((len(x),), torch.inf)
        index = torch.zeros(len(x), dtype=torch.long, device=x.device)
        start = 0
        for images in flat_chunks(self.bank, x, self.chunk_size, self.memory_budget):
            distance, where = half_distances(x, images).min(1)
            index = torch.where(distance < best, start + where, index)
            best = torch.minimum(best, distance)
            start += len(images)
        return index

    def pullback(
        self, x: Tensor, sigma: Tensor, mean: Tensor, log_partition: Tensor, cotangent: Tensor
    ) -> Tensor:
        """Zeros: the estimate is constant inside each cell."""
        return torch.zeros_like(x)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Zeros."""
        return x.new_zeros(len(x), len(outputs), x.shape[1])
