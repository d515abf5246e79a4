"""The golden subset against candidates chosen by hand."""

from __future__ import annotations

import math
import weakref

import pytest
import torch
from banks import TIMESTEPS, noisy, photographs, relative
from torch.nn.functional import avg_pool2d

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import GoldenSubset, PCALocality
from locality.posterior import reference
from locality.posterior.engine import PlannedEngine
from locality.posterior.masked import subset

pytestmark = pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")


@pytest.mark.parametrize("t", TIMESTEPS)
def test_it_averages_over_the_nearest_of_the_nearest(t):
    images = photographs(8, 150)
    x, sigma = noisy(images, t)
    sizes = {"k_min": 0.1, "k_max": 0.3, "m_min": 0.4, "proxy_size": 4}
    denoiser = GoldenSubset.fit(ImageBank(images), tau=0.05, **sizes, random_above=math.inf)
    coarse, fine = denoiser.sizes(sigma[0].item())
    exact = to_float(images, torch.float64)
    mask = denoiser.mask(sigma[0].item())
    out = denoiser(x, sigma)
    for b in range(len(x)):
        one = x[b : b + 1].double()
        pooled = (avg_pool2d(one, 2) - avg_pool2d(exact, 2)).flatten(1).norm(dim=1)
        near = pooled.argsort()[:coarse]
        near = near[(one - exact[near]).flatten(1).norm(dim=1).argsort()[:fine]]
        expected = reference.posterior_mean(one, sigma[b : b + 1], exact[near], mask)
        assert relative(out[b : b + 1], expected) < 1e-5


@pytest.mark.parametrize(("k_max", "kept"), [(0.3, 45), (0.4, 60)])
def test_where_noise_is_large_the_candidates_are_drawn_once_for_all(k_max, kept):
    images = photographs(8, 150)
    x, sigma = noisy(images, 999)
    denoiser = GoldenSubset.fit(ImageBank(images), tau=0.05, k_max=k_max, m_min=0.4, seed=3)
    level = sigma[0].item()
    drawn = denoiser.drawn(level)
    assert len(drawn) == denoiser.sizes(level)[0] == 60
    assert not torch.equal(drawn, GoldenSubset.fit(ImageBank(images), m_min=0.4, seed=4).drawn(level))
    exact, mask, out = to_float(images[drawn], torch.float64), denoiser.mask(level), denoiser(x, sigma)
    for b in range(len(x)):
        one = x[b : b + 1].double()
        near = (one - exact).flatten(1).norm(dim=1).argsort()[:kept]
        expected = reference.posterior_mean(one, sigma[b : b + 1], exact[near], mask)
        assert relative(out[b : b + 1], expected) < 1e-5


def test_drawn_candidates_are_nearer_to_the_whole_bank_than_the_nearest_where_noise_is_large():
    bank = ImageBank(photographs(16))
    x, sigma = noisy(photographs(16), 900)
    whole = PCALocality.fit(bank, tau=0.05)(x, sigma)
    drawn = GoldenSubset.fit(bank, tau=0.05)(x, sigma)
    nearest = GoldenSubset.fit(bank, tau=0.05, random_above=math.inf)(x, sigma)
    assert relative(drawn, whole) < relative(nearest, whole)


def test_the_schedule_is_the_published_one():
    denoiser = GoldenSubset.fit(ImageBank(photographs(8, 200)))
    assert denoiser.sizes(1e-6) == (200, 10)
    assert denoiser.sizes(1e6) == (20, 20)
    g = (1.0 / 2.0) ** 0.5
    assert denoiser.sizes(1.0) == (round(20 + 180 * (1 - g)), round(20 - 10 * (1 - g)))


def test_everything_golden_is_pca_locality():
    bank = ImageBank(photographs(8))
    x, sigma = noisy(photographs(8), 300)
    golden = GoldenSubset.fit(bank, tau=0.05, k_min=1.0, k_max=1.0, m_min=1.0)
    assert relative(golden(x, sigma), PCALocality.fit(bank, tau=0.05)(x, sigma)) < 1e-6


def test_the_candidates_of_one_image_are_read_at_a_time(monkeypatch):
    engines, alive = [], []

    def counted(*arguments):
        engine = PlannedEngine(*arguments)
        engines.append(weakref.ref(engine))
        alive.append(sum(one() is not None for one in engines))
        return engine

    monkeypatch.setattr(subset, "PlannedEngine", counted)
    x, sigma = noisy(photographs(8), 300, count=9)
    denoiser = GoldenSubset.fit(ImageBank(photographs(8)), tau=0.05)
    denoiser(x, sigma)
    denoiser.posterior(x, sigma)
    denoiser.jacobian(x, sigma, [(0, 0)])
    assert len(engines) == 27
    assert max(alive) <= 2  # the last one, while the next is made


def test_a_random_pre_sample_is_a_smaller_bank():
    bank = ImageBank(photographs(8))
    x, sigma = noisy(photographs(8), 300)
    golden = GoldenSubset.fit(bank, tau=0.05, k_min=1.0, k_max=1.0, m_min=1.0, presample=60, seed=1)
    mask = golden.mask(sigma[0].item())
    chosen = to_float(photographs(8)[golden.candidates], torch.float64)
    assert relative(golden(x, sigma), reference.posterior_mean(x, sigma, chosen, mask)) < 1e-5


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"k_min": 0.5}, "k_min"),
        ({"m_min": 0.01}, "m_min"),
        ({"presample": 10**6}, "presample"),
        ({"random_above": -1.0}, "random_above"),
        ({"tau": -1}, "tau"),
    ],
)
def test_bad_options_are_named(options, name):
    with pytest.raises(ValueError, match=f"{name}.*: want"):
        GoldenSubset.fit(ImageBank(photographs(8)), **options)
