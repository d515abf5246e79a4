"""The photographs: real crops, no pixel of which serves two splits."""

from __future__ import annotations

from functools import partial
from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image

from locality.data import ImageDataModule, digits, photo_crops, photo_regions, photos
from locality.data.photo_crops import draw_crops, side_range
from locality.data.photo_regions import GAP, PHOTOS, open_photo, regions
from locality.data.splits import SPLITS

EVERY_PHOTO = range(len(PHOTOS))


@pytest.mark.parametrize("number", EVERY_PHOTO)
def test_regions_of_a_photo_are_inside_it_and_apart_by_more_than_a_jpeg_block(number: int) -> None:
    parts, frame = regions(number), PHOTOS[number].frame
    for box in parts.values():
        assert frame.left <= box.left < box.right <= frame.right
        assert frame.top <= box.top < box.bottom <= frame.bottom
    for one, other in combinations(parts.values(), 2):
        across = max(one.left - other.right, other.left - one.right)
        down = max(one.top - other.bottom, other.top - one.bottom)
        assert max(across, down) >= GAP


def test_crops_lie_in_the_region_of_their_split() -> None:
    for split in SPLITS:
        for number, box in draw_crops(split, seed=3, size=16, count=2000):
            home = regions(number)[split]
            assert home.left <= box.left
            assert box.right <= home.right
            assert home.top <= box.top
            assert box.bottom <= home.bottom
            assert box.width == box.height


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_depends_on_the_pixels_of_its_own_regions_alone(
    split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resampling included: noise everywhere else changes nothing, noise inside changes every image."""
    counts = dict.fromkeys(SPLITS, 60)
    before = photos(split, 0, **counts)  # type: ignore[arg-type]

    def noisy(number: int, inside: bool) -> Image.Image:
        pixels = np.array(open_photo(number))
        box = regions(number)[split]  # type: ignore[index]
        noise = np.random.default_rng(number).integers(0, 256, pixels.shape, dtype=np.uint8)
        chosen = np.zeros(pixels.shape, dtype=bool)
        chosen[box.top : box.bottom, box.left : box.right] = True
        return Image.fromarray(np.where(chosen == inside, noise, pixels))

    monkeypatch.setattr(photo_crops, "open_photo", lambda number: noisy(number, inside=False))
    assert torch.equal(photos(split, 0, **counts), before)  # type: ignore[arg-type]
    monkeypatch.setattr(photo_crops, "open_photo", lambda number: noisy(number, inside=True))
    assert (photos(split, 0, **counts) != before).flatten(1).any(1).all()  # type: ignore[arg-type]


def test_an_image_depends_on_seed_split_and_place_and_not_on_how_many_there_are() -> None:
    few, many = photos("train", 5, train=37), photos("train", 5, train=101)
    assert few.shape == (37, 3, 16, 16)
    assert few.dtype == torch.uint8
    assert torch.equal(few, many[:37])
    assert not torch.equal(few, photos("train", 6, train=37))
    assert draw_crops("val", 5, 16, 37) != draw_crops("test", 5, 16, 37)


def test_crops_of_one_place_agree_at_both_sizes() -> None:
    """Sizes 16 and 32 of the same crop show the same: the 2 x 2 means of one are close to the other."""
    small, large = photos("train", 0, size=16, train=50), photos("train", 0, size=32, train=50)
    means = torch.nn.functional.avg_pool2d(large.float(), 2)
    assert (means - small.float()).abs().mean() < 3  # of 255


def test_every_photo_is_colour_and_is_used() -> None:
    for number in EVERY_PHOTO:
        red, green, blue = np.array(open_photo(number)).astype(float).reshape(-1, 3).T
        assert np.abs(red - green).mean() + np.abs(green - blue).mean() > 1
    for split in SPLITS:
        assert {crop.photo for crop in draw_crops(split, 0, 16, 500)} == set(EVERY_PHOTO)


def test_a_crop_is_never_enlarged() -> None:
    assert all(side_range(number, 100)[0] >= 100 for number in EVERY_PHOTO)
    with pytest.raises(ValueError, match=r"want a size of 1 to \d+ pixels"):
        photos("train", 0, size=500)


def test_a_missing_photo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_regions, "find_spec", lambda package: None)
    with pytest.raises(ValueError, match=r"astronaut\.png"):
        open_photo(0)


def test_an_unknown_split_is_an_error() -> None:
    with pytest.raises(ValueError, match="want one of train, val, test, got 'valid'"):
        photos("valid", 0)  # type: ignore[arg-type]


def test_images_know_the_photo_that_they_are_cut_from() -> None:
    source = partial(photos, size=16, train=30, test=40, val=20)
    data = ImageDataModule(source=source, image_seed=3)
    numbers = data.groups("test")
    assert numbers is not None
    assert len(numbers) == len(data.bank("test")) == 40
    for place in range(6):
        # No other photo looks like it: the crop at its place, cut out of that photo again, is the image.
        box = draw_crops("test", 3, 16, 40)[place].box
        small = open_photo(int(numbers[place])).crop(box).resize((16, 16), Image.Resampling.LANCZOS)
        assert np.array_equal(np.array(small), data.bank("test").images[place].permute(1, 2, 0).numpy())
    assert data.groups("train") is None  # which may be mirrored, or some of them
    assert ImageDataModule(source=digits).groups("test") is None
