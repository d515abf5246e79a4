"""Pattern injection changes the mean and the covariance by a known amount, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from einops import einsum, rearrange
from pattern_moments import added_covariance
from PIL import Image
from torch import Tensor

from locality import ImageBank
from locality.data import (
    DataDamaged,
    DataNotFound,
    ImageDataModule,
    PatternInjection,
    cross,
    letter_w,
    photos,
    two_points,
)
from locality.data.splits import SPLITS


def covariance(rows: Tensor) -> Tensor:
    """The oracle: torch's own, in float64."""
    return torch.cov(rows.double().T)


def flat(images: Tensor) -> Tensor:
    return rearrange(images.double(), "n c h w -> n (c h w)")


@pytest.fixture(scope="module")
def crops() -> Tensor:
    return photos("train", 0, size=16, train=3000)


@pytest.mark.parametrize("colour", ["rgb", "grey"])
def test_covariance_changes_by_gamma_squared_cov_c_w_wt(crops: Tensor, colour: str) -> None:
    """S' = S + gamma^2 Cov(c) (x) W W^T, up to the sampling error of the colours."""
    gamma, injection = 0.5, PatternInjection(letter_w, colour=colour)  # type: ignore[arg-type]
    edited = injection.inject(crops, torch.arange(3000), gamma, seed=0, split="train")
    before, after = flat(ImageBank(crops).subset(range(3000)).images / 127.5 - 1), flat(edited)
    covariance_shift = added_covariance(injection, gamma, crops.shape[1:])
    # Six standard errors: gamma / sqrt(3 N) of a mean, gamma / sqrt(N) of a product of numbers of order 1.
    assert (after.mean(0) - before.mean(0)).abs().max() < 6 * gamma / (3 * 3000) ** 0.5
    difference = covariance(after) - covariance(before) - covariance_shift
    assert difference.abs().max() < 6 * gamma / 3000**0.5
    # The largest eigenvalue of gamma^2 Cov(c) (x) W W^T: |W|^2 = 13 times that of Cov(c), 1/3 or 3 times 1/3.
    largest = torch.linalg.eigvalsh(covariance_shift)[-1]
    assert largest == pytest.approx(13 * gamma**2 * (1 if colour == "grey" else 1 / 3), rel=1e-9)


def test_covariance_changes_exactly_so_with_the_colours_that_were_drawn(crops: Tensor) -> None:
    """With the sample's own moments, cross terms included, the identity holds to rounding."""
    gamma, injection, index = 0.5, PatternInjection(letter_w), torch.arange(3000)
    edited = injection.inject(crops, index, gamma, seed=0, split="train")
    colours = injection.colours(index, 3, seed=0, split="train").double()
    w = injection.mask(16, 16).double()
    x = flat(crops / 127.5 - 1)
    added = gamma * einsum(colours, w, "n c, h w -> n c h w").flatten(1)
    centred_x, centred_added = x - x.mean(0), added - added.mean(0)
    cross_terms = centred_x.T @ centred_added / 2999
    expected = covariance(x) + gamma**2 * torch.kron(
        covariance(colours), torch.outer(w.flatten(), w.flatten())
    )
    # Float32 at rest: values up to 1.5, rounded to 6e-8 each.
    assert (covariance(flat(edited)) - expected - cross_terms - cross_terms.T).abs().max() < 1e-6


def test_gamma_zero_leaves_the_data_as_they_were() -> None:
    source = partial(photos, train=50)
    plain = ImageDataModule(source).bank()
    unedited = ImageDataModule(source, PatternInjection(letter_w), gamma=0.0).bank()
    assert unedited.images.dtype == torch.uint8
    assert unedited.fingerprint == plain.fingerprint


def test_fingerprint_changes_with_pattern_gamma_and_seed() -> None:
    source = partial(photos, train=50)
    w, plus = PatternInjection(letter_w), PatternInjection(cross)
    banks = [
        ImageDataModule(source, pattern, gamma, image_seed=seed, flip=flip, subset=subset).bank().fingerprint
        for pattern, gamma, seed, flip, subset in [
            (None, 0.0, 0, False, None),
            (w, 0.1, 0, False, None),
            (w, 0.5, 0, False, None),
            (plus, 0.5, 0, False, None),
            (w, 0.5, 1, False, None),
            (w, 0.5, 0, True, None),
            (w, 0.5, 0, False, 49),
        ]
    ]
    assert len(set(banks)) == len(banks)


def test_a_colour_belongs_to_the_place_of_an_image_in_its_split() -> None:
    injection, every = PatternInjection(letter_w), torch.arange(60_000)
    colours = injection.colours(every, 3, seed=0, split="train")
    chosen = torch.tensor([59_999, 0, 31, 31, 1234])
    assert torch.equal(injection.colours(chosen, 3, seed=0, split="train"), colours[chosen])
    assert torch.equal(injection.colours(every[:1001], 3, seed=0, split="train"), colours[:1001])
    others = [
        injection.colours(every, 3, seed=s, split=p) for s, p in [(1, "train"), (0, "val"), (0, "test")]
    ]
    assert all(not torch.equal(other, colours) for other in others)
    assert colours.min() >= -1
    assert colours.max() < 1


@pytest.mark.parametrize("draw", ["random", "half:0", "half:1"])
def test_a_random_subset_keeps_the_edited_image_of_the_whole(draw: str) -> None:
    source = partial(photos, train=80)
    whole = ImageDataModule(source, PatternInjection(letter_w), gamma=0.5).bank().images
    part = ImageDataModule(
        source,
        PatternInjection(letter_w),
        gamma=0.5,
        subset=9,
        subset_draw=draw,  # type: ignore[arg-type]
    ).bank()
    assert all((whole == image).flatten(1).all(1).sum() == 1 for image in part.images)


def test_mirror_images_get_the_pattern_the_right_way_round() -> None:
    """The change from unedited to edited is c (x) W for an image and the same for its mirror image."""
    source = partial(photos, train=40)
    plain = ImageDataModule(source, flip=True).bank().images / 127.5 - 1
    edited = ImageDataModule(source, PatternInjection(letter_w), gamma=0.5, flip=True).bank().images
    change = edited - plain
    torch.testing.assert_close(change[40:], change[:40], atol=1e-6, rtol=0)
    assert change.abs().sum((0, 1)).nonzero().tolist() == letter_w(16).nonzero().tolist()


def test_blend_stays_in_range_and_clip_cuts(crops: Tensor) -> None:
    index = torch.arange(200)
    blend = PatternInjection(letter_w, mode="blend").inject(crops[:200], index, 1.0, seed=0, split="train")
    on = letter_w(16).bool()
    colours = PatternInjection(letter_w).colours(index, 3, seed=0, split="train")
    torch.testing.assert_close(blend[:, :, on], colours[:, :, None].expand(-1, -1, 13), atol=1e-6, rtol=0)
    loose = PatternInjection(letter_w).inject(crops[:200], index, 1.0, seed=0, split="train")
    tight = PatternInjection(letter_w, clip=True).inject(crops[:200], index, 1.0, seed=0, split="train")
    assert loose.abs().max() > 1
    assert torch.equal(tight, loose.clamp(-1, 1))


def test_letter_w_is_a_w_of_13_pixels() -> None:
    rows = ["".join("#" if on else "." for on in row) for row in letter_w(16)[5:10, 5:10]]
    assert rows == ["#...#", "#...#", "#.#.#", "##.##", "#...#"]
    assert letter_w(16).sum() == 13
    assert [int(letter_w(size).sum()) for size in (8, 28, 32, 64)] == [13, 52, 52, 208]


@pytest.mark.parametrize("pattern", [letter_w, two_points, cross])
@pytest.mark.parametrize("size", [8, 16, 28, 32, 64])
def test_patterns_are_centred_and_grow_with_the_image(pattern: object, size: int) -> None:
    mask = PatternInjection(pattern).mask(size, size)  # type: ignore[arg-type]
    rows, cols = mask.nonzero().T
    for places in (rows, cols):
        assert abs(int(places.min() + places.max()) - (size - 1)) <= 1
        assert 0.2 * size < (places.max() - places.min() + 1).item() * (1 if pattern is not two_points else 4)


def test_a_png_is_a_pattern(tmp_path: Path) -> None:
    path = tmp_path / "corner.png"
    picture = Image.new("L", (32, 32))
    picture.paste(255, (0, 0, 8, 4))
    picture.save(path)
    mask = PatternInjection(str(path)).mask(16, 16)
    assert torch.equal(mask.nonzero(), torch.cartesian_prod(torch.arange(2), torch.arange(4)))
    assert PatternInjection(path).pixels(16, 16)[0] == (0, 0)
    broken = tmp_path / "broken.png"
    broken.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataDamaged, match=r"broken\.png"):
        PatternInjection(broken).mask(16, 16)
    with pytest.raises(DataNotFound, match=r"none\.png"):
        PatternInjection(tmp_path / "none.png").mask(16, 16)
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    with pytest.raises(DataDamaged, match=r"black\.png is black all over"):
        PatternInjection(tmp_path / "black.png").mask(16, 16)


def test_gamma_without_a_pattern_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"gamma=0\.5 needs data with a pattern"):
        ImageDataModule(photos, gamma=0.5)


def test_every_split_is_edited() -> None:
    counts = dict.fromkeys(SPLITS, 20)
    plain = ImageDataModule(partial(photos, **counts))
    edited = ImageDataModule(partial(photos, **counts), PatternInjection(letter_w), gamma=0.5)
    for split in SPLITS:
        change = edited.bank(split).images - (plain.bank(split).images / 127.5 - 1)
        assert change[:, :, 5, 5].abs().min() > 0
        assert change[:, :, 0, 0].abs().max() < 1e-6
