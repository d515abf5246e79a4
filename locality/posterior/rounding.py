"""How large the numbers of a scan are, and so whether float32 can hold them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from locality.at_rest import LEVELS
from locality.whole_numbers import MIDDLE, centred, products, squares

_ROUNDING = 2.0**-25  # half the spacing of float32 numbers near 1: the most that storing one number moves it
# Of the estimate's length. What is promised is 1e-5; measured errors are 7 to 30 times below the estimate,
# whose entries are those of average images: likely images have smaller ones.
_ALLOWED = 1.5e-5
LARGEST_LOGIT = _ALLOWED / _ROUNDING  # that float32 stores well enough
_STRICTER = 4  # derivatives are differences of weighted sums, and feel an error more


class PixelMoments(NamedTuple):
    """The mean, variance and reach of the bank, coordinate by coordinate; float64."""

    mean: Tensor  # [n]
    variance: Tensor  # [n]
    reach: Tensor  # [n] how far from the mean an image goes

    def over_locations(
        self,
        channels: int,
    ) -> PixelMoments:
        """The moments of a channel over all locations, given at each location."""
        mean = self.mean.unflatten(0, (channels, -1))
        middle = mean.mean(1, keepdim=True)
        spread = self.variance.unflatten(0, (channels, -1)) + (mean - middle) ** 2
        reach = (self.reach.unflatten(0, (channels, -1)) + (mean - middle).abs()).amax(1, keepdim=True)
        parts = (middle, spread.mean(1, keepdim=True), reach)
        return PixelMoments(*(part.expand_as(mean).flatten() for part in parts))

    @classmethod
    def of(
        cls,
        images: Tensor,  # [N, n] as at rest
    ) -> PixelMoments:
        """The moments of images, in one pass."""
        return cls.of_sums(PixelSums.of(images), images.dtype)

    @classmethod
    def of_sums(
        cls,
        sums: PixelSums,
        at_rest: torch.dtype,  # of the images
    ) -> PixelMoments:
        """The moments of images whose sums are known."""
        mean = sums.first / sums.total
        variance = (sums.second / sums.total - mean**2).clamp(min=0)
        reach = torch.maximum(sums.high - mean, mean - sums.low)
        if at_rest != torch.uint8:
            return cls(sums.origin + mean, variance, reach)
        return cls((mean + sums.origin) / LEVELS - 1, variance / LEVELS**2, reach / LEVELS)


class PixelSums(NamedTuple):
    """What pixel moments are made of, and what adds up over parts of a bank; float64.

    They are of the numbers at rest. Of bytes they are sums of whole ones, in which nothing is rounded.
    """

    total: Tensor  # [n] images
    origin: Tensor  # [n] subtracted from the numbers: 128, or the first image of floats
    first: Tensor  # [n] sum
    second: Tensor  # [n] sum of squares
    low: Tensor  # [n]
    high: Tensor  # [n]

    @classmethod
    def of(
        cls,
        images: Tensor,  # [N, n] as at rest
        chunk: int = 1024,
    ) -> PixelSums:
        """The sums over images, in one pass. There may be no image."""
        none = torch.zeros(images.shape[1], dtype=torch.float64, device=images.device)
        floats = images.dtype != torch.uint8 and len(images) > 0
        origin = images[0].double() if floats else none + MIDDLE
        sums = cls(none, origin, none, none, none + torch.inf, none - torch.inf)
        for part in images.split(chunk) if len(images) else ():
            first, second = cls._powers(part, origin)
            low, high = part.amin(0).double() - origin, part.amax(0).double() - origin
            low, high = torch.minimum(sums.low, low), torch.maximum(sums.high, high)
            sums = cls(sums.total + len(part), origin, sums.first + first, sums.second + second, low, high)
        return sums

    @staticmethod
    def _powers(part: Tensor, origin: Tensor) -> tuple[Tensor, Tensor]:
        if part.dtype == torch.uint8:
            v = centred(part)
            return products(torch.ones_like(v[:, :1]).T, v)[0], squares(v.T)
        numbers = part.double() - origin
        return numbers.sum(0), numbers.square().sum(0)

    def merge(self, other: PixelSums) -> PixelSums:
        """The sums over the images of both."""
        origin = torch.where(self.total > 0, self.origin, other.origin)
        mine, theirs = self._about(origin), other._about(origin)
        low, high = torch.minimum(mine.low, theirs.low), torch.maximum(mine.high, theirs.high)
        first, second = mine.first + theirs.first, mine.second + theirs.second
        return PixelSums(mine.total + theirs.total, origin, first, second, low, high)

    def _about(self, origin: Tensor) -> PixelSums:
        d = self.origin - origin
        second = self.second + d * (2 * self.first + self.total * d)
        return PixelSums(self.total, origin, self.first + self.total * d, second, self.low + d, self.high + d)


class Query(NamedTuple):
    """Noisy images, ready for a pass over the bank."""

    x: Tensor  # [B, n] float64
    shift: Tensor  # [B, P] float64, subtracted from the squared differences at each place
    scale: Tensor  # [B] float64, 1 / (2 sigma^2)
    dtype: torch.dtype = torch.float64  # the type to work in

    def to(self, dtype: torch.dtype) -> Query:
        """The query for work in another type."""
        return self._replace(dtype=dtype)

    def pick(self, which: slice | Tensor) -> Query:
        """Some of the images."""
        return Query(self.x[which], self.shift[which], self.scale[which], self.dtype)


def query(
    x: Tensor,  # [B, n]
    sigma: float,
    moments: PixelMoments,
    places: int,  # n, or H W where channels are added up
) -> Query:
    """Noisy images with the shift that keeps the sums of likely candidates near zero.

    It is what the squared difference would be on average, were the pixels independent and Gaussian:
    `(x - m)^2 + v sigma^2 / (v + sigma^2)`, m the posterior mean of the pixel and v its variance in the bank.
    """
    x = x.double()
    mean, v, _ = (m.to(x.device) for m in moments)
    gain = sigma**2 / (v + sigma**2)
    expected = (gain * (x - mean)) ** 2 + v * gain
    scale = 1 / (2 * sigma**2)
    return Query(x, _per_place(expected, places) * scale, torch.full_like(x[:, 0], scale))


def relative_error(
    query: Query,
    moments: PixelMoments,
    extent: int,  # places that one table entry adds up
    lookups: float,  # entries that one output adds up
    own: Tensor | None = None,  # [n] A[q, q], how much each output looks at its own place; all 1 if not given
) -> Tensor:  # [B] float64
    """An estimate of how far float32 tables move the output, over its length.

    An entry is rounded by 2^-25 of its size. `lookups` entries add up at random, to the error of the logit.
    The error of the output is the logit's error times the posterior's standard deviation. Where an output
    does not look at its own place, nothing keeps likely candidates near x there. The output, and the table's
    entry of that place, may then be as far away as the bank reaches.
    """
    mean, v, reach = (m.to(query.x.device) for m in moments)
    own = torch.ones_like(v) if own is None else own.to(v).clamp(max=1)
    places = query.shift.shape[1]
    scale = query.scale[:, None]
    variance = 1 / (2 * scale)  # sigma^2
    distance = (query.x - mean) ** 2
    drift = _per_place(distance + v, places) * scale - query.shift
    swing = _per_place(2 * v**2 + 4 * distance * v, places) * scale**2
    size = drift.clamp(min=0).mean(1) * extent + (swing.mean(1) * extent).sqrt()
    # The difference x - X is itself rounded, by its share of x.
    storing = query.x.abs().amax(1) * (query.shift.clamp(min=0).mean(1) * query.scale).sqrt()
    blind = own == 0
    largest = size[:, None] + blind * (distance.sqrt() + reach) ** 2 * scale
    spread = torch.where(blind, reach**2, v * variance / (own * v + variance))
    error = ((largest**2 + storing[:, None] ** 2) * spread).mean(1).sqrt()
    length = (mean**2 + v).mean().sqrt()
    return _ROUNDING * lookups**0.5 * error / length.clamp(min=1e-300)


def precise_enough(
    error: Tensor,  # [B] from `relative_error`
    evidence: Tensor | None = None,  # [B, R] given for a second pass: a derivative, a composite
    strict: bool = False,  # as for a second pass, whose evidence is not known yet
) -> Tensor:  # [B] bool
    """Whether float32 will do."""
    if evidence is None:
        return error <= (_ALLOWED / _STRICTER if strict else _ALLOWED)
    return precise_enough(error, strict=True) & small_logits(evidence)


def small_logits(
    evidence: Tensor,  # [B, R] log-partitions of shifted logits
) -> Tensor:  # [B] bool
    """Whether float32 could hold the logits that mattered.

    An image that nothing in the bank resembles has large ones at low noise, and candidates that differ by
    little.
    """
    return evidence.square().mean(1).sqrt() <= LARGEST_LOGIT


def _per_place(values: Tensor, places: int) -> Tensor:
    return rearrange(values, "... (c p) -> ... c p", p=places).sum(-2)
