"""The contrast of a hidden pattern in a field, against planted networks and Wiener's closed form."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from pattern_moments import added_covariance
from torch import Tensor

from locality import Denoiser, GaussianStats
from locality.data import GaussianSource, ImageDataModule, PatternInjection, cross, letter_w
from locality.denoisers import Wiener
from locality.sensitivity import contrast, measure, pattern_probes, pattern_snr, pattern_variance

SIZE, SIGMAS = 8, (2.0, 0.5)
LETTER = letter_w(SIZE).double()
PIXELS = pattern_probes(LETTER)


class Dense(Denoiser):
    """The linear denoiser of a known matrix, channel by channel."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return (x.flatten(2) @ self.matrix.to(x).T).reshape(x.shape)


def images(count: int = 2, channels: int = 3) -> Tensor:
    shape = (count, channels, SIZE, SIZE)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_planted_network_gives_back_its_contrast_whatever_it_does_near_the_pixel():
    w = LETTER.flatten()
    # .01 everywhere, .05 more on the pattern; ever so large at the pixel itself.
    planted = 0.01 + 0.05 * torch.outer(w, w) + 10 * torch.eye(len(w), dtype=w.dtype)
    field = measure(Dense(planted), images(), SIGMAS, PIXELS)
    found = contrast(field.maps, field.pixels, LETTER)
    assert found.shape == (2, len(PIXELS))
    torch.testing.assert_close(found, torch.full_like(found, 6.0))
    blind = measure(Dense(0.01 + 0 * planted), images(), SIGMAS, PIXELS)
    torch.testing.assert_close(contrast(blind.maps, blind.pixels, LETTER), torch.ones_like(found))


def test_contrast_equals_a_plain_loop_over_pixels():
    maps = torch.rand(2, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    row, col = PIXELS[0]
    for reach in (2.0, 3.0):
        for k in range(2):
            on, off = [], []
            for r in range(SIZE):
                for c in range(SIZE):
                    if (r - row) ** 2 + (c - col) ** 2 >= reach**2:
                        (on if LETTER[r, c] else off).append(maps[k, 0, r, c].item())
            expected = (sum(on) / len(on)) / (sum(off) / len(off))
            assert contrast(maps, PIXELS[:1], LETTER, reach)[k, 0].item() == pytest.approx(expected)


def test_wiener_with_true_moments_has_the_contrast_that_algebra_gives():
    """S = a I + b 1 1^T + c W W^T in each channel: by Woodbury, two numbers make the whole field."""
    a, b, c = 0.1, 0.02, 0.3
    w, ones = LETTER.flatten(), torch.ones(SIZE * SIZE, dtype=torch.float64)
    plain = a * torch.eye(SIZE * SIZE, dtype=w.dtype) + b * torch.outer(ones, ones) + c * torch.outer(w, w)
    stats = GaussianStats(torch.zeros(3 * SIZE**2), torch.block_diag(plain, plain, plain), (3, SIZE, SIZE))
    field = measure(Wiener(stats), images(), SIGMAS, PIXELS)
    for s, sigma in enumerate(SIGMAS):
        basis = torch.stack([ones, w], dim=1)
        inner = (a + sigma**2) * torch.diag(torch.tensor([1 / b, 1 / c], dtype=w.dtype)) + basis.T @ basis
        (g11, g12), (_, g22) = torch.linalg.inv(inner).tolist()
        expected = abs(g11 + 2 * g12 + g22) / abs(g11 + g12)
        found = contrast(field.maps[s], field.pixels, LETTER)
        torch.testing.assert_close(found, torch.full_like(found, expected), rtol=1e-9, atol=0)


def test_wiener_fitted_to_injected_images_comes_close_to_that_of_the_true_moments():
    source, injection = GaussianSource(size=SIZE, length=2.0, train=20_000), PatternInjection(letter_w)
    data = ImageDataModule(source, injection, gamma=0.5)
    added = added_covariance(injection, 0.5, source.image_shape)
    true = GaussianStats(source.mean, source.covariance + added, source.image_shape)
    found, expected = (
        contrast(measure(wiener, images(), SIGMAS, PIXELS[:1]).maps, PIXELS[:1], LETTER)
        for wiener in (Wiener.fit(data.bank()), Wiener(true))
    )
    # What sampling adds to the small weights off the pattern is positive once its sign is gone.
    assert (found < expected).all()
    torch.testing.assert_close(found, expected, rtol=0.2, atol=0)
    assert (expected > 4).all()


@pytest.mark.parametrize("colour", ["rgb", "grey"])
def test_a_pattern_adds_a_third_of_gamma_squared_times_its_pixels_to_its_own_variance(colour):
    source, injection = GaussianSource(size=SIZE), PatternInjection(cross, colour=colour)
    mask, gamma = cross(SIZE), 0.5
    added = added_covariance(injection, gamma, source.image_shape)
    before, after = (pattern_variance(s, mask) for s in (source.covariance, source.covariance + added))
    assert (after - before).item() == pytest.approx(gamma**2 / 3 * mask.sum().item(), rel=1e-12)
    snr = pattern_snr(source.covariance + added, mask, SIGMAS)
    torch.testing.assert_close(snr, torch.stack([after / sigma**2 for sigma in SIGMAS]))


def test_the_variance_of_a_pattern_is_that_of_the_images_along_it():
    draws = partial(GaussianSource(size=SIZE, train=20_000), "train", 0)().double()
    w = (LETTER / LETTER.norm()).flatten()
    along = draws.flatten(2) @ w  # [n, C]
    found = pattern_variance(GaussianSource(size=SIZE).covariance, LETTER)
    assert found.item() == pytest.approx(along.var(0).mean().item(), rel=0.05)


def test_the_pixels_to_probe_are_those_with_others_far_away():
    # All 13 of the W but the tip in its middle, whose farthest is 2.8 pixels away.
    assert set(PIXELS) == {(int(row), int(col)) for row, col in LETTER.nonzero()} - {(3, 3)}
    assert PIXELS[0] == (1, 1)
    with pytest.raises(ValueError, match="two of its pixels 3 or more apart"):
        pattern_probes(torch.eye(2))


def test_a_pattern_without_far_pixels_has_no_contrast():
    with pytest.raises(ValueError, match="no pixel on the pattern lies 9 or more from"):
        contrast(torch.rand(1, SIZE, SIZE), PIXELS[:1], LETTER, reach=9)
