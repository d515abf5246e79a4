"""The engines of whole images: one softmax over the bank, or the image with its largest weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import einsum
from torch import Tensor

from locality.bank import to_float
from locality.posterior.engine import Engine, Posterior
from locality.posterior.softmax import State
from locality.posterior.view import Limits, chunks


@dataclass(frozen=True)
class UniformEngine(Engine):
    """`w_i = softmax_i(-|x - X_i|^2 / (2 sigma^2))`, streamed over the bank.

    Distances are a float64 product: the expanded form `|x|^2 - 2 x.X + |X|^2` then keeps 9 digits after the
    point of a logit of 10^7 (arbitrary images at sigma = 0.01), where float32 would keep none.
    """

    images: Tensor  # [N, n] as at rest
    limits: Limits

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """One pass over the bank; the evidence is the log-partition."""
        state = self._weigh(x, sigma)
        return state.mean, state.log_partition + _constant(x, sigma)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank."""
        state = self._weigh(x, sigma)
        rows = (state.log_partition + _constant(x, sigma), state.effective_size, state.entropy)
        return Posterior(state.mean, *(row.expand(-1, x.shape[1]) for row in rows))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`Cov_w(X, X . g) / sigma^2`, in a second pass over the bank."""
        cotangent = cotangent.double()
        offset = (mean * cotangent).sum(1, keepdim=True)
        total = torch.zeros_like(mean)
        for images in self._chunks(x):
            weights = _weights(x, sigma, evidence, images) * (cotangent @ images.T - offset)
            total += weights @ images - weights.sum(1, keepdim=True) * mean
        return total / sigma.double()[:, None] ** 2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`Cov_w(X_q, X) / sigma^2`, every output in the same pass; products are in the type of x."""
        mean, evidence = self.solve(x, sigma)
        total = x.new_zeros(len(x), len(outputs), x.shape[1])
        for images in self._chunks(x, outputs.numel() + 2 * len(outputs) + 3 * x.shape[1]):
            weights = _weights(x, sigma, evidence, images)
            for b in range(len(x)):
                centred = images - mean[b]
                probe = weights[b, :, None] * centred[:, outputs].sum(-1)
                total[b] += einsum(probe.to(x.dtype), centred.to(x.dtype), "i p, i n -> p n")
        return total / sigma[:, None, None] ** 2

    def _weigh(self, x: Tensor, sigma: Tensor) -> State:
        owner = torch.zeros(x.shape[1], dtype=torch.long, device=x.device)
        state = State.empty(len(x), 1, owner)
        for images in self._chunks(x):
            logits = -half_distances(x, images) / sigma.double()[:, None] ** 2
            state = state.merge(State.of(logits[:, None], owner, lambda w, images=images: w[:, 0] @ images))  # type: ignore[misc]
        return state

    def _chunks(self, x: Tensor, more: int = 0) -> Iterator[Tensor]:
        # Three copies of an image (reading uint8 takes temporaries) and five numbers per image and query.
        return chunks(self.images, self.limits, 3 * x.shape[1] + 5 * len(x) + more, 6 * x.numel())


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


def half_distances(
    x: Tensor,  # [B, n]
    images: Tensor,  # [c, n] float64
) -> Tensor:  # [B, c] |x - X|^2 / 2, up to the constant |x|^2 / 2
    """What tells the images apart."""
    return images.square().sum(1) / 2 - x.double() @ images.T


def _constant(x: Tensor, sigma: Tensor) -> Tensor:  # [B, 1] what `half_distances` leaves out of the logits
    return -x.double().square().sum(1, keepdim=True) / (2 * sigma.double()[:, None] ** 2)


def _weights(
    x: Tensor,  # [B, n]
    sigma: Tensor,  # [B]
    log_partition: Tensor,  # [B, 1]
    images: Tensor,  # [c, n]
) -> Tensor:  # [B, c] normalised over the whole bank
    logits = -half_distances(x, images) / sigma.double()[:, None] ** 2
    return (logits + _constant(x, sigma) - log_partition).exp()
