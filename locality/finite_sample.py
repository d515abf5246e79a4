"""How much a Wiener filter owes to the images that it was fitted to: random matrices say.

Let S be the covariance of Gaussian images of n coordinates, C that of N of them, and `W = C (C + s)^-1` with
`s = sigma^2`. For large N and n, whatever their ratio, the mean of W is the filter of the true covariance at
more noise (the deterministic equivalent: Hachem, Loubaton & Najim 2007; Bach 2023, section 4):

    E W = S (S + kappa)^-1,   kappa (1 - df1 / N) = s,   dfk = tr S^k (S + kappa)^-k.

With `Q = 1 - W` and for any symmetric A and B (Bach 2023, proposition 3, `s^2` on the left)

    E tr A Q B Q = kappa^2 tr A (S + kappa)^-1 B (S + kappa)^-1
                 + kappa^2 tr A S (S + kappa)^-2 . tr B S (S + kappa)^-2 / (N - df2).

Now two filters of N images each, all independent, meet the same noisy image `x = x0 + sigma eps`, whose
covariance is S + s. Each estimate is `D_i = W_i x + Q_i m_i`, with m_i the mean of its images. About the true
mean,

    D_1 - D_2 = (W_1 - W_2) x + Q_1 m_1 - Q_2 m_2,   m_i ~ N(0, S / N), independent of W_i.

The first part has `E |(W_1 - W_2) x|^2 = 2 (E tr (S + s) Q^2 - tr (S + s) (E Q)^2)`: the square of the mean
cancels. Of the equation above, with A = S + s and B = 1, the second line is left. The other part is
`2 E tr S Q^2 / N`, where both lines count. With `kappa tr S (S + kappa)^-2 = df1 - df2 = d` and
`s = kappa (1 - df1 / N)` they are

    E |D_1 - D_2|^2 = 2 kappa d (df2 + (1 - df1 / N) d) / (N - df2)    of the covariances
                    + 2 kappa d / (N - df2)                            of the means.

This takes df2 for large. Where few directions exceed the noise it falls short, at N >> n already: there
`Q - E Q = -s G (C - S) G` with `G = (S + s)^-1`, and of `E (C - S) M (C - S) = (S tr M S + S M S) / N` it has
the trace alone. The other term is added, with kappa and N - df2 in the places that they have above:

    + 2 kappa^2 tr (S + s) S^2 (S + kappa)^-4 / (N - df2)
    = 2 (kappa tr H^3 (1 - H) + s tr H^2 (1 - H)^2) / (N - df2),       H = S (S + kappa)^-1.

A covariance about the sample's own mean is as one of N - 1 images about the true one: so N is N - 1, but in
the covariance of the mean, where it makes no difference worth having.

The true S is not known. Of a pool of P images (all halves together) C has the eigenvalues of a sample, too
spread out. But its filter at a smaller noise l has the same kappa, `kappa (1 - df1 / P) = l`, and so tells
df1 = tr C (C + l)^-1; the derivative of this by l tells d. No eigenvalue of S is needed; the small last term
takes C (C + l)^-1 for H.

All this counts images as independent and Gaussian. Crops of one photograph make filters differ more. So do
photographs of unlike contrast (a common factor of all pixels).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from locality.statistics import GaussianStats

_HALVINGS = 100  # of an interval of factors: to rounding


@dataclass(frozen=True)
class Sample:
    """N independent images in some directions: what the covariance of these directions is known from."""

    eigenvalues: Tensor  # [k] float64, of the true covariance or the pool's, along the directions
    images: float  # N of one filter
    pool: float = math.inf  # images that the eigenvalues were measured on; infinity: they are the true ones
    centred: bool = True  # about the sample's mean; False: the mean is known to be 0

    def freedom(self, images: float) -> float:
        """The degrees of freedom of so many images: one less where they tell the mean, too."""
        return images - self.centred


@dataclass(frozen=True)
class Equivalent:
    """The filter of the true covariance that the filter of a sample is in the mean."""

    kappa: float  # pixel units squared; what acts as the variance of the noise
    df1: float  # tr H, H = S (S + kappa)^-1
    df2: float  # tr H^2
    tail: float  # kappa tr H^3 (1 - H) + sigma^2 tr H^2 (1 - H)^2


def equivalent(sample: Sample, sigma: float) -> Equivalent:
    """Kappa and the degrees of freedom of a Wiener filter of N images at a noise level.

    Raises ValueError for a noise level that is not above 0, for less than 2 images, and more than the pool's.
    """
    if not sigma > 0:
        raise ValueError(f"sigma: want a noise level above 0, got {sigma}")
    if not 2 <= sample.images <= sample.pool:
        raise ValueError(f"images: want 2 to the {sample.pool:g} of the pool, got {sample.images}")

    def kappa_at(noise: float) -> tuple[float, float]:  # of the pool's filter; what noise has it for N images
        df1 = (sample.eigenvalues / (sample.eigenvalues + noise)).sum().item()
        kappa = noise / (1 - df1 / sample.freedom(sample.pool))
        return kappa, kappa * (1 - df1 / sample.freedom(sample.images))

    low = high = sigma**2  # N images have the larger kappa at this noise, so the pool's noise is more
    while kappa_at(high)[1] < sigma**2:
        high *= 4
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if kappa_at(middle)[1] < sigma**2 else (low, middle)
    kappa = kappa_at(high)[0]
    gain = sample.eigenvalues / (sample.eigenvalues + high)
    seen = (gain * (1 - gain)).sum().item()
    d = seen / (1 - kappa * seen / (high * sample.freedom(sample.pool)))
    tail = kappa * (gain**3 * (1 - gain)).sum() + sigma**2 * (gain * (1 - gain)).square().sum()
    df1 = gain.sum().item()
    return Equivalent(kappa, df1, df1 - d, tail.item())


def disagreement(
    samples: Sequence[Sample],  # of directions that are independent of one another; mostly one, of all
    sigma: float,  # noise level, pixel units
) -> float:
    """`E |D_1 - D_2|^2 / n` of the Wiener filters of two independent halves, at noisy images of neither."""
    total = 0.0
    for sample in samples:
        found, images = equivalent(sample, sigma), sample.freedom(sample.images)
        d = found.df1 - found.df2
        covariances = found.df2 + (1 - found.df1 / images) * d
        total += 2 * (found.kappa * d * (covariances + sample.centred) + found.tail) / (images - found.df2)
    return total / sum(len(sample.eigenvalues) for sample in samples)


def halves_of(
    stats: GaussianStats,  # of both halves together, mirror images included
    images: int,  # of one half, mirror images not counted
    mirrored: bool,  # whether every image's mirror image is there, too
) -> list[Sample]:
    """The samples that two halves of these images are.

    Mirror images are no images of their own. They make the covariance one of two parts, of what the mirror
    leaves alone and of what it turns into its negative. Each is known from N images, and of the second the
    mean is 0 for certain.
    """
    assert stats.count is not None, "halves are measured on images"
    if not mirrored:
        return [Sample(stats.eigenvalues, images, stats.count)]
    assert stats.image_shape is not None, "measured statistics know their images"
    channels, height, width = stats.image_shape
    place = rearrange(torch.arange(len(stats.mean)), "(c h w) -> c h w", c=channels, h=height, w=width)
    place, twin = place.flatten(), place.flip(-1).flatten()
    found = []
    for sign, kept in ((1, place <= twin), (-1, place < twin)):
        # Of (x_p + sign x_twin) / sqrt 2; a pixel that is its own mirror image is in the first part, as x_p.
        scale = torch.where(place == twin, 0.5, 1.0).double().sqrt()[kept]
        block = (stats.covariance + sign * stats.covariance[:, twin])[kept][:, kept] * scale * scale[:, None]
        if len(block):
            values = torch.linalg.eigvalsh(block).clamp(min=0)
            found.append(Sample(values, images, stats.count / 2, centred=sign > 0))
    return found
