"""Softmax averages of streams: the one place where chunks of candidates are merged in torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class RunningSoftmax:
    """Sums of weights and of what they weigh, relative to the largest logit so far: one log-sum-exp."""

    def __init__(
        self,
        peak: Tensor,  # [...] any tensor with the shape, type and device of one logit per row
        sums: Tensor,  # [..., v] any tensor with the shape, type and device of the weighted sums
    ) -> None:
        self.peak = torch.full_like(peak, -torch.inf)
        self.total = torch.zeros_like(peak)
        self.squares = torch.zeros_like(peak)
        self.energy = torch.zeros_like(peak)  # sum of weight * (logit - peak)
        self.sums = torch.zeros_like(sums)

    def add(
        self,
        logits: Tensor,  # [..., c] of c more candidates
        weigh: Callable[[Tensor], Tensor],  # weights [..., c] -> their weighted sums [..., v]
    ) -> None:
        """Take in more candidates."""
        peak = torch.maximum(self.peak, logits.amax(-1))
        shift = self.peak - peak
        scale = shift.exp()
        relative = logits - peak[..., None]
        weights = relative.exp()
        earlier = self.energy + self.total * shift.nan_to_num(neginf=0)
        self.energy = earlier * scale + (weights * relative).sum(-1)
        self.total = self.total * scale + weights.sum(-1)
        self.squares = self.squares * scale**2 + weights.square().sum(-1)
        inner = (1,) * (self.sums.ndim - scale.ndim)
        self.sums = self.sums * scale.reshape(scale.shape + inner) + weigh(weights)
        self.peak = peak

    def log_partition(self) -> Tensor:
        """`log sum exp(logit)`."""
        return self.peak + self.total.log()

    def effective_size(self) -> Tensor:
        """`1 / sum w^2` of the normalised weights."""
        return self.total**2 / self.squares

    def entropy(self) -> Tensor:
        """`-sum w log w` of the normalised weights, in nats."""
        return self.total.log() - self.energy / self.total
