"""Power sums of images: what one pass over a bank collects, and what adds up over chunks and ranks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from locality.at_rest import LEVELS
from locality.bank import ImageBank, to_float
from locality.shards import Shard
from locality.whole_numbers import LONGEST, MIDDLE, Digits, centred, products, squares

_BYTES = 8  # images of bytes that take the room of one in float64
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

    def over(
        self,
        shard: Shard,  # of the images that these are the sums over
    ) -> Sums:
        """The sums over the images of all ranks."""
        return Sums(*map(shard.total_of, self.tensors()))

    def update(
        self,
        y: Tensor,  # [b, n] float64, relative to the point
        weight: Tensor | None = None,  # [b]
    ) -> None:
        """Add vectors, in place."""
        w = torch.ones(len(y), dtype=y.dtype) if weight is None else weight.to(y.dtype)
        self.second.addmm_(y.T * w, y)
        squared = y.square().sum(1)
        self.count += w.sum()
        self.first += w @ y
        self.cubic += (w * squared) @ y
        self.quartic += (w * squared.square()).sum()

    def moved(
        self,
        d: Tensor,  # [n] the new point, relative to the old one
    ) -> Sums:
        """These sums about another point."""
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
        return _measure_bytes(bank, min(_BYTES * chunk_size, LONGEST))
    point = _flat(to_float(bank.taken(slice(chunk_size)), torch.float64)).mean(0)
    sums = Sums.zero(len(point))
    for chunk in bank.chunks(chunk_size, torch.float64):
        sums.update(_flat(chunk) - point)
    return sums.over(bank.shard), point


def _measure_bytes(bank: ImageBank, chunk_size: int) -> tuple[Sums, Tensor]:
    """Sums of whole numbers, in which nothing is rounded."""
    n = bank.image_shape.numel()
    sums = Sums.zero(n)
    for chunk in bank.read(chunk_size):
        v = centred(_flat(chunk))
        for start in range(0, n, _PANEL):  # of a symmetric matrix, the upper triangle
            panel = slice(start, start + _PANEL)
            sums.second[panel, start:] += products(v[:, panel].T, v[:, start:])
        squared = squares(v).double()
        first, cubic = Digits.of(torch.stack([torch.ones_like(squared), squared]), 4).times(v.T)
        sums.count += len(v)
        sums.first += first
        sums.cubic += cubic
        sums.quartic += squared.square().sum()
    sums = sums.over(bank.shard)
    sums.second = sums.second.triu() + sums.second.triu(1).T
    for power, part in enumerate(sums.tensors()):
        part /= LEVELS**power
    point = torch.full((n,), MIDDLE / LEVELS - 1, dtype=torch.float64)
    return sums, point


def _flat(images: Tensor) -> Tensor:  # [b, C, H, W]: [b, n] on the CPU
    return rearrange(images, "b c h w -> b (c h w)").cpu()
