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
_LABELS = 2049  # the magic number of a file of labels: bytes, one dimension
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


def fashion_mnist_labels(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N] int64, from 0 to 9
    """The class of each image of `fashion_mnist`, called with the same arguments."""
    return _split_labels(_FASHION_MNIST, split, root, download)


def mnist_labels(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N] int64, from 0 to 9
    """The digit that each image of `mnist` shows, called with the same arguments."""
    return _split_labels(_MNIST, split, root, download)


setattr(fashion_mnist, "labels", fashion_mnist_labels)  # noqa: B010  (mypy knows no attributes of functions)
setattr(mnist, "labels", mnist_labels)  # noqa: B010


def _content(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataDamaged.at(path, f"not a whole gzip file ({error})") from error


def read_labels(path: Path) -> Tensor:  # [N] int64
    """The classes in an IDX file, gzipped if its name says so. Raises DataDamaged."""
    content = _content(path)
    magic, count = struct.unpack(">2I", content[:8]) if len(content) >= 8 else (0, 0)
    if magic != _LABELS or len(content) != 8 + count or not count:
        raise DataDamaged.at(path, f"not an IDX file of classes ({len(content)} bytes, magic number {magic})")
    return torch.tensor(list(content[8:]))


def read_images(path: Path) -> Tensor:  # [N, 1, H, W] uint8
    """The images in an IDX file, gzipped if its name says so. Raises DataDamaged."""
    content = _content(path)
    if len(content) < 16:
        raise DataDamaged.at(path, f"{len(content)} bytes, too short for a header")
    magic, count, height, width = struct.unpack(">4I", content[:16])
    if magic != _IMAGES:
        raise DataDamaged.at(path, f"not an IDX file of images (magic number {magic}, want {_IMAGES})")
    if len(content) != 16 + count * height * width or not count:
        found = f"{len(content) - 16} bytes of pixels"
        raise DataDamaged.at(path, f"{found}, and its header says {count} images of {height} x {width}")
    pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(count, 1, height, width)
    return torch.from_numpy(pixels.copy())  # a copy, because PyTorch wants memory that it may write to


def _read_split(data_set: DataSet, split: Split, root: str | None, download: bool) -> Tensor:
    path = _found(data_set, split, root, download, _FILES[split])
    images = read_images(path)
    if images.shape[2:] != (_SIDE, _SIDE):
        raise DataDamaged.at(path, f"images of {images.shape[2]} x {images.shape[3]}, want {_SIDE} x {_SIDE}")
    return images if split == "train" else images[("val", "test").index(split) :: 2].clone()


def _split_labels(data_set: DataSet, split: Split, root: str | None, download: bool) -> Tensor:
    name = _FILES[split].replace("images-idx3", "labels-idx1")
    labels = read_labels(_found(data_set, split, root, download, name))
    return labels if split == "train" else labels[("val", "test").index(split) :: 2].clone()


def _found(data_set: DataSet, split: Split, root: str | None, download: bool, name: str) -> Path:
    check_split(split)
    folder = data_set.find(root, download)
    path = next((path for path in _spellings(folder, name) if path.is_file()), None)
    if path is None:
        raise DataDamaged(f"{folder} has no {name}.gz; {data_set.remedy}")
    return path


def _spellings(folder: Path, name: str) -> list[Path]:
    return [folder / name, folder / f"{name}.gz"]


def _holds_idx(folder: Path) -> bool:
    return any(path.is_file() for name in _FILES.values() for path in _spellings(folder, name))


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
