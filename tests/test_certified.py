"""The screened scan of benchmarks/certified.py: its bounds hold against float64, whatever the bank."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from banks import crowded, digits, photographs, with_near_duplicates
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import certified, page, screened
from benchmarks.screened import Cells, Screened
from locality import ImageBank
from locality.bank import to_float
from locality.data import cifar
from locality.data.errors import DataNotFound
from locality.denoisers import PCALocality
from locality.posterior import reference
from locality.posterior.masked.rows import Rows

GREATEST = 1e-3
ABOUT = {"machine": "a machine", "threads": 1}
SIGMAS = (0.003, 0.01, 0.08, 0.35, 0.7, 3.4, 60.0)
BANKS = {
    "photographs": lambda: photographs(8, 300),
    "near-duplicates": lambda: with_near_duplicates(photographs(8, 150)),
    "duplicates": lambda: photographs(8, 40).repeat(4, 1, 1, 1),
    "one image": lambda: photographs(8, 1),
    "one image again and again": lambda: photographs(8, 1).repeat(70, 1, 1, 1),
    "a constant bank": lambda: torch.full((100, 3, 8, 8), 77, dtype=torch.uint8),
    "floats": lambda: crowded(10).float(),
    "one channel": lambda: digits(),
}


def speckled(n: int, share: float, seed: int = 0) -> torch.Tensor:  # [n, n] bool
    """Masks without any order; each output looks at itself."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(n, n, generator=generator) < share) | torch.eye(n, dtype=torch.bool)


def queries(images: torch.Tensor, sigma: float) -> torch.Tensor:  # [6, C, H, W]
    """Images of the bank, with noise and without; one that nothing resembles; and noise alone."""
    clean = to_float(images[torch.arange(4) * 7 % len(images)])
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(clean.shape, generator=generator)
    far = torch.stack([-2 * clean[0], 3 * torch.randn(clean.shape[1:], generator=generator)])
    return torch.cat([clean[:2], (clean + sigma * noise)[2:], far])


def screen(images: torch.Tensor, mask: torch.Tensor, sigma: float, x: torch.Tensor, **settings):
    n = mask.shape[1]
    found = Screened(images.flatten(1), images.shape[1:], mask, torch.arange(n), sigma, GREATEST, **settings)
    return found(x.flatten(1))


def exact(images: torch.Tensor, mask: torch.Tensor, sigma: float, x: torch.Tensor) -> torch.Tensor:
    level = torch.full((len(x),), sigma, dtype=torch.float64)
    return reference.posterior_mean(x, level, to_float(images, torch.float64), mask).flatten(1)


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("name", BANKS)
def test_no_answer_is_farther_from_float64_than_its_bound_and_no_bound_than_was_asked_for(name, sigma):
    images = BANKS[name]()
    mask, x = speckled(images[0].numel(), 0.1), queries(images, sigma)
    answer = screen(images, mask, sigma, x)
    assert bool(((answer.mean - exact(images, mask, sigma, x)).abs() <= answer.bound).all())
    assert answer.bound.max() <= GREATEST


@pytest.mark.parametrize("tau", [0.05, 0.005])
@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.7])
def test_bounds_hold_for_masks_of_the_wiener_filter(tau, sigma):
    images = photographs(8, 400)
    denoiser = PCALocality.fit(ImageBank(images[20:]), tau=tau, cache=None)
    mask = denoiser.mask(sigma)
    x = to_float(images[:6]) + sigma * torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    answer = screen(images[20:], mask, sigma, x)
    assert bool(((answer.mean - exact(images[20:], mask, sigma, x)).abs() <= answer.bound).all())
    assert answer.bound.max() <= GREATEST
    scan = denoiser(x, sigma).flatten(1)
    assert bool(((answer.mean - scan).abs() <= answer.bound + 1e-5).all())


@pytest.mark.parametrize("sigma", [0.01, 0.1, 0.34, 0.72])
def test_bounds_hold_on_cifar(sigma):
    try:
        images, clean = cifar("train", 0)[:2000], to_float(cifar("test", 0)[:3])
    except DataNotFound:
        pytest.skip("needs CIFAR-10 in data/")
    outputs = torch.arange(30, 3072, 97)
    mask = Rows.of_windows(5, images.shape[1:]).mask.repeat(3, 3)[outputs]
    x = (clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))).flatten(1)
    answer = Screened(images.flatten(1), images.shape[1:], mask, outputs, sigma, GREATEST)(x)
    bank = to_float(images.flatten(1), torch.float64)
    squares = torch.stack([(one.double() - bank).square() @ mask.double().T for one in x])
    means = ((-squares / (2 * sigma**2)).softmax(1) * bank[:, outputs]).sum(1)
    assert bool(((answer.mean - means).abs() <= answer.bound).all())
    assert answer.bound.max() <= GREATEST


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    count=st.integers(1, 150),
    log_sigma=st.floats(-7, 4),
    density=st.floats(0, 1),
    contrast=st.floats(0, 1),
    cells=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_bounds_hold_for_any_small_bank(shape, count, log_sigma, density, contrast, cells, seed):
    generator = torch.Generator().manual_seed(seed)
    images = contrast * (torch.rand(count, *shape, generator=generator) * 2 - 1)
    sigma = math.exp(log_sigma)
    x = images[torch.randint(count, (3,), generator=generator)]
    x = x + sigma * torch.randn(x.shape, generator=generator)
    mask = speckled(images[0].numel(), density, seed)
    answer = screen(images, mask, sigma, x, cells=cells)
    assert bool(((answer.mean - exact(images, mask, sigma, x)).abs() <= answer.bound).all())
    assert answer.bound.max() <= GREATEST


def test_few_images_are_weighed_where_noise_is_small_and_all_where_it_is_large():
    images = photographs(8, 2000)
    mask = speckled(192, 0.2)
    low, high = (screen(images, mask, sigma, queries(images, sigma)[2:4]) for sigma in (0.05, 20.0))
    assert low.weighed < 0.05
    assert low.weighed <= low.passed
    assert high.weighed == 1


def test_a_screen_that_loses_the_best_image_breaks_its_bound(monkeypatch):
    images, sigma = photographs(8, 300), 0.05
    mask, x = speckled(192, 0.2), queries(photographs(8, 300), 0.05)[2:4]

    def lossy(bank, *rest):
        numbers, levels, offset = bank
        lost = np.abs(to_float(torch.from_numpy(numbers)).numpy() - x[0].flatten().numpy()).sum(1).argmin()
        original((np.delete(numbers, lost, 0), levels, offset), *rest)

    original = screened.screen
    monkeypatch.setattr(screened, "screen", lossy)
    answer = screen(images, mask, sigma, x)
    assert not bool(((answer.mean - exact(images, mask, sigma, x)).abs() <= answer.bound).all())


def test_the_answer_is_the_same_again_and_whatever_is_beside_it():
    images, sigma = photographs(8, 300), 0.2
    mask, x = speckled(192, 0.2), queries(photographs(8, 300), 0.2)
    whole, again = screen(images, mask, sigma, x), screen(images, mask, sigma, x)
    assert torch.equal(whole.mean, again.mean)
    assert torch.equal(whole.bound, again.bound)
    for b in range(len(x)):
        alone = screen(images, mask, sigma, x[b : b + 1])
        assert torch.allclose(alone.mean[0], whole.mean[b], rtol=0, atol=1e-14)
        assert torch.allclose(alone.bound[0], whole.bound[b], rtol=1e-12, atol=0)


def test_cells_share_out_the_places_of_each_row():
    mask = speckled(75, 0.2).numpy()
    mask[3] = False
    cells = Cells.of(mask, (3, 5, 5), 4)
    for u, row in enumerate(mask):
        parts = [cells.places[cells.starts[at] : cells.starts[at + 1]] for at in range(4 * u, 4 * u + 4)]
        assert sorted(np.concatenate(parts).tolist()) == np.nonzero(row)[0].tolist()
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_must_be_weighed_is_the_fewest_images_that_keep_the_error():
    images, sigma = photographs(8, 300), 0.15
    mask, x = speckled(192, 0.1), queries(photographs(8, 300), 0.15)[3:4]
    share, means = certified.weighed(images.flatten(1), mask[:1], torch.arange(1), x.flatten(1), sigma)
    assert torch.allclose(means, exact(images, mask, sigma, x)[:, :1], rtol=0, atol=1e-12)
    levels = torch.full((1,), sigma, dtype=torch.float64)
    weights = reference.posterior_weights(x, levels, to_float(images, torch.float64), mask)[0, :, 0]
    values = to_float(images[:, 0, 0, 0], torch.float64)
    left = 1 - weights.sort(descending=True).values.cumsum(0)
    few = round(share * 300)
    assert 1 < few < 300
    assert (
        left[few - 1] * (values.max() - values.min())
        <= certified.GREATEST
        < left[few - 2] * (values.max() - values.min())
    )


def test_a_row_of_the_benchmark_says_what_its_table_shows():
    denoiser = PCALocality.fit(ImageBank(photographs(8, 300)), tau=0.05, cache=None)
    (row,) = certified.rows(denoiser, photographs(8, 4), 1, [100])
    assert row["t"] == 100
    assert row["off"] <= row["bound"] <= certified.GREATEST
    assert 0 < row["needed"] <= 100
    table = page.block("certified", {"certified": {"rows": [row], "about": ABOUT, "measured": "today"}})
    assert table.startswith("| t | exact scan, ns | bounds alone, ns | screened, ns | times faster |")
    assert table.endswith("Measured with 1 threads, a machine, today.\n")
