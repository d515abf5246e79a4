"""`celeba_hq` and `afhq`: folders of colour images, cut to the middle square and resized.

How a folder is read:

- `folder_files.images_below` says which files count. Hidden ones do not, links are followed, all else must be
  an image.
- `picture_files.open_picture` says what a file holds: one upright picture, whole, of 8 bits.
- `read_image` takes RGB without transparency. What becomes of grey, palettes, CMYK or an alpha channel is for
  the user to say; such files are counted before any is read.
- `split_files` says which file is for what.

A file that breaks a rule ends the reading in one line that names it. A new rule of reading needs a new number
in `resized_cache`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from torch import Tensor

from locality.data.errors import DataDamaged
from locality.data.folder_files import SUFFIXES, entries, images_below
from locality.data.picture_files import open_picture, stored_mode
from locality.data.places import DataSet
from locality.data.resized_cache import cached
from locality.data.splits import SPLITS, Split, check_split

_HELD_OUT = 5  # per cent of the files for val, and as many for test, where folders do not say


def celeba_hq(
    split: Split, seed: int, root: str | None = None, size: int = 64, cache: str | None = None
) -> Tensor:  # [N, 3, size, size] uint8
    """CelebA-HQ: a folder `celeba_hq` of colour images, split as in `split_files`. The same for every seed.

    `cache`: a folder to keep the resized images in. Raises DataNotFound or DataDamaged.
    """
    return _read_split(_CELEBA_HQ, split, root, size, cache)


def afhq(
    split: Split, seed: int, root: str | None = None, size: int = 64, cache: str | None = None
) -> Tensor:  # [N, 3, size, size] uint8
    """AFHQ (v1 or v2): a folder `afhq` with train/ and val/ or test/, split as in `split_files`.

    The same for every seed. `cache`: a folder to keep the resized images in. Raises DataNotFound or
    DataDamaged.
    """
    return _read_split(_AFHQ, split, root, size, cache)


def split_files(folder: Path) -> dict[Split, list[Path]]:
    """The image files of each split, in the order of their names.

    Folders train/, val/ and test/ are the splits, if all three are there. With train/ and one other, the
    files of the other go to val and test in halves. Without, 90 % of all files go to train, 5 % to val, 5 %
    to test. Halves and per cents are by a hash of the file's name (without its suffix), so that a file
    never changes sides. Raises DataDamaged for a file that is no image, an empty folder, val/ or test/
    without train/, and images beside the splits.
    """
    named = [split for split in SPLITS if (folder / split).is_dir()]
    if named and (named[0] != "train" or len(named) == 1):
        raise DataDamaged(
            f"{folder} has {named[0]}/ alone; want train/ with val/ or test/ (or both), or none of them"
        )
    if not named:
        files = images_below(folder)
        parts: dict[Split, list[Path]] = {"train": [], "val": [], "test": []}
        for path in files:
            place = _hash(path) % 100
            parts["val" if place < _HELD_OUT else "test" if place < 2 * _HELD_OUT else "train"].append(path)
        return parts
    _check_beside(folder, named)
    known: dict[str, Path] = {}
    files_of = {split: images_below(folder / split, known) for split in named}
    if len(named) == 3:
        return files_of
    held_out = files_of[named[1]]
    return {
        "train": files_of["train"],
        "val": [path for path in held_out if _hash(path) % 2 == 0],
        "test": [path for path in held_out if _hash(path) % 2 == 1],
    }


def read_image(path: Path, size: int) -> Tensor:  # [3, size, size] uint8
    """The middle square of a colour image, resized. Raises DataDamaged naming the file and the remedy."""
    image = open_picture(path)
    if image.mode != "RGB":
        raise DataDamaged(_no_colours(path, image.mode))
    if "transparency" in image.info:
        raise DataDamaged(f"{path} is no RGB image (it has a transparent colour); convert or remove it")
    side = min(image.size)
    if side < size:
        raise DataDamaged(
            f"{path} is {image.width} x {image.height}, want {size} or more; replace or remove it"
        )
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return rearrange(
        torch.from_numpy(np.array(square.resize((size, size), Image.Resampling.LANCZOS))), "h w c -> c h w"
    )


def _read_split(data_set: DataSet, split: Split, root: str | None, size: int, cache: str | None) -> Tensor:
    check_split(split)
    folder = data_set.find(root)
    files = split_files(folder)[split]
    if not files:
        raise DataDamaged(f"{folder} has no images for {split}; it wants more files, or a folder {split}/")

    def read() -> Tensor:
        _check_colours(folder)
        return _read_all(files, size, f"{data_set.title} {split}")

    return read() if cache is None else cached(files, size, Path(cache), read)


def _check_colours(folder: Path) -> None:
    """Raises DataDamaged with the first of all images that are not RGB, and how many there are.

    Heads of files say so in seconds, where reading them takes minutes.
    """
    files = [path for paths in split_files(folder).values() for path in paths]
    with ThreadPoolExecutor() as pool:
        modes = zip(files, pool.map(stored_mode, files), strict=True)
        others = [(path, mode) for path, mode in modes if mode not in ("RGB", None)]
    if len(others) > 1:
        (path, mode), count = others[0], f"{len(others)} of {len(files)} images in {folder}"
        raise DataDamaged(
            f"{count} are no RGB images, the first is {path} (its mode is {mode}); "
            "convert them to RGB or remove them"
        )
    for path, mode in others:
        raise DataDamaged(_no_colours(path, mode))


def _no_colours(path: Path, mode: str | None) -> str:
    return f"{path} is no RGB image (its mode is {mode}); convert it to RGB or remove it"


def _read_all(files: list[Path], size: int, title: str) -> Tensor:  # [N, 3, size, size] uint8
    from tqdm import tqdm

    images = torch.empty(len(files), 3, size, size, dtype=torch.uint8)
    with ThreadPoolExecutor() as pool:  # Pillow decodes and resizes outside Python's lock
        read = pool.map(lambda path: read_image(path, size), files)
        bar = tqdm(read, total=len(files), desc=title, unit="image", delay=2, leave=False, disable=None)
        for i, image in enumerate(bar):
            images[i] = image
    return images


def _holds_images(folder: Path) -> bool:
    """Whether images or splits are right inside (further down may be other data), or nothing is."""
    inside = entries(folder)
    return not inside or any(path.suffix.lower() in SUFFIXES or path.name in SPLITS for path in inside)


def _check_beside(folder: Path, named: Sequence[str]) -> None:
    """Raises DataDamaged for what lies beside the folders of splits and looks like images of the set."""
    for path in entries(folder):
        if path.name in named:
            continue
        inside = path.rglob("*") if path.is_dir() else [path]
        if path.name in SPLITS or any(one.suffix.lower() in SUFFIXES for one in inside):
            raise DataDamaged(
                f"{path} is in none of the splits ({', '.join(named)}); move it into one, or away"
            )


def _hash(path: Path) -> int:
    name = path.stem.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


_CELEBA_HQ = DataSet(
    title="CelebA-HQ",
    folders=("celeba_hq", "CelebA-HQ", "celeba-hq", "CelebA-HQ-img"),
    shows=_holds_images,
    remedy="put its images into data/celeba_hq/",
)
_AFHQ = DataSet(
    title="AFHQ",
    folders=("afhq", "afhq_v2", "AFHQ", "AFHQv2"),
    shows=_holds_images,
    remedy="put its train/ and val/ or test/ into data/afhq/",
)
