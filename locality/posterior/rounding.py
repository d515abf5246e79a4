"""How large the numbers of a scan are, and so whether float32 can hold them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import to_float

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
        """Those of a channel at any location, at every location."""
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
        """In one pass."""
        return cls.of_sums(PixelSums.of(images))

    @classmethod
    def of_sums(cls, sums: PixelSums) -> PixelMoments:
        """Those of images whose sums are known."""
        mean = sums.mean
        return cls(mean, sums.squares / sums.total, torch.maximum(sums.high - mean, mean - sums.low))


class PixelSums(NamedTuple):
    """What pixel moments are made of, and what adds up over parts of a bank; float64."""

    total: Tensor  # [n] images
    mean: Tensor  # [n]
    squares: Tensor  # [n] sum of the squared differences from the mean
    low: Tensor  # [n]
    high: Tensor  # [n]

    @classmethod
    def of(
        cls,
        images: Tensor,  # [N, n] as at rest
        chunk: int = 1024,
    ) -> PixelSums:
        """In one pass, of no image, too."""
        none = torch.zeros(images.shape[1], dtype=torch.float64, device=images.device)
        sums = cls(none, none, none, none + torch.inf, none - torch.inf)
        for part in images.split(chunk) if len(images) else ():
            sums = sums.merge(cls._of_few(to_float(part, torch.float64)))
        return sums

    @classmethod
    def _of_few(cls, images: Tensor) -> PixelSums:
        mean = images.mean(0)
        squares = (images - mean).square_().sum(0)
        return cls(torch.full_like(mean, len(images)), mean, squares, images.amin(0), images.amax(0))

    def merge(self, other: PixelSums) -> PixelSums:
        """Those of the images of both (Chan et al. 1979)."""
        total = self.total + other.total
        share, apart = other.total / total.clamp(min=1), other.mean - self.mean
        squares = self.squares + other.squares + apart.square() * self.total * share
        low, high = torch.minimum(self.low, other.low), torch.maximum(self.high, other.high)
        return PixelSums(total, self.mean + apart * share, squares, low, high)


class Query(NamedTuple):
    """Noisy images, ready for a pass over the bank."""

    x: Tensor  # [B, n] float64
    shift: Tensor  # [B, P] float64, subtracted from the squared differences at each place
    scale: Tensor  # [B] float64, 1 / (2 sigma^2)
    dtype: torch.dtype = torch.float64  # the type to work in

    def to(self, dtype: torch.dtype) -> Query:
        """For work in another type."""
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

    An entry is rounded by 2^-25 of its size; `lookups` of them add up at random, to an error of the logit;
    that times the posterior's standard deviation is the error of the output. Where an output does not look
    at its own place, nothing keeps likely candidates near x there: all that the bank reaches is possible, of
    the output and of the entry, which a table may hold.
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
