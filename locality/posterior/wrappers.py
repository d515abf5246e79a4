"""Engines made of others: the average over batches of the bank, and over noisy copies of the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from einops import rearrange, reduce, repeat
from torch import Tensor

from locality.posterior.engine import Engine, Posterior

_TOGETHER = 128  # noisy images: enough for one reading of the bank to serve many


def batch_of(softmax: str) -> int | None:
    """The batch of "wssm:batch", None for "exact"; raises ValueError for anything else.

    >>> batch_of("wssm:512"), batch_of("exact")
    (512, None)
    """
    kind, _, size = str(softmax).partition(":")
    if softmax == "exact":
        return None
    if kind == "wssm" and size.isdecimal() and int(size) > 0:
        return int(size)
    raise ValueError(
        f"softmax: want 'exact' or 'wssm:<images per batch>', such as 'wssm:512', got {softmax!r}"
    )


@dataclass(frozen=True)
class BatchedEngine(Engine):
    """The average of the means of consecutive batches, a short last one counting fully.

    The released code's softmax. It is no posterior mean: it depends on the batch and on the order of the
    images. It is here to reproduce published numbers.
    """

    parts: tuple[Engine, ...]

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Batch after batch; what `pullback` needs to know of each, it finds again."""
        total = torch.zeros_like(x, dtype=torch.float64)
        for part in self.parts:
            total += part.solve(x, sigma)[0]
        return total / len(self.parts), x.new_zeros(len(x), 0)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The statistics are those of the weights that the average gives to the images of the bank."""
        results = [part.posterior(x, sigma) for part in self.parts]
        mean, log_partition, size, entropy = (torch.stack(field) for field in zip(*results, strict=True))
        count = len(self.parts)
        return Posterior(
            mean.double().mean(0),
            log_partition.logsumexp(0),
            count**2 / (1 / size).sum(0),
            entropy.mean(0) + math.log(count),
        )

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """The average of the batches' own."""
        total = torch.zeros_like(x, dtype=torch.float64)
        for part in self.parts:
            total += part.pullback(x, sigma, *part.solve(x, sigma), cotangent)
        return total / len(self.parts)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """The average of the batches' own."""
        total = self.parts[0].fields(x, sigma, outputs)
        for part in self.parts[1:]:
            total += part.fields(x, sigma, outputs)
        return total / len(self.parts)


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
