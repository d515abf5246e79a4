"""Power sums of images: what one pass over a bank collects, and what adds up over chunks and ranks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank, to_float

_LEVELS = 127.5  # of a byte in a unit of pixels
_MIDDLE = 128  # no byte is farther from it than that
_EXACT = 2**24 // _MIDDLE**2  # images over which float32 adds up products of such numbers exactly
_PANEL = 384  # rows of a covariance that are multiplied together


@dataclass
class Sums:
    """Power sums of weighted vectors y_i about some point, in float64: what one pass over the data collects.

    Sums about the same point add up over chunks and ranks. The two higher ones are what Ledoit-Wolf needs.
    """

    count: Tensor  # [] total weight
    first: Tensor  # [n] sum of y
    second: Tensor  # [n, n] sum of y y^T
    cubic: Tensor  # [n] sum of |y|^2 y
    quartic: Tensor  # [] sum of |y|^4

    @classmethod
    def zero(cls, n: int) -> Sums:
        """The sums over no data of n coordinates."""
        like = torch.zeros(n, dtype=torch.float64)
        return cls(like.new_zeros(()), like, like.new_zeros(n, n), like.clone(), like.new_zeros(()))

    def tensors(self) -> list[Tensor]:
        """The five sums, for a reduction over ranks in place."""
        return [self.count, self.first, self.second, self.cubic, self.quartic]

    def add(self, other: Sums) -> Sums:
        """Add the sums of other data about the same point, in place."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine += theirs
        return self

    def update(
        self,
        y: Tensor,  # [b, n] float64, relative to the point
        weight: Tensor | None = None,  # [b]
    ) -> None:
        """Add vectors, in place."""
        w = torch.ones(len(y), dtype=y.dtype) if weight is None else weight.to(y.dtype)
        self.second.addmm_(y.T * w, y)
        self.update_lengths(y, w)

    def update_lengths(
        self,
        y: Tensor,  # [b, n] float64, relative to the point
        weight: Tensor | None = None,  # [b]
    ) -> None:
        """Add vectors to all but the second sum, in place."""
        w = torch.ones(len(y), dtype=y.dtype) if weight is None else weight.to(y.dtype)
        squared = y.square().sum(1)
        self.count += w.sum()
        self.first += w @ y
        self.cubic += (w * squared) @ y
        self.quartic += (w * squared.square()).sum()

    def moved(
        self,
        d: Tensor,  # [n] the new point, relative to the old one
    ) -> Sums:
        """The same sums about another point."""
        length = d @ d
        trace = self.second.trace()
        drift = self.first @ d
        new_trace = trace - 2 * drift + self.count * length
        return Sums(
            count=self.count.clone(),
            first=self.first - self.count * d,
            second=self.second
            - torch.outer(self.first, d)
            - torch.outer(d, self.first)
            + self.count * torch.outer(d, d),
            cubic=self.cubic - 2 * (self.second @ d) + length * self.first - new_trace * d,
            quartic=self.quartic
            + 4 * d @ self.second @ d
            + self.count * length**2
            - 4 * self.cubic @ d
            + 2 * length * trace
            - 4 * length * drift,
        )


def measure(
    bank: ImageBank,
    chunk_size: int,  # images; changes nothing but memory
) -> tuple[Sums, Tensor]:  # and [n], what they are about
    """The sums over a bank, in one pass; of one that ranks share, over all of it."""
    if bank.images.dtype == torch.uint8:
        sums, point = _measure_bytes(bank, min(chunk_size, _EXACT))
    else:
        point = rearrange(
            to_float(bank.taken(slice(chunk_size)), torch.float64).mean(0), "c h w -> (c h w)"
        ).cpu()
        sums = Sums.zero(len(point))
        for chunk in bank.chunks(chunk_size, torch.float64):
            sums.update(rearrange(chunk, "b c h w -> b (c h w)").cpu() - point)
    return Sums(*map(bank.shard.total_of, sums.tensors())), point


def _measure_bytes(bank: ImageBank, chunk_size: int) -> tuple[Sums, Tensor]:
    """Products of whole numbers up to 128, whose sums over a chunk float32 holds: nothing is rounded."""
    n = bank.image_shape.numel()
    sums, second = Sums.zero(n), torch.zeros(n, n, dtype=torch.float64)
    for chunk in bank.read(chunk_size):
        numbers = rearrange(chunk, "b c h w -> b (c h w)").cpu().float() - _MIDDLE
        for start in range(0, n, _PANEL):  # of a symmetric matrix, the upper triangle
            panel = numbers[:, start : start + _PANEL].T @ numbers[:, start:]
            second[start : start + _PANEL, start:] += panel
        sums.update_lengths(numbers.double() / _LEVELS)
    sums.second = (second.triu() + second.triu(1).T) / _LEVELS**2
    point = torch.full((n,), _MIDDLE / _LEVELS - 1, dtype=torch.float64)
    return sums, point
