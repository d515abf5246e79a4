"""The oracle: images whose true mean and covariance are known."""

from __future__ import annotations

import math

import pytest
import torch
from einops import rearrange

from locality.data import GaussianSource


def test_covariance_is_the_stated_formula() -> None:
    source = GaussianSource(size=5, channels=2, length=3.0, std=0.5, channel_correlation=0.7)

    def at(channel: int, row: int, col: int) -> int:
        return (channel * 5 + row) * 5 + col

    assert source.covariance.dtype == torch.float64
    assert source.covariance[at(0, 1, 1), at(0, 1, 1)].item() == pytest.approx(0.25, rel=1e-14)
    distance = math.hypot(2, 3)
    expected = 0.25 * math.exp(-distance / 3)
    assert source.covariance[at(1, 1, 1), at(1, 3, 4)].item() == pytest.approx(expected, rel=1e-14)
    assert source.covariance[at(0, 1, 1), at(1, 3, 4)].item() == pytest.approx(0.7 * expected, rel=1e-14)
    assert torch.equal(source.covariance, source.covariance.T)
    assert torch.linalg.eigvalsh(source.covariance)[0] > 0


def test_the_images_have_the_stated_moments() -> None:
    """Whitened with the true moments, N images look like N standard normal vectors."""
    source = GaussianSource(size=6, channels=3, train=20_000)
    rows = rearrange(source("train", 0).double(), "n c h w -> n (c h w)")
    factor = torch.linalg.cholesky(source.covariance)
    white = torch.linalg.solve_triangular(factor, (rows - source.mean).T, upper=False)
    # Six standard errors: 1 / sqrt(N) of a mean, and sqrt(2 / N) of a variance.
    assert white.mean(1).abs().max() < 6 / 20_000**0.5
    assert (torch.cov(white) - torch.eye(108)).abs().max() < 6 * (2 / 20_000) ** 0.5


def test_draws_repeat_by_seed_and_differ_by_split() -> None:
    source = GaussianSource(size=4, train=10, val=10, test=10)
    assert source("train", 0).dtype == torch.float32
    assert torch.equal(source("train", 0), source("train", 0))
    draws = [source("train", 0), source("train", 1), source("val", 0), source("test", 0)]
    assert all(not torch.equal(one, other) for i, one in enumerate(draws) for other in draws[:i])


def test_impossible_covariances_are_errors() -> None:
    with pytest.raises(ValueError, match=r"channel_correlation of -0\.5 to 1"):
        GaussianSource(channels=3, channel_correlation=-0.6)
    with pytest.raises(ValueError, match="above 0"):
        GaussianSource(std=0)
