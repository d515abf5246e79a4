"""Patch composites against windows averaged by hand."""

from __future__ import annotations

import pytest
import torch
from banks import TIMESTEPS, noisy, photographs, relative

from locality import ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.data import digits
from locality.denoisers import LocalScore, Optimal, PatchComposite
from locality.denoisers.base import vjp_jacobian
from locality.posterior.masked.rows import Rows


def by_windows(x, sigma, images, windows):
    """The posterior mean of each whole window, all of them averaged pixel by pixel."""
    x, images = x.double(), images.double()
    total, count = torch.zeros_like(x), torch.zeros(x.shape[-2:], dtype=torch.float64)
    for window in windows:
        distance = ((x[:, None] - images) ** 2 * window).sum((2, 3, 4))
        weights = (-distance / (2 * sigma.double()[:, None] ** 2)).softmax(1)
        total += torch.einsum("bi,ichw->bchw", weights, images) * window
        count += window
    return total / count


def squares(k: int, size: int, border: str) -> torch.Tensor:
    windows = Rows.of_windows(k, torch.Size((3, size, size))).mask.reshape(-1, size, size)
    return windows if border == "cut" else windows[windows.sum((1, 2)) == k * k]


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("border", ["cut", "whole"])
def test_it_averages_the_means_of_windows(border, t):
    images = photographs(8, 150)
    x, sigma = noisy(images, t)
    expected = by_windows(x, sigma, to_float(images, torch.float64), squares(3, 8, border))
    out = PatchComposite.fit(ImageBank(images), 3, border)(x, sigma)
    assert relative(out, expected) < 1e-5


def test_far_from_the_bank_weights_add_up_to_1_no_less_exactly():
    generator = torch.Generator().manual_seed(3)
    images = 0.9 + 0.05 * torch.randn(65, 1, 8, 8, generator=generator)
    x = images[:1] + 4.5 * torch.randn(1, 1, 8, 8, generator=generator).sign()
    denoiser = PatchComposite.fit(ImageBank(images), 17)  # logits of some ten thousand
    sigma = torch.tensor(0.3)
    assert relative(denoiser(x, sigma), denoiser(x.double(), sigma.double())) < 2e-6


@pytest.mark.parametrize("k", [3, 5, 7])
@pytest.mark.parametrize("t", [5, 20, 40, 100])
def test_digits_that_the_bank_does_not_hold_are_as_exact(t, k):
    images = digits(split="train", seed=0)[:400]
    clean = to_float(digits(split="test", seed=0)[1:7], torch.float64)
    sigma = NoiseSchedule.ddpm().sigma(t).expand(len(clean))
    noise = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(20), dtype=torch.float64)
    x = (clean + sigma[0].double() * noise).float()
    expected = by_windows(x, sigma, to_float(images, torch.float64), squares(k, 8, "cut"))
    out = PatchComposite.fit(ImageBank(images), k)(x, sigma)
    for ours, theirs in zip(out, expected, strict=True):
        assert relative(ours, theirs) < 3e-6


def test_flexible_windows_hold_the_asked_mass_with_the_fewest_pixels():
    images = photographs(8, 150)
    x, sigma = noisy(images, 300)
    heat = torch.rand(64, 8, 8, generator=torch.Generator().manual_seed(0))
    denoiser = PatchComposite.fit(ImageBank(images), heat=lambda sigma: heat, mass=0.4)
    windows = denoiser.rows(1.0).mask.reshape(64, 8, 8)
    for q in range(64):
        kept = windows[q].clone()
        share = heat[q][kept].sum() / heat[q].sum()
        assert share >= 0.4
        kept[q // 8, q % 8] = False
        assert heat[q][kept].sum() - heat[q][kept].min() < 0.4 * heat[q].sum()
    expected = by_windows(x, sigma, to_float(images, torch.float64), windows)
    assert relative(denoiser(x, sigma), expected) < 1e-5


def test_all_the_mass_is_every_place_with_heat_and_none_without():
    generator = torch.Generator().manual_seed(0)
    heat = torch.rand(64, 8, 8, generator=generator, dtype=torch.float64)
    heat *= torch.rand(64, 8, 8, generator=generator) < 0.5
    heat[0] = 0
    denoiser = PatchComposite.fit(ImageBank(photographs(8)), heat=lambda sigma: heat, mass=1.0)
    own = torch.eye(64, dtype=torch.bool)
    assert torch.equal(denoiser.rows(1.0).mask, (heat.flatten(1) > 0) | own)


@pytest.mark.parametrize("border", ["cut", "whole"])
@pytest.mark.parametrize("t", [20, 300, 700])
def test_the_jacobian_is_that_of_finite_differences_and_of_autograd(border, t):
    generator = torch.Generator().manual_seed(3)
    images = to_float(photographs(4, 15), torch.float64).repeat(6, 1, 1, 1)
    images = images + 0.02 * torch.randn(images.shape, generator=generator, dtype=torch.float64)
    x, sigma = noisy(images, t, count=2)
    x, sigma = x.double(), sigma.double()
    denoiser = PatchComposite.fit(ImageBank(images), 3, border)
    pixels = [(r, c) for r in range(4) for c in range(4)]
    closed = denoiser.jacobian(x, sigma, pixels)
    assert relative(vjp_jacobian(denoiser, x, sigma, pixels), closed) < 1e-9
    nudge = torch.zeros_like(x)
    nudge[:, 1, 2, 3] = 1e-4 * sigma[0]
    slope = (denoiser(x + nudge, sigma) - denoiser(x - nudge, sigma)).sum(1) / (2e-4 * sigma[0])
    assert (slope.flatten(1) - closed[:, :, 1, 2, 3]).abs().max() < 1e-6 * closed.abs().max()


def test_fields_are_the_same_a_few_outputs_at_a_time():
    x, sigma = noisy(photographs(4), 300, count=2)
    pixels = [(r, c) for r in range(4) for c in range(4)]
    whole = PatchComposite.fit(ImageBank(photographs(4)), 3, chunk_size=200)
    room = 5 * 4 * 2 * 8 * 48  # five outputs
    small = PatchComposite.fit(ImageBank(photographs(4)), 3, chunk_size=200, memory_budget=room)
    assert relative(small.jacobian(x, sigma, pixels), whole.jacobian(x, sigma, pixels)) < 1e-6


def test_one_pixel_windows_are_local_scores_and_one_window_over_all_is_optimal():
    images = photographs(8)
    bank = ImageBank(images)
    x, sigma = noisy(images, 300)
    assert relative(PatchComposite.fit(bank, 1)(x, sigma), LocalScore.fit(bank, 1)(x, sigma)) < 1e-6
    assert relative(PatchComposite.fit(bank, 15)(x, sigma), Optimal.fit(bank)(x, sigma)) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 4}, "patch_size: want an odd whole number"),
        ({"patch_size": 9, "border": "whole"}, "patch_size: want at most 8 pixels"),
        ({"border": "open"}, "border: want one of 'cut', 'whole', got 'open'"),
        ({"mass": 0.0}, "mass: want a fraction"),
        ({"mass": None}, "mass: want a fraction above 0, at most 1, got None"),
        ({"heat": torch.ones(64, 8, 8)}, "heat: want None or a function of sigma, got Tensor"),
        ({"heat": lambda sigma: None}, r"heat: want maps \(64, 8, 8\), got NoneType"),
        ({"heat": lambda sigma: torch.ones(64, 64)}, r"heat: want maps \(64, 8, 8\), got \(64, 64\)"),
        ({"heat": lambda sigma: torch.full((64, 8, 8), torch.inf)}, "heat: want finite entries from 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        PatchComposite.fit(ImageBank(photographs(8)), **options).rows(1.0)
