"""Settings of denoisers: whoever's numbers they are, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from banks import noisy, photographs

from locality import GaussianStats, ImageBank
from locality.calibration import calibrate
from locality.denoisers import (
    GoldenSubset,
    LocalScore,
    Optimal,
    PCALocality,
    Smoothed,
    SoftLocality,
    Wiener,
)

IMAGES = photographs(4, 60)
BANK = ImageBank(IMAGES)


@pytest.mark.parametrize(
    "number", [np.int64(3), np.float32(3), torch.tensor(3), {np.float64(1): np.int64(3)}]
)
def test_numbers_of_numpy_and_torch_are_numbers(number):
    x, sigma = noisy(IMAGES, 300)
    assert torch.equal(LocalScore.fit(BANK, number)(x, sigma), LocalScore.fit(BANK, 3)(x, sigma))


def test_counts_of_numpy_are_counts():
    x, sigma = noisy(IMAGES, 300)
    counted = Smoothed.fit(BANK, copies=np.int64(4), chunk_size=np.int64(7), memory_budget=np.int32(2**20))
    assert torch.allclose(counted(x, sigma), Smoothed.fit(BANK, copies=4)(x, sigma), atol=1e-6)


@pytest.mark.parametrize("values", [np.array([1, 3]), torch.tensor([1, 3]), (np.int64(1), 3)])
def test_calibration_takes_candidates_of_any_kind(values):
    found = calibrate(LocalScore.fit, BANK, IMAGES[:2], np.array([0.5, 2.0]), values)
    assert found == calibrate(LocalScore.fit, BANK, IMAGES[:2], [0.5, 2.0], [1, 3])


OTHER = GaussianStats(torch.zeros(3, 2, 8), torch.eye(48))
REFUSED = {
    "a tensor for PCA locality": (lambda: PCALocality.fit(IMAGES), "bank: want an ImageBank, got Tensor"),
    "a tensor for Wiener": (lambda: Wiener.fit(IMAGES), "bank: want an ImageBank, got Tensor"),
    "a tensor for Wiener's statistics": (
        lambda: Wiener.fit(BANK, stats=torch.eye(48)),
        "stats: want GaussianStats, got Tensor",
    ),
    "statistics of other images": (
        lambda: PCALocality(BANK, stats=OTHER),
        r"stats: want those of images \(3, 4, 4\), as the bank has, got \(3, 2, 8\)",
    ),
    "the same for Wiener": (lambda: Wiener.fit(BANK, stats=OTHER), "stats: want those of images"),
    "no smoothing": (
        lambda: Smoothed.fit(BANK, None),
        "smoothing: want a standard deviation from 0, got None",
    ),
    "no reach": (
        lambda: SoftLocality.fit(BANK, reach=None),
        r"reach: want a number inside \(0, 1\], got None",
    ),
    "a word for a fraction": (lambda: GoldenSubset.fit(BANK, k_min="a"), "k_min: want a fraction .* got 'a'"),
    "a word for a size": (
        lambda: LocalScore.fit(BANK, "a"),
        "patch_size: want an odd whole number .* got 'a'",
    ),
    "two sizes": (lambda: LocalScore.fit(BANK, torch.tensor([3, 5])), "patch_size: want an odd whole number"),
    "true": (lambda: Optimal.fit(BANK, chunk_size=True), "chunk_size: want None or a whole number"),
    "calibration on a tensor": (
        lambda: calibrate(LocalScore.fit, IMAGES, IMAGES[:2], [1.0], [1]),
        "bank: want an ImageBank, got Tensor",
    ),
    "calibration with a list": (
        lambda: calibrate(LocalScore.fit, BANK, [1], [1.0], [1]),
        r"images: want a tensor \[I, 3, 4, 4\], or how many samples from 1, got \[1\]",
    ),
    "calibration with whole numbers": (
        lambda: calibrate(LocalScore.fit, BANK, IMAGES[:2].long(), [1.0], [1]),
        "images: want uint8 or floats .* got torch.int64",
    ),
}


@pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")
@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_told_in_one_line(case):
    make, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


@pytest.mark.filterwarnings("ignore:.*covariance lacks rank.*")
def test_what_is_printed_of_a_denoiser_shows_its_settings():
    shown = {
        "(patch_size): Levels(0.1: 3, 2: 5)": LocalScore.fit(BANK, {0.1: 3, 2: 5}),
        "softmax='wssm:20'": PCALocality.fit(BANK, tau=0.07, softmax="wssm:20"),
        "(tau): Levels(0.07)": PCALocality.fit(BANK, tau=0.07),
        "smoothing=0.1, copies=3": Smoothed.fit(BANK, 0.1, 3),
        "k_min=0.02, k_max=0.1, m_min=0.1, proxy_size=16": GoldenSubset.fit(BANK, k_min=0.02),
        "reach=0.4": SoftLocality.fit(BANK, reach=0.4),
    }
    for text, denoiser in shown.items():
        assert text in repr(denoiser)
