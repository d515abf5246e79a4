"""An engine seen through fixed noise: the average of its means at noisy copies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor

from locality.posterior.engine import Engine, Posterior

_TOGETHER = 128  # noisy images: enough for one reading of the bank to serve many


@dataclass(frozen=True)
class SmoothedEngine(Engine):
    """`1/M sum_m D(x + offset_m)`, several copies of the batch at a time."""

    inner: Engine
    offsets: Tensor  # [M, n]

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The mean of the copies; what `pullback` needs to know of each, it finds again."""
        return self._average(x, sigma, lambda copies, levels: self.inner.solve(copies, levels)[0]), x[:, :0]

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The mean; the statistics are averages over the copies of the inner ones."""
        fields = [torch.stack(self.inner.posterior(*copies)) for copies in self._copies(x, sigma)]
        split = [rearrange(field, "f (m b) n -> m f b n", b=len(x)) for field in fields]
        return Posterior(*torch.cat(split).mean(0))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """The average of the inner pullbacks."""

        def pull(copies: Tensor, levels: Tensor) -> Tensor:
            several = repeat(cotangent, "b n -> (m b) n", m=len(copies) // len(x))
            return self.inner.pullback(copies, levels, *self.inner.solve(copies, levels), several)

        return self._average(x, sigma, pull)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """The average of the inner fields."""
        total = x.new_zeros(len(x), len(outputs), x.shape[1])
        for offset in self.offsets:
            total += self.inner.fields(x + offset.to(x), sigma, outputs)
        return total / len(self.offsets)

    def _average(self, x: Tensor, sigma: Tensor, work: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        total = torch.zeros_like(x, dtype=torch.float64)
        for copies, levels in self._copies(x, sigma):
            total += reduce(work(copies, levels).double(), "(m b) n -> b n", "sum", b=len(x))
        return total / len(self.offsets)

    def _copies(self, x: Tensor, sigma: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for offsets in self.offsets.to(x).split(max(1, _TOGETHER // len(x))):
            yield rearrange(x + offsets[:, None], "m b n -> (m b) n"), sigma.repeat(len(offsets))
