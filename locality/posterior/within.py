"""The released code's softmax: within each batch of the data set, then the plain average of the batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.posterior.engine import Engine, Posterior


def batch_of(softmax: str) -> int | None:
    """The batch of "wssm:batch", None for "exact"; raises ValueError for anything else."""
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

    Not a posterior mean: it depends on the batch and on the order of the images. It is here to reproduce
    published numbers.
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
