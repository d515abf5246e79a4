"""`photos`: small crops of real photographs, at many scales, with nothing to download."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from locality.data.photo_regions import PHOTOS, Box, open_photo, regions
from locality.data.splits import Split, check_split
from locality.noise import generator

# The smallest crop is this part of the largest, which is the largest that fits every region of its photo:
# smaller ones of a large photo are blur, and with one range for all splits none is a harder test than
# another.
SMALLEST = 0.25


class Crop(NamedTuple):
    """A square of one photo, in its pixels."""

    photo: int
    box: Box


def photos(
    split: Split,
    seed: int,
    size: int = 16,  # pixels, height and width
    train: int = 8000,  # images
    val: int = 1000,
    test: int = 1000,
) -> Tensor:  # [N, 3, size, size] uint8
    """Random crops of the photographs that come with scikit-image and scikit-learn, resized to `size`.

    The splits come from regions of the photos with a gap between them, and a crop is cut out before it is
    resized: no pixel serves two splits. Image i of a split is the same however many are asked for.
    """
    crops = draw_crops(split, seed, size, _count(split, train, val, test))
    images = torch.empty(len(crops), size, size, 3, dtype=torch.uint8)
    for number in range(len(PHOTOS)):
        photo = open_photo(number)
        for i, crop in enumerate(crops):
            if crop.photo == number:
                small = photo.crop(crop.box).resize((size, size), Image.Resampling.LANCZOS)
                images[i] = torch.from_numpy(np.array(small))
    return rearrange(images, "n h w c -> n c h w").contiguous()


def photo_numbers(
    split: Split,
    seed: int,
    size: int = 16,
    train: int = 8000,
    val: int = 1000,
    test: int = 1000,
) -> Tensor:  # [N] int64
    """Which photograph each image of `photos`, called with the same arguments, is cut from."""
    crops = draw_crops(split, seed, size, _count(split, train, val, test))
    return torch.tensor([crop.photo for crop in crops])


def _count(split: Split, train: int, val: int, test: int) -> int:
    check_split(split)
    return {"train": train, "val": val, "test": test}[split]


setattr(photos, "groups", photo_numbers)  # noqa: B010  (mypy knows no attributes of functions)


def draw_crops(split: Split, seed: int, size: int, count: int) -> list[Crop]:
    """Where the crops lie: a photo, a side (uniform in its logarithm), and a place in the photo's region."""
    if count < 1:
        raise ValueError(f"photos: want at least 1 {split} image, got {count}")
    draws = torch.rand(count, 4, generator=generator(seed, "photos", split), dtype=torch.float64).tolist()
    ranges = [side_range(number, size) for number in range(len(PHOTOS))]
    homes = [regions(number)[split] for number in range(len(PHOTOS))]
    crops = []
    for which, scale, across, down in draws:
        number = int(which * len(PHOTOS))
        (low, high), home = ranges[number], homes[number]
        side = min(high, int(low * ((high + 1) / low) ** scale))
        left = home.left + int(across * (home.width - side + 1))
        top = home.top + int(down * (home.height - side + 1))
        crops.append(Crop(number, Box(left, top, left + side, top + side)))
    return crops


def side_range(number: int, size: int) -> tuple[int, int]:
    """The smallest and largest side of a crop of one photo, in its pixels.

    Raises ValueError for a size that would need enlarging.
    """
    largest = min(min(box.width, box.height) for box in regions(number).values())
    if not 1 <= size <= largest:
        name = PHOTOS[number].path
        raise ValueError(f"photos: want a size of 1 to {largest} pixels ({name} allows no more), got {size}")
    return max(size, int(SMALLEST * largest)), largest
