"""The photographs in the scikit-image and scikit-learn wheels, each cut into a train, val and test region."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from locality.data.errors import DataNotFound
from locality.data.splits import Split

TRAIN_SHARE = 0.6  # of a photo's width
# Pixels between regions. JPEG stores blocks of up to 16 x 16 pixels: with this gap no two regions share one.
GAP = 16


class Box(NamedTuple):
    """A rectangle of pixels; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


class Photo(NamedTuple):
    """A colour photograph in a wheel: the package, the file in it, and the part that is picture."""

    package: str
    path: str
    frame: Box


# Left out: logos, charts, drawings, text, grey pictures, and motorcycle_right (the other eye's view of
# motorcycle_left, which would show the training scene to the test). The retina's frame is inside its round
# picture.
PHOTOS = (
    Photo("skimage", "data/astronaut.png", Box(0, 0, 512, 512)),
    Photo("skimage", "data/chelsea.png", Box(0, 0, 451, 300)),
    Photo("skimage", "data/coffee.png", Box(0, 0, 600, 400)),
    Photo("skimage", "data/hubble_deep_field.jpg", Box(0, 0, 1000, 872)),
    Photo("skimage", "data/motorcycle_left.png", Box(0, 0, 741, 500)),
    Photo("skimage", "data/retina.jpg", Box(208, 208, 1200, 1200)),
    Photo("skimage", "data/rocket.jpg", Box(0, 0, 640, 427)),
    Photo("sklearn", "datasets/images/china.jpg", Box(0, 0, 640, 427)),
    Photo("sklearn", "datasets/images/flower.jpg", Box(0, 0, 640, 427)),
)


def regions(number: int) -> dict[Split, Box]:
    """The regions of one photo, in its own pixels: no two overlap or touch.

    Train is a full-height part of the width; val and test share the rest, one above the other. Which side and
    which of the two is on top alternates from photo to photo, so that no split is all sky.
    """
    left, top, right, bottom = PHOTOS[number].frame
    train_width = int(TRAIN_SHARE * (right - left))
    half = (bottom - top - GAP) // 2
    if number % 2 == 0:
        train = Box(left, top, left + train_width, bottom)
        held_left, held_right = train.right + GAP, right
    else:
        train = Box(right - train_width, top, right, bottom)
        held_left, held_right = left, train.left - GAP
    upper = Box(held_left, top, held_right, top + half)
    lower = Box(held_left, bottom - half, held_right, bottom)
    val, test = (upper, lower) if number // 2 % 2 == 0 else (lower, upper)
    return {"train": train, "val": val, "test": test}


def open_photo(number: int) -> Image.Image:
    """One photo, RGB. Raises DataNotFound if the wheel does not hold it (any more)."""
    package, path, frame = PHOTOS[number]
    spec = find_spec(package)  # finds without importing, which would take a second
    places = [Path(place) / path for place in (spec.submodule_search_locations or [])] if spec else []
    for place in places:
        if place.is_file():
            photo = Image.open(place).convert("RGB")
            if photo.width >= frame.right and photo.height >= frame.bottom:
                return photo
    raise DataNotFound(
        f"photos: no {path}, as large as expected, in the {package} wheel; reinstall {package}"
    )
