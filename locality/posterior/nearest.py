"""The engine that puts all the weight on the nearest image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locality.bank import to_float
from locality.posterior.engine import Engine, Posterior
from locality.posterior.streaming import Limits, chunks
from locality.posterior.uniform import half_distances


@dataclass(frozen=True)
class NearestEngine(Engine):
    """`argmin_i |x - X_i|`, the first of equals, found in float64."""

    images: Tensor  # [N, n] as at rest
    limits: Limits

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest image; there is nothing to know again."""
        return to_float(self.images[self.indices(x)], x.dtype), x.new_zeros(len(x), 0)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The nearest image; its log-partition is its own logit."""
        mean, _ = self.solve(x, sigma)
        logit = -(x - mean).double().square().sum(1, keepdim=True) / (2 * sigma.double()[:, None] ** 2)
        logit = logit.expand(-1, x.shape[1])
        return Posterior(mean, logit, torch.ones_like(logit), torch.zeros_like(logit))

    def indices(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B] positions in the bank
        """Where the nearest images are."""
        best = torch.full_like(x[:, 0], torch.inf, dtype=torch.float64)
        index = torch.zeros(len(x), dtype=torch.long, device=x.device)
        start = 0
        for images in chunks(self.images, self.limits, 3 * x.shape[1] + 3 * len(x), x.numel()):
            distance, where = half_distances(x, images).min(1)
            index = torch.where(distance < best, start + where, index)
            best = torch.minimum(best, distance)
            start += len(images)
        return index

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Zeros: the estimate is constant inside each cell."""
        return torch.zeros_like(x)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Zeros."""
        return x.new_zeros(len(x), len(outputs), x.shape[1])
