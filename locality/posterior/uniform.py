"""The engine of the all-ones precision: one softmax over the bank serves the whole image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from einops import einsum
from torch import Tensor

from locality.bank import ImageBank
from locality.posterior.engine import Engine, Posterior
from locality.posterior.running import RunningSoftmax
from locality.posterior.streaming import flat_chunks


@dataclass(frozen=True)
class UniformEngine(Engine):
    """`w_i = softmax_i(-|x - X_i|^2 / (2 sigma^2))`, streamed over the bank.

    Distances are a float64 product: the expanded form `|x|^2 - 2 x.X + |X|^2` then keeps 9 digits after the
    point of a logit of 10^7 (arbitrary images at sigma = 0.01), where float32 would keep none.
    """

    bank: ImageBank
    chunk_size: int | None
    memory_budget: int

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank."""
        x, sigma = x.double(), sigma.double()[:, None]
        running = RunningSoftmax(x[:, 0], x)
        for images in self._chunks(x):
            running.add(-half_distances(x, images) / sigma**2, partial(torch.matmul, other=images))
        constant = -x.square().sum(1) / (2 * sigma[:, 0] ** 2)
        statistics = (running.log_partition() + constant, running.effective_size(), running.entropy())
        return Posterior(running.sums / running.total[:, None], *(s[:, None] for s in statistics))

    def pullback(
        self, x: Tensor, sigma: Tensor, mean: Tensor, log_partition: Tensor, cotangent: Tensor
    ) -> Tensor:
        """`Cov_w(X, X . g) / sigma^2`, in a second pass over the bank."""
        x, sigma, cotangent = x.double(), sigma.double()[:, None], cotangent.double()
        offset = (mean * cotangent).sum(1, keepdim=True)
        total = torch.zeros_like(x)
        for images in self._chunks(x):
            weights = _weights(x, sigma, log_partition, images) * (cotangent @ images.T - offset)
            total += weights @ images - weights.sum(1, keepdim=True) * mean
        return total / sigma**2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`Cov_w(X_q, X) / sigma^2`, every output in the same pass; products are in the type of x."""
        result = self.posterior(x, sigma)
        total = x.new_zeros(len(x), len(outputs), x.shape[1])
        for images in self._chunks(x, outputs.numel() + 2 * len(outputs) + 3 * x.shape[1]):
            weights = _weights(x.double(), sigma.double()[:, None], result.log_partition, images)
            for b in range(len(x)):
                centred = images - result.mean[b]
                probe = weights[b, :, None] * centred[:, outputs].sum(-1)
                total[b] += einsum(probe.to(x.dtype), centred.to(x.dtype), "i p, i n -> p n")
        return total / sigma[:, None, None] ** 2

    def _chunks(self, x: Tensor, more: int = 0) -> Iterator[Tensor]:
        return flat_chunks(self.bank, x, self.chunk_size, self.memory_budget, more)


def half_distances(
    x: Tensor,  # [B, n]
    images: Tensor,  # [c, n]
) -> Tensor:  # [B, c] |x - X|^2 / 2, up to the constant |x|^2 / 2
    return images.square().sum(1) / 2 - x @ images.T


def _weights(
    x: Tensor,  # [B, n]
    sigma: Tensor,  # [B, 1]
    log_partition: Tensor,  # [B, 1]
    images: Tensor,  # [c, n]
) -> Tensor:  # [B, c] normalised over the whole bank
    constant = x.square().sum(1, keepdim=True) / (2 * sigma**2)
    return (-half_distances(x, images) / sigma**2 - constant - log_partition).exp()
