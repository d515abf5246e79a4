"""On the real CIFAR-10: its published statistics, and what a hidden pattern adds to its covariance."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from einops import rearrange
from pattern_moments import added_covariance
from torch import Tensor

from locality.data import PatternInjection, cifar, letter_w

DATA = Path(__file__).parent.parent / "data"
MEAN = (0.49139968, 0.48215841, 0.44653091)  # of the training images, of 0 to 1, as everyone's code has them
DEVIATION = (0.24703223, 0.24348513, 0.26158784)


@pytest.fixture(scope="module")
def images() -> Tensor:
    if not (DATA / "cifar-10-batches-py").is_dir():
        pytest.skip(f"needs the real CIFAR-10: {DATA / 'cifar-10-batches-py'} is not there")
    return cifar("train", 0, root=str(DATA))


def test_its_mean_and_deviation_are_those_that_are_published(images):
    assert images.shape == (50000, 3, 32, 32)
    values = rearrange(images, "n c h w -> c (n h w)")
    for channel, mean, deviation in zip(values, MEAN, DEVIATION, strict=True):
        one = channel.double() / 255
        assert one.mean().item() == pytest.approx(mean, abs=1e-6)
        assert one.std(correction=0).item() == pytest.approx(deviation, abs=1e-6)


def test_a_hidden_letter_adds_gamma_squared_cov_c_w_wt_and_nothing_else(images):
    """S' = S + gamma^2 Cov(c) (x) W W^T, on the pixels of the letter and those around it."""
    gamma, injection = 0.5, PatternInjection(letter_w)
    mask = injection.mask(32, 32)
    rows, columns = (places.nonzero()[:, 0] for places in (mask.any(1), mask.any(0)))
    top, left = max(0, int(rows[0]) - 1), max(0, int(columns[0]) - 1)
    where = (..., slice(top, int(rows[-1]) + 2), slice(left, int(columns[-1]) + 2))
    edited = injection.inject(images, torch.arange(len(images)), gamma, seed=0, split="train")
    before, after = (_covariance(one) for one in (images[where] / 127.5 - 1, edited[where]))
    index = torch.arange(3 * 32 * 32).reshape(3, 32, 32)[where].flatten()
    added = added_covariance(injection, gamma, (3, 32, 32))[index][:, index]
    # Six standard errors of a product of a colour and a pixel, both of order 1.
    assert (after - before - added).abs().max() < 6 * gamma / len(images) ** 0.5
    assert added.abs().max() > 5 * gamma / len(images) ** 0.5


def _covariance(images: Tensor) -> Tensor:
    return torch.cov(rearrange(images.double(), "n c h w -> (c h w) n"))
