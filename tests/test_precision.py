"""Precisions of one's own that are out of the ordinary."""

from __future__ import annotations

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
