"""Wiener against the exact posterior mean of Gaussian data."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from locality import GaussianStats, ImageBank, NoiseSchedule
from locality.denoisers import Optimal, Wiener
from locality.metrics import ImageR2

SHAPE, N = (2, 4, 4), 32
SCHEDULE = NoiseSchedule.ddpm()


def truth() -> GaussianStats:
    generator = torch.Generator().manual_seed(0)
    mix = torch.randn(N, N, generator=generator, dtype=torch.float64) / 8
    return GaussianStats(torch.linspace(-0.5, 0.5, N), mix @ mix.T, SHAPE)


def draw(stats: GaussianStats, count: int, seed: int = 1) -> torch.Tensor:
    noise = torch.randn(count, N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    root = stats.eigenvectors * stats.eigenvalues.sqrt()
    return (stats.mean + noise @ root.T).reshape(count, *SHAPE)


def posterior_mean(stats: GaussianStats, x: torch.Tensor, sigma: float) -> torch.Tensor:
    # Conditioning of a joint Gaussian, solved directly: no eigenbasis in it.
    noisy = stats.covariance + sigma**2 * torch.eye(N, dtype=torch.float64)
    centred = (x.flatten(1).double() - stats.mean).T
    return (stats.mean + (stats.covariance @ torch.linalg.solve(noisy, centred)).T).reshape(x.shape)


@pytest.mark.parametrize("t", [0, 20, 100, 300, 500, 700, 900, 999])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_wiener_from_true_moments_is_the_exact_posterior_mean(t, dtype, tolerance):
    stats = truth()
    sigma = SCHEDULE.sigma(t, torch.float64).item()
    clean = draw(stats, 16)
    x = (clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))).to(dtype)
    exact = posterior_mean(stats, x, sigma)
    assert (Wiener(stats)(x, sigma).double() - exact).norm() <= tolerance * exact.norm()


def test_the_fitted_filter_converges_to_the_exact_one_as_the_bank_grows():
    stats = truth()
    x = draw(stats, 64, seed=3) + 0.5 * torch.randn(64, *SHAPE, generator=torch.Generator().manual_seed(4))
    exact = posterior_mean(stats, x, 0.5)
    errors = [
        (Wiener.fit(ImageBank(draw(stats, count), bound=math.inf))(x, 0.5) - exact).norm() / exact.norm()
        for count in (200, 2_000, 20_000, 200_000)
    ]
    # The error of a covariance falls as the root of the number of images: tenfold more, 3.2 times less.
    assert all(1.8 < big / small < 5.5 for big, small in pairwise(errors))
    assert errors[-1] < 5e-3


def test_its_r2_against_itself_is_one():
    stats = truth()
    x = draw(stats, 8)
    r2 = ImageR2()
    r2.update(Wiener(stats)(x, 1.0), Wiener(stats)(x, 1.0))
    assert r2.compute() == 1


def test_no_affine_denoiser_does_better_on_its_own_data():
    stats = truth()
    clean = draw(stats, 4_000)
    x = clean + 0.7 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(5))
    wiener = Wiener.fit(ImageBank(clean, bound=math.inf))
    # Least squares on the same pairs is the best affine map; Wiener knows moments only, and is within 1 %.
    inputs = torch.cat([x.flatten(1), torch.ones(len(x), 1)], 1).double()
    best = (inputs @ torch.linalg.lstsq(inputs, clean.flatten(1)).solution - clean.flatten(1)).square().mean()
    assert best <= (wiener(x, 0.7) - clean).square().mean() <= 1.01 * best


def test_its_state_alone_rebuilds_it():
    stats = truth()
    x = draw(stats, 3).float()
    again = Wiener.from_state(Wiener(stats).state_dict(), SHAPE)
    assert torch.equal(again(x, 0.3), Wiener(stats)(x, 0.3))


def test_statistics_without_a_shape_are_refused():
    with pytest.raises(ValueError, match="image_shape"):
        Wiener(GaussianStats(torch.zeros(4), torch.eye(4)))


def test_buffers_that_are_replaced_are_read():
    """In a type that is not theirs, where converted ones are kept."""
    bank = ImageBank(torch.rand(30, 1, 4, 4) * 2 - 1)
    wiener, x = Wiener.fit(bank), torch.rand(2, 1, 4, 4)
    before = wiener(x, 0.5)
    other = torch.func.functional_call(wiener, {"mean": wiener.mean + 1}, (x, 0.5))
    assert not torch.allclose(other, before)
    assert torch.equal(wiener(x, 0.5), before)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("points", [[[1.0], [-1.0]], [[1.0, 0.5], [-1.0, -0.5], [-0.2, 0.9]]])
def test_the_mean_derivative_of_the_best_denoiser_is_at_most_wieners(points, sigma):
    # D(x) = x + sigma^2 grad log p(x), so its mean derivative is I - sigma^2 F with F the Fisher information
    # of noisy images. F is at least the inverse of their covariance: so it is at most C (C + sigma^2 I)^-1.
    images = torch.tensor(points, dtype=torch.float64)  # [N, P]
    shape, eye = (1, 1, images.shape[1]), torch.eye(images.shape[1], dtype=torch.float64)
    line = torch.arange(-1 - 7 * sigma, 1 + 7 * sigma, sigma / 3, dtype=torch.float64)
    x = torch.cartesian_prod(*[line] * images.shape[1]).reshape(-1, images.shape[1]).requires_grad_()
    log_p = torch.logsumexp(-(x[:, None] - images).square().sum(-1) / (2 * sigma**2), 1)
    (score,) = torch.autograd.grad(log_p.sum(), x)
    weight = log_p.detach().softmax(0)
    fisher = score.T @ (weight[:, None] * score)
    best = Optimal.fit(ImageBank(images.reshape(-1, *shape)))(x.reshape(-1, *shape), sigma).flatten(1)
    rows = [torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in best.T]
    mean = torch.stack([weight @ row for row in rows])
    torch.testing.assert_close(mean, eye - sigma**2 * fisher, rtol=1e-6, atol=1e-8)
    covariance = torch.cov(images.T, correction=0).reshape(eye.shape)
    wiener = covariance @ torch.linalg.inv(covariance + sigma**2 * eye)
    assert torch.linalg.eigvalsh(wiener - mean).min() > 0, "equal for Gaussian images alone"
    if len(points) == 2 and sigma == 0.3:
        assert mean < 0.1 < 0.9 < wiener, "far less where a pixel is black or white"
