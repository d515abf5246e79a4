"""Softmax averages of streams: the one place where chunks of candidates are merged in torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from einops import einsum
from torch import Tensor


class RunningSoftmax:
    """Sums of weights and of what they weigh, relative to the largest logit so far: one log-sum-exp."""

    def __init__(
        self,
        rows: Tensor,  # [B, R] any tensor with the shape, type and device of one logit per softmax
        row_of_output: Tensor,  # [n] which softmax weighs each output
    ) -> None:
        self.row_of_output = row_of_output
        self.peak = torch.full_like(rows, -torch.inf)
        self.total = torch.zeros_like(rows)
        self.squares = torch.zeros_like(rows)
        self.energy = torch.zeros_like(rows)  # sum of weight * (logit - peak)
        self.sums = rows.new_zeros(len(rows), len(row_of_output))

    def add(
        self,
        logits: Tensor,  # [B, R, c] of c more candidates; overwritten
        weigh: Callable[[Tensor], Tensor],  # weights [B, R, c] -> weighted sums [B, n]
    ) -> None:
        """Take in more candidates."""
        peak = torch.maximum(self.peak, logits.amax(-1).to(self.peak))
        shift = self.peak - peak
        scale = shift.exp()
        relative = logits.sub_(peak[..., None].to(logits))
        weights = relative.exp()
        earlier = self.energy + self.total * shift.nan_to_num(neginf=0)
        self.energy = earlier * scale + _dot(weights, relative)
        self.total = self.total * scale + weights.sum(-1)
        self.squares = self.squares * scale**2 + _dot(weights, weights)
        self.sums = self.sums * scale[:, self.row_of_output] + weigh(weights)
        self.peak = peak

    @property
    def mean(self) -> Tensor:  # [B, n]
        """The weighted mean."""
        return self.sums / self.total[:, self.row_of_output]

    @property
    def log_partition(self) -> Tensor:  # [B, R]
        """`log sum exp(logit)`."""
        return self.peak + self.total.log()

    @property
    def effective_size(self) -> Tensor:  # [B, R]
        """`1 / sum w^2` of the normalised weights."""
        return self.total**2 / self.squares

    @property
    def entropy(self) -> Tensor:  # [B, R]
        """`-sum w log w` of the normalised weights, in nats."""
        return self.total.log() - self.energy / self.total


def _dot(a: Tensor, b: Tensor) -> Tensor:  # [B, R, c] -> [B, R], without a temporary product
    return einsum(a, b, "b r c, b r c -> b r")
