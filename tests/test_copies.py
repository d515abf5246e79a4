"""Nearest training images, and what counts as a copy."""

from __future__ import annotations

import torch
from banks import digits

from locality import ImageBank
from locality.metrics import is_copy, nearest_two


def test_the_two_nearest_images_are_those_of_a_direct_search():
    bank, images = ImageBank(digits(200)[:150]), digits(200)[150:]
    direct = (images[:, None].double() - bank.images[None].double()).flatten(2).norm(dim=-1)
    expected = direct.topk(2, largest=False).values
    for chunk in (7, 150):
        distances, found = nearest_two(images, bank, chunk)
        assert torch.allclose(distances, expected, rtol=1e-12)
        assert torch.allclose(direct.gather(1, found), expected, rtol=1e-12)  # of equals any will do
        assert bool((found[:, 0] != found[:, 1]).all())


def test_a_training_image_with_a_little_noise_is_a_copy_and_a_mean_of_two_is_none():
    bank = ImageBank(digits(100))
    noise = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    images = torch.cat([bank.images[3:4] + 1e-4 * noise, (bank.images[3:4] + bank.images[4:5]) / 2])
    distances, places = nearest_two(images, bank)
    assert torch.allclose(distances[0, 0], 1e-4 * noise.double().norm(), rtol=1e-3)
    assert int(places[0, 0]) == 3
    assert is_copy(distances).tolist() == [1, 0]
