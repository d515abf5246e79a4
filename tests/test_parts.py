"""Where an estimate differs from its target: bands of wavelengths, edges, and along a pattern."""

from __future__ import annotations

import math

import pytest
import torch
from einops import einsum

from locality import GaussianStats
from locality.denoisers import Wiener
from locality.metrics import BandMSE, EdgeMSE, ImageMSE, PatternMSE
from locality.metrics.parts import EDGES, near_edges

GENERATOR = torch.Generator().manual_seed(0)
SHAPES = ((3, 8, 8), (1, 7, 12), (2, 1, 5))


def pair(shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    both = torch.randn(2, 4, *shape, generator=GENERATOR, dtype=torch.float64)
    return both[0], both[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_bands_that_meet_sum_to_the_mean_squared_error(shape):  # Parseval
    preds, target = pair(shape)
    bands = [BandMSE(0, 2.5), BandMSE(2.5, 6), BandMSE(6)]
    total = sum(one.score(preds, target) for one in bands)
    assert torch.allclose(total, ImageMSE().score(preds, target), rtol=1e-12)


@pytest.mark.parametrize("length", [2, 4, 8, 16, math.inf])
def test_a_wave_is_in_the_band_of_its_length_alone(length):
    wave = torch.cos(2 * math.pi * torch.arange(16, dtype=torch.float64) / length).expand(1, 1, 16, 16)
    for image in (wave, wave.mT):
        for low, high in ((0, 2), (2, 4), (4, 8), (8, 16), (16, math.inf)):
            found = BandMSE(low, high).score(image, torch.zeros_like(image)).item()
            expected = image.square().mean().item() if low < length <= high else 0.0
            assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_near_edges_and_off_them_sum_to_the_mean_squared_error(shape):
    preds, target = pair(shape)
    both = EdgeMSE(1).score(preds, target) + EdgeMSE(1, near=False).score(preds, target)
    assert torch.allclose(both, ImageMSE().score(preds, target), rtol=1e-12)


def test_the_edge_of_a_step_is_found_and_what_is_near_it():
    step = torch.zeros(1, 3, 20, 20)
    step[..., 10:] = 1.0  # a tenth of the pixels, two columns, have a gradient
    assert round(EDGES * 400) == 40
    for within in (0, 1, 3):
        columns = near_edges(step, within)[0].all(0).nonzero()[:, 0].tolist()
        assert columns == list(range(9 - within, 11 + within))
    wrong = step.clone()
    wrong[..., 10] += 0.5
    wrong[..., 15] += 1.0
    assert EdgeMSE(0).score(wrong, step).item() == pytest.approx(0.25 / 20)
    assert EdgeMSE(0, near=False).score(wrong, step).item() == pytest.approx(1 / 20)


def test_a_flat_image_has_no_edges():
    assert not near_edges(torch.ones(2, 1, 6, 6), 2).any()


@pytest.mark.parametrize("shape", [(3, 1, 1), (1, 1, 2), (1, 5, 1)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_small_images_of_few_bits_are_measured(shape, dtype):
    preds, target = (one.to(dtype) for one in pair(shape))
    for parts in ([BandMSE(0, 4), BandMSE(4)], [EdgeMSE(1), EdgeMSE(1, near=False)]):
        for metric in parts:
            metric.update(preds, target)
        total = sum(metric.compute() for metric in parts)
        assert total.item() == pytest.approx((preds.double() - target.double()).square().mean().item())


def test_settings_that_are_none_are_refused():
    for low, high in ((-1, 2), (3, 3), (4, 2)):
        with pytest.raises(ValueError, match="low, high: want wavelengths from 0 up"):
            BandMSE(low, high)
    for within in (-1, 1.5, True):
        with pytest.raises(ValueError, match="within: want whole pixels from 0"):
            EdgeMSE(within)


@pytest.mark.parametrize("shape", SHAPES)
def test_errors_along_an_orthonormal_basis_of_patterns_sum_to_the_squared_error(shape):
    preds, target = pair(shape)
    _, height, width = shape
    size = height * width
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=GENERATOR, dtype=torch.float64))
    patterns = basis.T.reshape(size, height, width)
    total = sum(PatternMSE(3 * one).score(preds, target) for one in patterns)  # a size does not count
    assert torch.allclose(total, size * ImageMSE().score(preds, target), rtol=1e-10)


def test_of_gaussian_images_with_a_pattern_the_filters_errors_along_it_are_those_of_theory():
    n, gamma, sigma, count = 16, 0.8, 0.7, 40_000
    root = torch.randn(n, n, generator=GENERATOR, dtype=torch.float64) / n**0.5
    plain = root @ root.T
    mask = torch.zeros(4, 4, dtype=torch.float64)
    mask[1, :3] = mask[2, 1] = 1
    letter = mask.reshape(-1)
    whole = plain + gamma**2 / 3 * torch.outer(letter, letter)
    images = torch.randn(count, n, generator=GENERATOR, dtype=torch.float64) @ torch.linalg.cholesky(whole).T
    noised = images + sigma * torch.randn(count, n, generator=GENERATOR, dtype=torch.float64)
    errors = {}
    for name, covariance in (("knows", whole), ("does not", plain)):
        filters = Wiener(GaussianStats(torch.zeros(n), covariance, (1, 4, 4)))
        estimate = filters(noised.reshape(-1, 1, 4, 4), sigma)
        errors[name] = PatternMSE(mask).score(estimate, images.reshape(-1, 1, 4, 4)).mean().item()
        gain = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(n))
        bias = gain - torch.eye(n)
        error = bias @ whole @ bias.T + sigma**2 * gain @ gain.T
        along = einsum(letter, error, letter, "i, i j, j ->") / letter.square().sum()
        assert errors[name] == pytest.approx(along.item(), rel=0.03)  # of so many images
    assert errors["knows"] < 0.9 * errors["does not"]


@pytest.mark.parametrize("pattern", [torch.zeros(2, 2), torch.full((2, 2), math.nan)])
def test_a_pattern_of_nothing_is_refused(pattern):
    with pytest.raises(ValueError, match="pattern: want finite numbers, not all 0"):
        PatternMSE(pattern)
