"""The equivariant local score machine against patches cut out by hand."""

from __future__ import annotations

import pytest
import torch
from banks import TIMESTEPS, digits, noisy, photographs, relative, with_near_duplicates
from torch.nn.functional import pad, unfold

from locality import ImageBank
from locality.bank import to_float
from locality.denoisers import EquivariantLocalScore, LocalScore
from locality.denoisers.base import vjp_jacobian

BANKS = {
    "photographs": lambda: photographs(7, 37)[:, :, :, :6],
    "digits": lambda: digits(40),
    "near-duplicates": lambda: with_near_duplicates(photographs(6, 30)),
}


def by_patches(x, sigma, images, k, border):
    """Every patch of every image, compared one by one in float64."""
    c, h, w = x.shape[1:]
    r = k // 2

    def cut(z):
        if border == "circular":  # as often around as it takes
            return unfold(z.double()[:, :, around(h)][..., around(w)], k).mT
        return unfold(pad(z.double(), (r,) * 4), k).mT

    def around(size):
        return torch.arange(-r, size + r) % size

    rows, columns = torch.arange(h * w) // w, torch.arange(h * w) % w
    overlap = torch.stack([r - rows, r - (h - 1 - rows), r - columns, r - (w - 1 - columns)], 1).clamp(min=0)
    alike = (overlap[:, None] == overlap).all(2).repeat(1, len(images))
    centres = images.double().permute(0, 2, 3, 1).reshape(-1, c)
    patches, out = cut(images).flatten(0, 1), []
    for query, level in zip(cut(x), sigma.double(), strict=True):
        squares = torch.stack([(q - patches).square().sum(1) for q in query])
        logits = -squares / (2 * level**2)
        if border == "broken":
            logits = logits.masked_fill(~alike, -torch.inf)
        out.append((logits.softmax(1) @ centres).T.reshape(c, h, w))
    return torch.stack(out)


@pytest.mark.parametrize("t", TIMESTEPS)
@pytest.mark.parametrize("border", ["circular", "broken"])
@pytest.mark.parametrize("name", BANKS)
def test_it_compares_every_patch_at_every_location(name, border, t):
    images = BANKS[name]()
    x, sigma = noisy(images, t, count=2)
    expected = by_patches(x, sigma, to_float(images, torch.float64), 3, border)
    assert relative(EquivariantLocalScore.fit(ImageBank(images), 3, border)(x, sigma), expected) < 1e-5


@pytest.mark.parametrize("border", ["circular", "broken"])
@pytest.mark.parametrize("k", [1, 5, 7])
def test_every_patch_size_and_all_kernels_agree_with_the_definition(k, border):
    images = photographs(7, 37)[:, :, :, :6]
    x, sigma = noisy(images, 300, count=2)
    x = x.double()
    denoiser = EquivariantLocalScore.fit(ImageBank(images), min(k, 5), border)
    expected = by_patches(x, sigma, to_float(images, torch.float64), min(k, 5), border)
    assert relative(denoiser(x, sigma), expected) < 1e-9
    engine = denoiser.engine(sigma[0].item())
    query = engine.plan.query(x.flatten(1))
    states = [kernel.weigh(engine.view, query) for kernel in engine.plan.usable]
    for name in ("log_partition", "effective_size", "entropy", "mean"):
        first, *others = (getattr(state, name) for state in states)
        assert all(relative(one, first) < 1e-9 for one in others)


@pytest.mark.parametrize(
    ("shape", "count", "k", "border"),
    [
        ((1, 3, 70), 70, 3, "broken"),  # more shifts than a line takes at once, more images than a block
        ((2, 2, 70), 70, 3, "circular"),
        ((1, 2, 9), 17, 7, "circular"),  # twice around
        ((3, 5, 1), 3, 3, "circular"),
    ],
)
def test_long_lines_full_blocks_and_windows_that_wrap_more_than_once(shape, count, k, border):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
    x = torch.randn(2, *shape, generator=generator, dtype=torch.float64).requires_grad_()
    denoiser, sigma = EquivariantLocalScore.fit(ImageBank(images), k, border), torch.tensor([0.8, 2.0])
    expected = by_patches(x, sigma, to_float(images, torch.float64), k, border)
    out = denoiser(x, sigma.double())
    assert relative(out, by_patches(x, sigma.double(), to_float(images, torch.float64), k, border)) < 1e-9
    assert relative(denoiser(x.detach().float(), sigma), expected.detach()) < 1e-5
    (slope,) = torch.autograd.grad(out.square().sum(), x)
    (wanted,) = torch.autograd.grad(expected.square().sum(), x)
    assert relative(slope, wanted) < 1e-6  # sigma was rounded to float32


@pytest.mark.parametrize(("height", "width", "k"), [(1, 40, 81), (256, 1, 3)])
def test_float32_knows_the_rounding_of_repeated_pixels_and_of_tall_images(height, width, k):
    generator = torch.Generator().manual_seed(1)
    images = 0.9 + 0.05 * torch.randn(2, 1, height, width, generator=generator)
    sigma = 100.0 if k > 3 else 0.02
    x = images[:1] + sigma * torch.randn(1, 1, height, width, generator=generator)
    denoiser = EquivariantLocalScore.fit(ImageBank(images), k)
    assert relative(denoiser(x, sigma), denoiser(x.double(), sigma)) < 1e-5


@pytest.mark.parametrize("border", ["circular", "broken"])
@pytest.mark.parametrize("t", [20, 300, 700])
def test_the_jacobian_is_that_of_finite_differences_and_of_autograd(border, t):
    images = to_float(photographs(6, 20), torch.float64)
    x, sigma = noisy(images, t, count=2)
    x, sigma = x.double(), sigma.double()
    denoiser = EquivariantLocalScore.fit(ImageBank(images), 3, border)
    pixels = [(0, 0), (2, 3), (5, 5)]
    closed = denoiser.jacobian(x, sigma, pixels)
    assert relative(vjp_jacobian(denoiser, x, sigma, pixels), closed) < 1e-9
    nudge = torch.zeros_like(x)
    nudge[:, 1, 2, 3] = 1e-4 * sigma[0]
    slope = (denoiser(x + nudge, sigma) - denoiser(x - nudge, sigma)).sum(1) / (2e-4 * sigma[0])
    for p, (row, col) in enumerate(pixels):
        error = (slope[:, row, col] - closed[:, p, 1, 2, 3]).abs().max()
        assert error < 1e-6 * closed.abs().max()


def test_statistics_are_those_of_the_weights():
    images = to_float(photographs(5, 20), torch.float64)
    x, sigma = noisy(images, 500, count=1)
    result = EquivariantLocalScore.fit(ImageBank(images), 3).posterior(x.double(), sigma)
    patches = unfold(pad(images, (1,) * 4, mode="circular"), 3).mT.flatten(0, 1)
    query = unfold(pad(x.double(), (1,) * 4, mode="circular"), 3).mT[0]
    logits = -torch.cdist(query, patches).square() / (2 * sigma.double() ** 2)
    weights = logits.softmax(1)
    assert torch.allclose(result.log_partition[0, 0].flatten(), logits.logsumexp(1), rtol=1e-9)
    assert torch.allclose(result.effective_size[0, 0].flatten(), 1 / weights.square().sum(1), rtol=1e-9)
    assert torch.allclose(result.entropy[0, 0].flatten(), -torch.xlogy(weights, weights).sum(1), atol=1e-9)


def test_a_circular_machine_moves_with_its_input():
    images = photographs(7, 37)
    x, sigma = noisy(images, 300, count=2)
    denoiser = EquivariantLocalScore.fit(ImageBank(images), 5)
    moved = denoiser(x.roll((2, 3), (2, 3)), sigma)
    assert relative(moved, denoiser(x, sigma).roll((2, 3), (2, 3))) < 1e-6


def test_with_one_location_and_with_unequal_borders_it_is_the_local_score_machine():
    x, sigma = noisy(photographs(7, 37), 300)
    bank = ImageBank(photographs(7, 37))
    assert (
        relative(EquivariantLocalScore.fit(bank, 7, "broken")(x, sigma), LocalScore.fit(bank, 7)(x, sigma))
        < 1e-6
    )
    points = ImageBank(photographs(7, 37)[:, :, :1, :1])
    for border in ("circular", "broken"):
        one = EquivariantLocalScore.fit(points, 1, border)(x[:, :, :1, :1], sigma)
        assert relative(one, LocalScore.fit(points, 1)(x[:, :, :1, :1], sigma)) < 1e-6


def test_order_chunks_and_company_change_nothing():
    images = photographs(7, 37)
    x, _ = noisy(images, 300)
    sigma = torch.tensor([1.0, 0.1, 1.0, 30.0])
    whole = EquivariantLocalScore.fit(ImageBank(images), 3)(x, sigma)
    shuffled = ImageBank(images[torch.randperm(37, generator=torch.Generator().manual_seed(0))])
    denoiser = EquivariantLocalScore.fit(shuffled, 3, chunk_size=5)
    alone = torch.cat([denoiser(x[b : b + 1], sigma[b]) for b in range(4)])
    assert relative(alone, whole) < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 4}, "patch_size: want an odd whole number of pixels, got 4"),
        ({"border": "zero"}, "border: want one of 'circular', 'broken', got 'zero'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        EquivariantLocalScore.fit(ImageBank(digits()), **options)
