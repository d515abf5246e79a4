"""The smoothed optimal denoiser against its definition."""

from __future__ import annotations

import pytest
import torch
from banks import noisy, photographs, relative

from locality import ImageBank
from locality.denoisers import Optimal, Smoothed
from locality.denoisers.base import vjp_jacobian


@pytest.mark.parametrize("copies", [1, 5, 16])
def test_it_is_the_mean_of_the_optimal_denoiser_at_noisy_copies(copies):
    images = photographs(8)
    x, sigma = noisy(images, 300)
    denoiser = Smoothed.fit(ImageBank(images), smoothing=0.5, copies=copies)
    optimal = Optimal.fit(ImageBank(images))
    noise = denoiser.noise.reshape(copies, *x.shape[1:])
    expected = torch.stack([optimal(x.double() + 0.5 * eps, sigma) for eps in noise]).mean(0)
    assert relative(denoiser(x, sigma), expected) < 1e-5
    pixels = [(0, 0), (3, 4)]
    closed = denoiser.jacobian(x.double(), sigma, pixels)
    assert relative(vjp_jacobian(denoiser, x.double(), sigma.double(), pixels), closed) < 1e-9


def test_without_smoothing_it_is_the_optimal_denoiser():
    images = photographs(8)
    x, sigma = noisy(images, 300)
    assert (
        relative(Smoothed.fit(ImageBank(images), 0.0)(x, sigma), Optimal.fit(ImageBank(images))(x, sigma))
        < 1e-6
    )


def test_its_noise_is_a_function_of_the_seed():
    bank = ImageBank(photographs(8))
    assert torch.equal(Smoothed.fit(bank, seed=3).noise, Smoothed.fit(bank, seed=3).noise)
    assert not torch.equal(Smoothed.fit(bank, seed=3).noise, Smoothed.fit(bank, seed=4).noise)


@pytest.mark.parametrize(("options", "name"), [({"smoothing": -1.0}, "smoothing"), ({"copies": 0}, "copies")])
def test_bad_options_are_named(options, name):
    with pytest.raises(ValueError, match=f"{name}: want"):
        Smoothed.fit(ImageBank(photographs(8)), **options)
