"""The local score machine against windows cut by hand."""

from __future__ import annotations

import pytest
import torch
from banks import BANKS, TIMESTEPS, noisy, photographs, relative
from torch.nn.functional import pad

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import LocalScore, Optimal


def by_windows(x, sigma, images, k):
    """Pad with zeros, cut every k x k window, compare windows."""
    h, w = x.shape[-2:]
    r = k // 2
    x, images = x.double(), images.double()
    out = torch.empty_like(x)
    for row in range(h):
        for col in range(w):
            a, b = (pad(z, (r, r, r, r))[..., row : row + k, col : col + k] for z in (x, images))
            distance = (a[:, None] - b).square().sum((2, 3, 4))
            weights = (-distance / (2 * sigma.double()[:, None] ** 2)).softmax(1)
            out[:, :, row, col] = weights @ images[:, :, row, col]
    return out


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("name", BANKS)
def test_it_compares_windows_padded_with_zeros(name, k, t):
    images = BANKS[name]()[-100:, :, :8, :7]
    x, sigma = noisy(images, t)
    expected = by_windows(x, sigma, to_float(images, torch.float64), k)
    assert relative(LocalScore.fit(ImageBank(images), k)(x, sigma), expected) < 1e-5


def test_a_window_over_everything_is_the_optimal_denoiser():
    images = photographs(8)
    x, sigma = noisy(images, 300)
    bank = ImageBank(images)
    assert relative(LocalScore.fit(bank, 15)(x, sigma), Optimal.fit(bank)(x, sigma)) < 1e-6


def test_a_calibrated_size_is_taken_from_the_nearest_noise_level():
    images = photographs(8)
    bank = ImageBank(images)
    x, _ = noisy(images, 300)
    mixed = LocalScore.fit(bank, {0.1: 3, 10.0: 7})
    assert torch.equal(mixed(x, 0.5), LocalScore.fit(bank, 3)(x, 0.5))
    assert torch.equal(mixed(x, 2.0), LocalScore.fit(bank, 7)(x, 2.0))
    other = LocalScore.fit(bank, {0.1: 5, 10.0: 9})
    other.load_state_dict(mixed.state_dict())
    assert torch.equal(other(x, 0.5), mixed(x, 0.5))


@pytest.mark.parametrize("patch_size", [4, 0, -3, 2.5, "5", {1.0: 2}, {-1.0: 3}, {}])
def test_a_patch_size_without_a_centre_is_refused(patch_size):
    with pytest.raises(ValueError, match="patch_size: want "):
        LocalScore.fit(ImageBank(photographs(8)), patch_size)
