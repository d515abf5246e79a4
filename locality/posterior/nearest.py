"""The engine of the nearest image: the one with the largest weight."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from locality.bank import to_float
from locality.posterior.blocks import WORST, Blocks
from locality.posterior.engine import Engine, Posterior
from locality.posterior.view import View
from locality.posterior.whole import parts


@dataclass(frozen=True)
class NearestEngine(Engine):
    """`argmin_i |x - X_i|`, the first of equals, found in float64."""

    view: View

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest image; there is nothing to know again."""
        at_rest = self._nearest(x)[1].to(self.view.images.dtype)
        return to_float(at_rest, x.dtype), x.new_zeros(len(x), 0)

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
        """Where the nearest images are: float32 says which may be, float64 which is."""
        return self._nearest(x)[0]

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [B] place, [B, n] image as at rest
        here, n = self.view.here, x.shape[1]
        found = torch.full((len(x), 2 + n), torch.inf, dtype=torch.float64, device=x.device)
        if len(self.view.images) > 0:
            place = self._nearest_here(x)
            image = self.view.images[place]
            distance = (x - to_float(image, torch.float64)).square().sum(1)
            found = torch.cat([distance[:, None], (here.here.start + place)[:, None], image.double()], 1)
        every = torch.stack(here.gather(found))
        first = every[:, :, 0].min(0).indices  # of equals the first rank's, whose images come first
        _, place, image = every[first, torch.arange(len(x), device=x.device)].split([1, 1, n], 1)
        return place[:, 0].long(), image

    def _nearest_here(self, x: Tensor) -> Tensor:  # [B]
        best = torch.full_like(x[:, 0], torch.inf, dtype=torch.float64)
        index, start = torch.zeros(len(x), dtype=torch.long, device=x.device), 0
        for part in self.view.centred().parts():
            for blocks in parts(part, x):
                distance, where = _nearest(blocks, x, best)
                index = torch.where(distance < best, start + where, index)
                best = torch.minimum(best, distance)
                start += len(blocks.images)
        return index

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Zeros: the estimate is constant inside each cell."""
        return torch.zeros_like(x)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Zeros."""
        return x.new_zeros(len(x), len(outputs), x.shape[1])


def _nearest(
    blocks: Blocks,
    x: Tensor,  # [B, n]
    best: Tensor,  # [B] the least that is known
) -> tuple[Tensor, Tensor]:  # [B], [B]
    """The least half distance, and where; infinity where none comes near the best."""
    q = blocks.coordinates(x)
    half, error = blocks.half_distances(q)
    bound = torch.minimum(best, half.amin(1) + WORST * error) + WORST * error
    which, where = (half <= bound[:, None]).nonzero().unbind(1)
    found = torch.full_like(half, torch.inf)
    if len(which) > 0:
        found[which, where] = blocks.exact_pairs(q, which, where)
    distance, index = found.min(1)
    return distance, index
