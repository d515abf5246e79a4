"""Draws that are functions of the image: Philox against its authors' values, moments, independence."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from locality.networks.dropout import ImageDropout, by_image
from locality.noise import ImageDraws, image_noise, philox

ONES = 0xFFFFFFFF
ACCELERATORS = {"cuda": torch.cuda, "mps": torch.backends.mps}


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ONES,) * 4, (ONES << 32) | ONES, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0x299F31D0 << 32) | 0xA4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
    ids=["zeros", "ones", "pi"],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, words):
    """Vectors of `kat_vectors` in the authors' Random123, philox4x32 of 10 rounds."""
    drawn = philox(tuple(torch.tensor(word) for word in counter), key)
    assert tuple(int(word) for word in drawn) == words


def test_draws_are_functions_of_the_image_alone():
    whole = ImageDraws(torch.arange(50), 3, "noise", 7)
    some = torch.tensor([49, 2, 2, 17])
    part = ImageDraws(some, 3, "noise", 7)
    for draw in (
        lambda d: d.normal((3, 5, 5)),
        lambda d: d.below(1000),
        lambda d: d.words(9),
        lambda d: d.kept((7,), 0.3),
    ):
        assert torch.equal(draw(whole)[some], draw(part))


def test_normal_draws_are_the_formula_of_box_and_muller_to_float32s_rounding():
    """What the logarithm and the cosine of a device are held to; words are rounded alike everywhere."""
    draws = ImageDraws(torch.arange(200), 5, "noise")
    radius, angle = draws.words(400).float().unflatten(1, (-1, 2)).unbind(-1)
    radius, angle = (-2 * ((radius + 1).double() / 2**32).log()).sqrt(), 2 * math.pi / 2**32 * angle.double()
    want = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1).flatten(1)
    assert torch.allclose(draws.normal((400,)).double(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", ACCELERATORS)
def test_every_device_draws_the_same_numbers(device):
    if not ACCELERATORS[device].is_available():
        pytest.skip(f"torch finds no device of {device} beside the CPU")
    here = ImageDraws(torch.arange(100) * 2**33, 3, "noise")
    there = ImageDraws(here.index.to(device), 3, "noise")
    assert there.normal((2,)).device.type == device
    for exact in (lambda d: d.words(9), lambda d: d.below(1000), lambda d: d.kept((7, 3), 0.3)):
        assert torch.equal(exact(here), exact(there).cpu())
    assert torch.allclose(here.normal((3, 9, 9)), there.normal((3, 9, 9)).cpu(), rtol=1e-5, atol=1e-5)


def test_noise_of_evaluations_is_that_of_the_numbers_in_cards_and_documents():
    noise = image_noise([0, 7], (3, 8, 8), 0, "test")
    first = [[-0.430992, 1.415709, 0.697326, -3.413010], [-0.747489, -0.637525, 0.349511, -0.685702]]
    assert torch.allclose(noise[:, 0, 0, :4], torch.tensor(first), atol=1e-5)
    assert torch.equal(noise[1:], image_noise(torch.tensor([7]), (3, 8, 8), 0, "test"))


def test_a_longer_draw_begins_with_the_shorter_one():
    draws = ImageDraws(torch.arange(4), 0, "noise")
    assert torch.equal(draws.normal((10,))[:, :7], draws.normal((7,)))


def test_noise_has_the_moments_of_the_normal_distribution():
    noise = ImageDraws(torch.arange(2000), 0, "noise").normal((500,)).double()
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        deviation = math.sqrt((math.prod(range(1, 2 * power, 2)) - moment**2) / noise.numel())
        assert noise.pow(power).mean().item() == pytest.approx(moment, abs=4.5 * deviation)
    share = (noise.abs() > 4).double().mean().item()
    assert share == pytest.approx(math.erfc(4 / math.sqrt(2)), abs=4.5 * math.sqrt(6.3e-5 / noise.numel()))


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_noise_is_independent_across_places_images_epochs_streams_and_seeds(lag):
    def drawn(*key: int | str, shift: int = 0) -> torch.Tensor:
        return ImageDraws(torch.arange(shift, 1000 + shift), *key).normal((300,)).double()

    base = drawn(0, "noise", 0)
    others = {
        "places": base.roll(lag, dims=1),
        "images": drawn(0, "noise", 0, shift=lag),
        "epochs": drawn(0, "noise", lag),
        "streams": drawn(0, f"noise{lag}", 0),
        "seeds": drawn(lag, "noise", 0),
    }
    for name, other in others.items():
        for power in (1, 2):  # sizes, too, must not go together
            a, b = (v.pow(power) - v.pow(power).mean() for v in (base, other))
            correlation = (a * b).mean() / (a.std() * b.std())
            assert abs(correlation) < 4.5 / math.sqrt(base.numel()), name


def test_whole_numbers_are_uniform():
    steps = ImageDraws(torch.arange(200_000), 1, "step").below(10)
    counts = torch.bincount(steps, minlength=10).double()
    assert len(counts) == 10
    chi = ((counts - 20_000) ** 2 / 20_000).sum().item()
    assert chi < 27.9  # 9 degrees of freedom: exceeded once in a thousand


def test_images_beyond_32_bits_have_numbers_of_their_own():
    near, far = ImageDraws(torch.tensor([5]), 0), ImageDraws(torch.tensor([5 + (1 << 32)]), 0)
    assert not torch.equal(near.words(4), far.words(4))


def test_dropout_of_an_image_does_not_depend_on_its_batch():
    net = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.4), nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.0)))
    dropouts = by_image(net)
    assert [dropout.p for dropout in dropouts] == [0.4, 0.1]
    index, x = torch.arange(8), torch.randn(8, 6)

    def told(rows: torch.Tensor, epoch: int = 0) -> torch.Tensor:
        for dropout in dropouts:
            dropout.index, dropout.key = index[rows], (0, "dropout", epoch)
        return net(x[rows])

    rows = torch.tensor([6, 1])
    assert torch.allclose(told(torch.arange(8))[rows], told(rows))
    assert not torch.equal(told(rows), told(rows, epoch=1))
    with pytest.raises(ValueError, match="want a row for each of 2 images, got 3"):
        net(x[:3])


def test_dropout_keeps_the_mean_and_leaves_out_its_share():
    dropout = ImageDropout(0.25, 0)
    dropout.index = torch.arange(500)
    out = dropout(torch.ones(500, 400))
    share = (out == 0).double().mean().item()
    assert share == pytest.approx(0.25, abs=4.5 * math.sqrt(0.1875 / out.numel()))
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert torch.equal(dropout.eval()(torch.ones(2)), torch.ones(2))


def test_dropout_without_images_is_torchs():
    torch.manual_seed(0)
    ours = ImageDropout(0.5, 0)(torch.ones(100))
    torch.manual_seed(0)
    assert torch.equal(ours, nn.functional.dropout(torch.ones(100), 0.5))
