"""The partial softmax: what some candidates leave, wherever they were read, and the one way to unite two.

Inside a pass a compiled kernel keeps running softmaxes of its own, a block of candidates after the other
(`vectors/softmax.py`, `triton/passes.py`). What a pass leaves is a state, and states meet here alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from einops import einsum
from torch import Tensor


@dataclass(frozen=True)
class Weighed:
    """Sums over some candidates, relative to the largest logit: R softmaxes for each of B images; float64.

    Candidates may be read in any parts, in any order, by any kernel, thread or machine. The state of the
    whole is the `merge` of the parts' states: associative and commutative to rounding, with `empty` neutral.
    """

    owner: Tensor  # [n] which softmax weighs each output
    sure: Tensor  # [B] bool: whether the working type held the logits that mattered
    peak: Tensor  # [B, R] the largest logit; minus infinity where there was no candidate
    total: Tensor  # [B, R] sum of w = exp(logit - peak)
    squares: Tensor  # [B, R] sum of w^2
    energy: Tensor  # [B, R] sum of w (logit - peak)
    sums: Tensor  # [B, n] sum of w value

    @classmethod
    def empty(
        cls,
        batch: int,
        rows: int,
        owner: Tensor,  # [n]
    ) -> Weighed:
        """The state of no candidate: the neutral element of `merge`."""
        none = torch.zeros(batch, rows, dtype=torch.float64, device=owner.device)
        sums = none.new_zeros(batch, len(owner))
        sure = torch.ones(batch, dtype=torch.bool, device=owner.device)
        return cls(owner, sure, torch.full_like(none, -torch.inf), none, none, none, sums)

    @classmethod
    def of(
        cls,
        logits: Tensor,  # [B, R, c] finite, of c candidates; overwritten
        owner: Tensor,  # [n]
        weigh: Callable[[Tensor], Tensor],  # weights [B, R, c] -> weighted sums [B, n]
    ) -> Weighed:
        """The state of a few candidates."""
        if logits.shape[2] == 0:
            return cls.empty(len(logits), logits.shape[1], owner)
        peak = logits.amax(-1)
        relative = logits.sub_(peak[..., None])
        weights = exponential_(relative)
        parts = (peak, weights.sum(-1), _dot(weights, weights), _dot(weights, relative), weigh(weights))
        sure = torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        return cls(owner, sure, *(part.double() for part in parts))

    @classmethod
    def of_sums(
        cls,
        rows: Tensor,  # [B, R, 4] float64: peak, total, squares, energy; zeros if there was no candidate
        sums: Tensor,  # [B, n] float64
        owner: Tensor,  # [n]
    ) -> Weighed:
        """The state in the numbers that a compiled kernel kept."""
        peak, total, squares, energy = rows.unbind(-1)
        sure = torch.ones(len(sums), dtype=torch.bool, device=sums.device)
        return cls(owner, sure, peak.where(total > 0, -torch.inf), total, squares, energy, sums)

    def merge(self, other: Weighed) -> Weighed:
        """The state of the candidates of both."""
        peak = torch.maximum(self.peak, other.peak)
        both = zip(self._relative_to(peak), other._relative_to(peak), strict=True)
        return Weighed(self.owner, self.sure & other.sure, peak, *(a + b for a, b in both))

    def _relative_to(self, peak: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        shift = (self.peak - peak).where(self.total > 0, 0)  # of no candidate, any: its sums are zeros
        scale = shift.exp()
        energy = (self.energy + self.total * shift) * scale
        return self.total * scale, self.squares * scale**2, energy, self.sums * scale[:, self.owner]

    @property
    def mean(self) -> Tensor:  # [B, n]
        """The weighted mean."""
        return self.sums / self.total[:, self.owner]

    @property
    def log_partition(self) -> Tensor:  # [B, R]
        """`log sum exp(logit)`."""
        return self.peak + self.total.log()

    @property
    def mean_logit(self) -> Tensor:  # [B, R]
        """The weighted mean of the logit."""
        return self.peak + self.energy / self.total

    @property
    def effective_size(self) -> Tensor:  # [B, R]
        """`1 / sum w^2` of the normalised weights."""
        return self.total**2 / self.squares

    @property
    def entropy(self) -> Tensor:  # [B, R]
        """`-sum w log w` of the normalised weights, in nats."""
        return self.total.log() - self.energy / self.total

    def pick(self, which: Tensor) -> Weighed:
        """The state of some of the noisy images, or of all in another order."""
        return Weighed(self.owner, *(part[which] for part in self._parts))

    @staticmethod
    def stacked(states: Sequence[Weighed]) -> Weighed:
        """The state of the noisy images of several states, one after another."""
        parts = zip(*(state._parts for state in states), strict=True)
        return Weighed(states[0].owner, *(torch.cat(part) for part in parts))

    def packed(self) -> Tensor:  # [B, 1 + 4 R + n] float64
        """All in one tensor, to be sent."""
        return torch.cat([self.sure[:, None].double(), *self._parts[1:]], dim=1)

    def unpacked(
        self,
        packed: Tensor,  # [B, 1 + 4 R + n] float64
    ) -> Weighed:
        """What another of the same softmaxes was, before it was packed."""
        rows = self.peak.shape[1]
        sure, *parts = packed.split([1, *[rows] * 4, len(self.owner)], dim=1)
        return Weighed(self.owner, sure[:, 0] == 1, *parts)

    @property
    def _parts(self) -> tuple[Tensor, ...]:
        return self.sure, self.peak, self.total, self.squares, self.energy, self.sums


def exponential_(relative: Tensor) -> Tensor:
    """`exp` of logarithms of weights, of which the largest is 0; they are overwritten where very small.

    Weights are at least 2.6e-19 in float32 and 1e-151 in float64: about the root of the least normal number.
    So squares are normal, too. That moves no digit of a sum of weights, or of values that they weigh. Of
    smaller numbers, `exp` and products take up to sixty times as long on a CPU. A field is no such sum: where
    one image explains an output it is 0, and small weights are all that it has. So fields take plain `exp`.
    """
    return relative.clamp_min_(0.49 * math.log(torch.finfo(relative.dtype).tiny)).exp()


def _dot(a: Tensor, b: Tensor) -> Tensor:  # [B, R, c] -> [B, R], without a temporary product
    return einsum(a, b, "b r c, b r c -> b r")
