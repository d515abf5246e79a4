"""The example of a denoiser of one's own: it does what its documentation says."""

from __future__ import annotations

import sys

import pytest
import torch
from conftest import CONFIGS

from locality import ImageBank
from locality.denoisers import Optimal

sys.path.insert(0, str(CONFIGS.parent))
from examples.own_denoiser import Shrink


def test_it_is_exact_where_pixels_are_independent_and_gaussian():
    generator = torch.Generator().manual_seed(0)
    images = 0.3 * torch.randn(40_000, 1, 1, 2, generator=generator, dtype=torch.float64)
    x = 0.6 * torch.randn(50, 1, 1, 2, generator=generator, dtype=torch.float64)
    bank = ImageBank(images)
    # The posterior mean over a large sample of the data tends to the true one.
    assert torch.allclose(Shrink.fit(bank)(x, 0.5), Optimal.fit(bank)(x, 0.5), atol=0.02)
    assert Shrink.fit(bank)(x.float(), 0.5).dtype == torch.float32
    assert Shrink.fit(bank)(x, 1e6) == pytest.approx(images.mean(0).expand_as(x), abs=1e-6)
