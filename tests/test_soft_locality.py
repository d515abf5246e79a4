"""Soft locality: its precision, and the denoisers between which it lies."""

from __future__ import annotations

import pytest
import torch
from banks import TIMESTEPS, digits, noisy, photographs, relative

from locality import GaussianStats, ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.denoisers import Optimal, PrecisionDenoiser, SoftLocality, Wiener
from locality.posterior import reference

pytestmark = pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")
BANK = {"photographs": lambda: photographs(8), "digits": lambda: digits()}


@pytest.mark.parametrize("beta", [0.7, 2.0])
@pytest.mark.parametrize("name", BANK)
def test_the_precision_is_the_formula(name, beta):
    bank = ImageBank(BANK[name]())
    stats = GaussianStats.from_bank(bank)
    whole = SoftLocality.fit(bank, beta=beta, reach=0.4)
    small = SoftLocality.fit(bank, beta=beta, reach=0.4, memory_budget=50_000)
    lam, u = stats.eigenvalues, stats.eigenvectors
    for t in (0, 300, 700):
        sigma = NoiseSchedule.ddpm().sigma(t).item()
        w = u @ torch.diag(lam / (lam + sigma**2)) @ u.T
        alive = w.diagonal() >= 1e-6
        correlation = w.abs() / torch.outer(w.diagonal(), w.diagonal()).clamp(min=0).sqrt()
        expected = torch.minimum(torch.ones_like(w), correlation / 0.4) ** beta
        expected = torch.where(torch.outer(alive, alive), expected, torch.eye(len(w), dtype=w.dtype))
        for one in (whole, small):
            assert torch.allclose(one.precision(sigma).double(), expected, atol=1e-6)


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("name", BANK)
def test_it_equals_brute_force_under_its_precision(name, t):
    images = BANK[name]()
    x, sigma = noisy(images, t)
    bank = ImageBank(images)
    denoiser = SoftLocality.fit(bank, blend={0.1: 0.2, 10.0: 0.9})
    precision = denoiser.precision(sigma[0].item())
    softmax = reference.posterior_mean(x, sigma, to_float(images, torch.float64), precision)
    share = 0.2 if sigma[0] < 1 else 0.9
    expected = (1 - share) * Wiener.fit(bank)(x.double(), sigma.double()) + share * softmax
    assert relative(denoiser(x, sigma), expected) < 1e-5


def test_its_ends_are_wiener_optimal_and_a_hard_mask():
    bank = ImageBank(photographs(8))
    x, sigma = (one.double() for one in noisy(bank.images, 300))
    level = sigma[0].item()
    assert relative(SoftLocality.fit(bank, blend=0)(x, sigma), Wiener.fit(bank)(x, sigma)) < 1e-9
    assert relative(SoftLocality.fit(bank, blend=1, beta=0)(x, sigma), Optimal(bank)(x, sigma)) < 1e-9
    hard = SoftLocality.fit(bank, blend=1, beta=1e6)
    mask = SoftLocality.fit(bank, blend=1, beta=1).precision(level) >= 1
    assert 0 < mask.float().mean() < 1
    assert relative(hard(x, sigma), PrecisionDenoiser(bank, lambda sigma: mask)(x, sigma)) < 1e-9


@pytest.mark.parametrize(
    ("setting", "value"), [("beta", -1), ("beta", "x"), ("blend", 1.5), ("reach", 0), ("reach", True)]
)
def test_settings_that_do_not_fit_are_refused_by_name(setting, value):
    with pytest.raises(ValueError, match=f"^{setting}: want"):
        SoftLocality.fit(ImageBank(digits()), **{setting: value})
