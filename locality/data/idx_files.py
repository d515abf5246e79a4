"""`mnist` and `fashion_mnist`: 28 x 28 grey images in the IDX format of LeCun."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from locality.data.errors import DataDamaged
from locality.data.places import DataSet
from locality.data.splits import Split, check_split

_SIDE = 28
_IMAGES = 2051  # the magic number of a file of images: bytes, three dimensions
_FILES: dict[Split, str] = {
    "train": "train-images-idx3-ubyte",
    "val": "t10k-images-idx3-ubyte",
    "test": "t10k-images-idx3-ubyte",
}


def fashion_mnist(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N, 1, 28, 28] uint8
    """Fashion-MNIST: train is the official 60,000; val and test take turns in the official test images.

    Not drawn, so the same for every seed. Raises DataNotFound or DataDamaged.
    """
    return _read_split(_FASHION_MNIST, split, root, download)


def mnist(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N, 1, 28, 28] uint8
    """MNIST: train is the official 60,000; val and test take turns in the official test images.

    They take turns because the second half of the official test is harder than the first. Not drawn, so
    the same for every seed. Raises DataNotFound or DataDamaged.
    """
    return _read_split(_MNIST, split, root, download)


def read_images(path: Path) -> Tensor:  # [N, 1, H, W] uint8
    """The images in an IDX file, gzipped if its name says so. Raises DataDamaged."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, f"not a whole gzip file ({error})") from error
    if len(content) < 16:
        raise _damaged(path, f"{len(content)} bytes, too short for a header")
    magic, count, height, width = struct.unpack(">4I", content[:16])
    if magic != _IMAGES:
        raise _damaged(path, f"not an IDX file of images (magic number {magic}, want {_IMAGES})")
    if len(content) != 16 + count * height * width or not count:
        found = f"{len(content) - 16} bytes of pixels"
        raise _damaged(path, f"{found}, and its header says {count} images of {height} x {width}")
    pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(count, 1, height, width)
    return torch.from_numpy(pixels.copy())  # a copy, because PyTorch wants memory that it may write to


def _read_split(data_set: DataSet, split: Split, root: str | None, download: bool) -> Tensor:
    check_split(split)
    folder = data_set.find(root, download)
    path = next((path for path in _spellings(folder, _FILES[split]) if path.is_file()), None)
    if path is None:
        raise DataDamaged(f"{folder} has no {_FILES[split]}.gz; {data_set.remedy}")
    images = read_images(path)
    if images.shape[2:] != (_SIDE, _SIDE):
        raise _damaged(path, f"images of {images.shape[2]} x {images.shape[3]}, want {_SIDE} x {_SIDE}")
    return images if split == "train" else images[("val", "test").index(split) :: 2].clone()


def _spellings(folder: Path, name: str) -> list[Path]:
    return [folder / name, folder / f"{name}.gz"]


def _holds_idx(folder: Path) -> bool:
    return any(path.is_file() for name in _FILES.values() for path in _spellings(folder, name))


def _damaged(path: Path, what: str) -> DataDamaged:
    return DataDamaged(f"{path} is damaged: {what}; delete it and get it again")


def _fetch_mnist(folder: Path) -> None:
    from torchvision.datasets import MNIST

    MNIST(folder, download=True)


def _fetch_fashion_mnist(folder: Path) -> None:
    from torchvision.datasets import FashionMNIST

    FashionMNIST(folder, download=True)


_MNIST = DataSet(
    title="MNIST",
    folders=("MNIST/raw", "MNIST", "mnist"),
    shows=_holds_idx,
    remedy="get train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz",
    fetch=_fetch_mnist,
)
_FASHION_MNIST = DataSet(
    title="Fashion-MNIST",
    folders=("FashionMNIST/raw", "FashionMNIST", "fashion-mnist", "fashion_mnist"),
    shows=_holds_idx,
    remedy="apt-get install dataset-fashion-mnist, or get train- and t10k-images-idx3-ubyte.gz",
    installed=("/usr/share/datasets/fashion-mnist",),  # Debian's dataset-fashion-mnist
    fetch=_fetch_fashion_mnist,
)
