"""Precisions of one's own that are out of the ordinary."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from banks import TIMESTEPS, noisy, relative
from torch import Tensor

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import PrecisionDenoiser
from locality.posterior import reference


def one_pixel_variants(shape: tuple[int, ...], how: str) -> Tensor:
    """[n + 1, C, H, W] uint8: an image, and for each pixel a copy in which that pixel is another."""
    generator = torch.Generator().manual_seed(0)
    n = torch.Size(shape).numel()
    one = torch.randint(1, 255, (1, n), generator=generator, dtype=torch.uint8)
    other = {"inverted": 255 - one, "a grey level brighter": one + 1}[how]
    copies = torch.where(torch.eye(n, dtype=torch.bool), other, one)
    return torch.cat([one, copies]).reshape(-1, *shape)


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("how", ["inverted", "a grey level brighter"])
@pytest.mark.parametrize("shape", [(1, 12, 12), (3, 7, 7)])
def test_outputs_that_do_not_look_at_themselves_are_as_exact(shape, how, t):
    # Without its own pixel, each output has two equal candidates, which differ by as much as pixels can.
    images = one_pixel_variants(shape, how)
    others = torch.randint(0, 256, (30, *shape), generator=torch.Generator().manual_seed(1)).byte()
    a = ~torch.eye(images[0].numel(), dtype=torch.bool)
    x, sigma = noisy(images, t)
    for bank in (images, torch.cat([images, others])):
        expected = reference.posterior_mean(x, sigma, to_float(bank, torch.float64), a)
        assert relative(PrecisionDenoiser(ImageBank(bank), lambda sigma: a)(x, sigma), expected) < 1e-5


def levels_computed(memory_budget: int, make: Callable[[Tensor], Tensor]) -> list[float]:
    """The noise levels at which a precision is asked for, when 1, 2 and 3 are visited twice."""
    asked = []

    def precision(sigma: float) -> Tensor:
        asked.append(sigma)
        return make(torch.rand(108, 108, generator=torch.Generator().manual_seed(0)))

    images = torch.randint(0, 256, (9, 3, 6, 6), generator=torch.Generator().manual_seed(1)).byte()
    denoiser = PrecisionDenoiser(ImageBank(images), precision, memory_budget=memory_budget)
    for sigma in (1.0, 2.0, 3.0) * 2:
        denoiser(to_float(images[:2]), sigma)
    return asked


def test_precisions_with_weights_are_kept_as_far_as_half_the_budget_goes():
    single = 4 * 108 * 108
    assert len(levels_computed(2 * 3 * single, lambda a: a)) == 3
    assert len(levels_computed(2 * 3 * single - 1, lambda a: a)) == 6
    assert len(levels_computed(2 * 3 * single, lambda a: a.double())) == 6
    assert len(levels_computed(2 * 6 * single, lambda a: a.double())) == 3
    assert len(levels_computed(1, lambda a: a)) == 6
    assert len(levels_computed(1, lambda a: a < 0.5)) == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool])
def test_a_precision_of_any_type_is_exact_and_the_callers_to_change(dtype):
    images = torch.randint(0, 256, (40, 3, 6, 6), generator=torch.Generator().manual_seed(1)).byte()
    a = (4 * torch.rand(108, 108, generator=torch.Generator().manual_seed(0))).to(dtype)
    x, sigma = noisy(images, 300)
    denoiser = PrecisionDenoiser(ImageBank(images), lambda sigma: a)
    expected = reference.posterior_mean(x, sigma, to_float(images, torch.float64), a)
    assert relative(denoiser(x, sigma), expected) < 1e-5
    assert relative(denoiser(x.double(), sigma.double()), expected) < 1e-7  # sigma's own rounding is the same
    before = denoiser(x, sigma)
    a.zero_()
    assert torch.equal(denoiser(x, sigma), before)
