"""Whole images against a bank: products of 8 bits or of float32, and float64 for the few that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from einops import rearrange
from torch import Tensor

from locality.at_rest import levels_of
from locality.whole_numbers import LONGEST, MIDDLE, Digits, blocks, quick, squares

_ROUNDING = 2.0**-24  # of float32
WORST = 32  # roundings of the product of the lengths: more than sums of so few numbers are off
_SLICE = 64  # numbers that are added up in float32: squared bytes exactly, products with little rounding
_NEAR = {"cpu": 2**18}  # numbers of a block: 1 MiB stays in the second-level cache
_DIGITS = 6  # of 8 bits, of a noisy image: float64 has hardly more
_WHOLE = 2**20  # numbers of a block of 8 bits
_FAR = 2**24  # numbers of a block elsewhere
_LARGEST = 1e15  # coordinate, whose products float32 holds
_SPARSE = 4  # times fewer images than there are: they are gathered
_SAMPLE = 64  # images whose mean is the centre


@dataclass(frozen=True)
class Blocks:
    """A bank in coordinates of its own: `v = levels (X - middle)`, whole numbers where it rests as bytes.

    Where there are quick products of 8 bits, the middle is that of bytes, and products are exact. Elsewhere
    float32 holds every v and its squared length exactly, and a product is off by its own rounding only. The
    middle is then some images' mean: products are of what tells images apart.
    """

    images: Tensor  # [N, n] as at rest
    centre: Tensor  # [n] float32, subtracted from the numbers at rest: whole ones of bytes, zeros of floats
    whole: bool = False  # v has 8 bits, and there are quick products of such numbers
    squares: Tensor | None = None  # [N] float64 |v|^2, where it is known

    @classmethod
    def of(
        cls,
        images: Tensor,  # [N, n] as at rest
        squares: Tensor | None = None,  # [N] of `measured`
        centre: Tensor | None = None,  # [n] of other images, beside whose distances those of these are
    ) -> Blocks:
        """The blocks of a bank."""
        n = images.shape[1]
        if images.dtype != torch.uint8:
            return cls(images, images.new_zeros(n, dtype=torch.float32), False, squares)
        if quick(images.device) and n <= LONGEST:
            return cls(images, images.new_full((n,), MIDDLE, dtype=torch.float32), True, squares)
        centre = images[:_SAMPLE].float().mean(0).round() if centre is None else centre.to(images.device)
        return cls(images, centre, False, squares)

    def split(
        self,
        size: int,  # images
    ) -> list[Blocks]:
        """Consecutive parts, in the same coordinates."""
        parts = self.images.split(size)
        known = [None] * len(parts) if self.squares is None else self.squares.split(size)
        return [replace(self, images=one, squares=two) for one, two in zip(parts, known, strict=True)]

    def measured(self) -> Tensor:  # [N] float64
        """`|v|^2`, which no noisy image changes."""
        return self._products(self.centre[None].double(), True)[1]

    @property
    def levels(self) -> float:
        """How many units of v are one of X."""
        return levels_of(self.images)

    def coordinates(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B, n] float64
        """Noisy images where the bank's images are."""
        x = x.double()
        return (x + 1) * self.levels - self.centre if self.images.dtype == torch.uint8 else x

    def pixels(
        self,
        sums: Tensor,  # [B, n] float64, sum of w v
        total: Tensor,  # [B, 1] float64, sum of w
    ) -> Tensor:  # [B, n] float64, sum of w X
        """Weighted sums of images from weighted sums of their coordinates."""
        if self.images.dtype != torch.uint8:
            return sums
        return (sums + self.centre * total) / self.levels - total

    def read(
        self,
        images: Tensor,  # [c, n] some of the bank's
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:  # [c, n]
        """The coordinates of these images."""
        return images.to(dtype) - self.centre

    def __iter__(self) -> Iterator[Tensor]:  # [c, n] float32
        """All images, few enough at once to stay in a near cache; the next take their place."""
        return self._read(self.images.split(self.size))

    def _read(self, parts: Iterable[Tensor]) -> Iterator[Tensor]:
        # New memory for each block would cost more than reading it.
        buffer = self.centre.new_empty(min(self.size, len(self.images)), len(self.centre))
        for part in parts:
            block = buffer[: len(part)].copy_(part)
            yield block.sub_(self.centre) if part.dtype == torch.uint8 else block

    @property
    def size(self) -> int:
        """Images of a block."""
        return max(16, _NEAR.get(self.images.device.type, _FAR) // self.images.shape[1])

    @property
    def slices(self) -> int:
        """How many slices a product has. Their roundings are independent."""
        return _slices(self.images.shape[1])

    def half_distances(
        self,
        q: Tensor,  # [B, n] float64 from `coordinates`
    ) -> tuple[Tensor, Tensor]:  # [B, N] float64; [B] the rounding of a product of the lengths
        """`|v|^2 / 2 - q.v`, by quick products: off by less than `WORST` roundings.

        Of images that float32 cannot hold, or where its products are of 16 bits, nothing is known.
        """
        short = torch.get_float32_matmul_precision() != "highest" and not self.whole
        if short or (q.numel() > 0 and q.abs().amax() > _LARGEST):
            return q.new_zeros(len(q), len(self.images)), torch.full_like(q[:, 0], torch.inf)
        products, found = self._products(q, self.squares is None)
        found = found if self.squares is None else self.squares
        if self.whole:  # each number of q is off by half a unit at most, and no v is larger than the middle
            error = Digits.unit(q, _DIGITS) / 2 * MIDDLE * q.shape[1] / WORST
        else:
            length = found.amax().sqrt()
            error = _ROUNDING * length * (q.norm(dim=1) + length / 2)
        return found / 2 - products, error

    def products(
        self,
        q: Tensor,  # [B, n] float64 from `coordinates`
    ) -> Tensor:  # [B, N] float64
        """`q.v`, as of `half_distances`."""
        return self._products(q, False)[0]

    def _products(self, q: Tensor, squared: bool) -> tuple[Tensor, Tensor]:
        """`q.v` [B, N], and if asked for, `|v|^2` [N]: one reading of the images; float64."""
        if len(self.images) == 0:
            return q.new_empty(len(q), 0), q.new_empty(0)
        times: Callable[[Tensor], Tensor]
        lengths: Callable[[Tensor], Tensor]
        if self.whole:
            each, times = blocks(self.images, max(1, _WHOLE // q.shape[1])), Digits.of(q, _DIGITS).times
            lengths = squares
        else:
            sliced = Sliced(q)
            each, times, lengths = iter(self), sliced.times, sliced.squares
        both = [(times(block), lengths(block) if squared else q.new_empty(0)) for block in each]
        products, found = zip(*both, strict=True)
        return torch.cat(products, 1), torch.cat(found).double()

    def exact_half_distances(
        self,
        q: Tensor,  # [B, n] float64
        which: Tensor,  # [m] positions in the bank
    ) -> Tensor:  # [B, m] float64
        """The half squared distances in float64."""
        parts = [self.read(self.images[some], torch.float64) for some in which.split(self.size)]
        return torch.cat([v.square().sum(1) / 2 - q @ v.T for v in parts], 1)

    def exact_pairs(
        self,
        q: Tensor,  # [B, n] float64
        rows: Tensor,  # [m] positions in q
        which: Tensor,  # [m] positions in the bank
    ) -> Tensor:  # [m] float64
        """The half squared distances of some pairs. Equal images have equal ones."""
        pairs = zip(rows.split(self.size), which.split(self.size), strict=True)
        parts = ((self.read(self.images[some], torch.float64), q[b]) for b, some in pairs)
        return torch.cat([(v * (v / 2 - one)).sum(1) for v, one in parts])

    def weighted(
        self,
        weights: Tensor,  # [B, N] float64
    ) -> Tensor:  # [B, n] float64
        """`sum_i w_i X_i`."""
        images, which = self.images, weights.any(0).nonzero()[:, 0]
        if _SPARSE * len(which) < len(images):
            images, weights = images[which], weights[:, which]
        sums = weights.new_zeros(len(weights), images.shape[1])
        parts = weights.float().split(self.size, 1)
        for part, block in zip(parts, self._read(images.split(self.size)), strict=True):
            sums += part @ block
        return self.pixels(sums, weights.sum(1, keepdim=True))


class Sliced:
    """Products with the images of a block: float32 ones of slices, whose sums are float64."""

    def __init__(
        self,
        q: Tensor,  # [B, n] float64
    ) -> None:
        self._count = _slices(q.shape[1])
        self._slices = rearrange(q.float(), "b (s k) -> s b k", s=self._count).contiguous()
        self._room = self._slices.new_empty(0)

    def times(
        self,
        block: Tensor,  # [c, n] float32
    ) -> Tensor:  # [B, c] float64
        """`q.v`."""
        products = torch.bmm(self._slices, rearrange(block, "c (s k) -> s k c", s=self._count))
        return products.sum(0, dtype=torch.float64)

    def squares(
        self,
        block: Tensor,  # [c, n] float32
    ) -> Tensor:  # [c] float64
        """`|v|^2`."""
        if len(self._room) < len(block):
            self._room = torch.empty_like(block)
        squared = torch.mul(block, block, out=self._room[: len(block)])
        return squared.unflatten(1, (self._count, -1)).sum(2).sum(1, dtype=torch.float64)


def _slices(n: int) -> int:
    return next(count for count in range(-(-n // _SLICE), n + 1) if n % count == 0)
