"""What random matrices say of Wiener filters of few images, against filters of images that were drawn."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from torch import Tensor

from locality import GaussianStats, ImageBank
from locality.denoisers import Wiener
from locality.finite_sample import Sample, disagreement, equivalent, halves_of

SHAPE = (1, 7, 8)
N_COORDINATES = 56
SPECTRUM = torch.arange(1, N_COORDINATES + 1, dtype=torch.float64) ** -1.0  # as photographs', nearly
STEEP = SPECTRUM**2
DRAWS = 300  # pairs of halves: their mean is known to 2 % or better
SIGMAS = (0.05, 0.2, 1.0, 4.0)


def drawn(images: int, variances: Tensor, generator: torch.Generator) -> Tensor:  # [N, n]
    noise = torch.randn(images, len(variances), generator=generator, dtype=torch.float64)
    return 0.3 + noise * variances.sqrt()


def affine(images: Tensor, sigma: float) -> tuple[Tensor, Tensor]:  # D(x) = W x + offset, by textbook
    mean, covariance = images.mean(0), torch.cov(images.T)
    noisy = covariance + sigma**2 * torch.eye(len(covariance), dtype=torch.float64)
    filter_ = torch.linalg.solve(noisy, covariance)
    return filter_, mean - filter_ @ mean


@cache
def simulated(images: int, sigma: float, steep: bool = False) -> tuple[float, Tensor]:
    """The mean of |D_1 - D_2|^2 / n over pairs of halves, exact over noisy images; the mean filter."""
    variances = STEEP if steep else SPECTRUM
    generator = torch.Generator().manual_seed(images)
    noisy = variances + sigma**2  # of x, in directions that are independent
    found, mean = [], torch.zeros(N_COORDINATES, N_COORDINATES, dtype=torch.float64)
    for _ in range(DRAWS):
        (one, a), (two, b) = (affine(drawn(images, variances, generator), sigma) for _ in range(2))
        at_mean = (one - two) @ torch.full((N_COORDINATES,), 0.3, dtype=torch.float64) + a - b
        found.append(((one - two).square() @ noisy).sum() + at_mean @ at_mean)
        mean += (one + two) / (2 * DRAWS)
    return torch.stack(found).mean().item() / N_COORDINATES, mean


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("images", [20, 55, 60, 120, 400])  # fewer than coordinates, as many, more
def test_two_wiener_filters_of_independent_halves_differ_as_predicted(images: int, sigma: float) -> None:
    predicted = disagreement([Sample(SPECTRUM, images)], sigma)
    assert predicted == pytest.approx(simulated(images, sigma)[0], rel=0.05)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("images", [30, 400])
def test_the_prediction_holds_where_few_directions_exceed_the_noise(images: int, sigma: float) -> None:
    predicted = disagreement([Sample(STEEP, images)], sigma)
    assert predicted == pytest.approx(simulated(images, sigma, steep=True)[0], rel=0.05)


@pytest.mark.parametrize("sigma", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("images", [20, 60, 400])
def test_the_mean_filter_is_that_of_the_true_covariance_at_noise_kappa(images: int, sigma: float) -> None:
    found = equivalent(Sample(SPECTRUM, images), sigma)
    gain = SPECTRUM / (SPECTRUM + found.kappa)
    assert found.kappa * (1 - found.df1 / (images - 1)) == pytest.approx(sigma**2, rel=1e-9)
    assert (found.df1, found.df2) == pytest.approx((gain.sum().item(), gain.square().sum().item()), rel=1e-9)
    mean = simulated(images, sigma)[1]
    assert (mean - torch.diag(gain)).norm() < 0.05 * gain.norm()
    at_sigma = SPECTRUM / (SPECTRUM + sigma**2)
    if found.kappa > 1.5 * sigma**2:  # where the two can be told apart, kappa is far nearer
        assert (mean - torch.diag(at_sigma)).norm() > 3 * (mean - torch.diag(gain)).norm()


@pytest.mark.parametrize("images", [20, 60, 400])
def test_the_pool_of_both_halves_tells_what_the_true_covariance_would(images: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for sigma in SIGMAS:
        truth = disagreement([Sample(SPECTRUM, images)], sigma)
        told = []
        for _ in range(20):
            values = torch.linalg.eigvalsh(torch.cov(drawn(2 * images, SPECTRUM, generator).T)).clamp(min=0)
            told.append(disagreement([Sample(values, images, 2 * images)], sigma))
        assert sum(told) / len(told) == pytest.approx(truth, rel=0.04)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("width", [11, 12])  # with and without a column that is its own mirror image
def test_mirror_images_are_no_images_of_their_own(width: int, sigma: float) -> None:
    """Images that are nearly their mirror images: these tell almost nothing new."""
    height, images, generator = 10, 100, torch.Generator().manual_seed(0)
    n = height * width
    root = torch.randn(n, n, generator=generator, dtype=torch.float64)
    root = root * torch.arange(1, n + 1, dtype=torch.float64) ** -0.7 / 3

    def half() -> ImageBank:
        noise = torch.randn(images, n, generator=generator, dtype=torch.float64)
        plain = (0.2 + noise @ root.T).reshape(images, 1, height, width)
        plain = plain + 0.7 * plain.flip(-1)
        return ImageBank(torch.cat([plain, plain.flip(-1)]).float())

    clean = torch.cat([half().images for _ in range(4)]).double()
    x = clean + sigma * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    measured, told, naive = [], [], []
    for _ in range(40):
        stats = [GaussianStats.measured(half()) for _ in range(2)]
        one, two = (Wiener(each)(x, sigma) for each in stats)
        measured.append((one - two).square().mean().item())
        both = stats[0].merge(stats[1])
        told.append(disagreement(halves_of(both, images, mirrored=True), sigma))
        naive.append(disagreement(halves_of(both, 2 * images, mirrored=False), sigma))
    assert sum(told) == pytest.approx(sum(measured), rel=0.04)
    assert sum(naive) < 0.9 * sum(measured)


def test_the_two_parts_of_mirrored_images_have_all_their_variance() -> None:
    plain = torch.randn(30, 2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    stats = GaussianStats.measured(ImageBank(torch.cat([plain, plain.flip(-1)])))
    parts = halves_of(stats, 15, mirrored=True)
    together = torch.cat([part.eigenvalues for part in parts]).sort().values
    torch.testing.assert_close(together, stats.eigenvalues, atol=1e-12, rtol=1e-9)
    assert [len(part.eigenvalues) for part in parts] == [24, 16]
    assert [(part.images, part.pool, part.centred) for part in parts] == [(15, 30, True), (15, 30, False)]


def test_at_infinite_noise_filters_differ_by_their_means_alone() -> None:
    sigma, images = 1e4, 50
    expected = 2 * SPECTRUM.sum().item() / images / N_COORDINATES
    assert disagreement([Sample(SPECTRUM, images)], sigma) == pytest.approx(expected, rel=0.03)
    assert disagreement([Sample(SPECTRUM, images, centred=False)], sigma) < 1e-6


def test_infinitely_many_images_leave_nothing_to_disagree_on() -> None:
    found = equivalent(Sample(SPECTRUM, math.inf), 0.3)
    assert found.kappa == pytest.approx(0.09, rel=1e-12)
    assert disagreement([Sample(SPECTRUM, 1e12)], 0.3) < 1e-10


@pytest.mark.parametrize(
    ("images", "pool", "sigma", "message"),
    [(1, 10, 1.0, "images: want 2 to the 10"), (11, 10, 1.0, "got 11"), (5, 10, 0.0, "sigma: want")],
)
def test_what_has_no_prediction_is_an_error(images: int, pool: int, sigma: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        equivalent(Sample(SPECTRUM, images, pool), sigma)
