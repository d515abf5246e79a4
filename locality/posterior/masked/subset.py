"""The engine of a golden subset: candidates are chosen for each noisy image, then averaged over exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.live import LIVE
from locality.posterior.engine import Engine, PlannedEngine, Posterior
from locality.posterior.masked.plans import MaskedPlan
from locality.posterior.masked.proxies import Proxies


@dataclass(frozen=True)
class SubsetEngine(Engine):
    """`coarse` images nearest to x after pooling, of these the `fine` nearest in full, then a masked softmax.

    The choice is piecewise constant in x: derivatives are those of the softmax over the chosen images.
    """

    plan: MaskedPlan
    coarse: int
    fine: int
    proxies: Proxies  # of the images to choose from

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
        each = zip(LIVE.parts(range(len(x))), self._each(x, sigma), strict=True)
        return torch.cat([part.fields(one, level, outputs) for _, (part, one, level) in each])

    def chosen(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B, fine] positions in the bank, in its order
        """The candidates of each image."""
        return self.proxies.nearest(x, self.coarse, self.fine)

    def _each(self, x: Tensor, sigma: Tensor) -> Iterator[tuple[Engine, Tensor, Tensor]]:
        # One after the other: candidates are a copy of as many images.
        for i, one, level in zip(self.chosen(x), x.split(1), sigma.split(1), strict=True):
            yield PlannedEngine(self.proxies.view.pick(i), self.plan), one, level
