"""`cifar`: CIFAR-10 in its authors' pickle format."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from locality.data.errors import DataDamaged
from locality.data.places import DataSet
from locality.data.splits import Split, check_split

_SIDE = 32
_TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
_TEST_FILES = ("test_batch",)


def _from_buffer(buffer: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: str) -> np.ndarray:
    """An array as NumPy restores it from a pickle of protocol 5."""
    if order not in ("C", "F"):
        raise pickle.UnpicklingError(f"an array in order {order!r}")
    return np.frombuffer(buffer, dtype=dtype).reshape(shape, order="C" if order == "C" else "F")


# All that the authors' files name, and what Python 3 names in files that it writes the same way, in whatever
# protocol. A pickle can run any function that it names, so it gets to name no other.
_HARMLESS = {
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): str.encode,
}


def cifar(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N, 3, 32, 32] uint8
    """CIFAR-10: train is the official 50,000; val and test take turns in the official test images.

    Not drawn, so the same for every seed. Raises DataNotFound or DataDamaged.
    """
    check_split(split)
    folder = _CIFAR.find(root, download)
    if split == "train":
        return torch.cat([read_images(folder / name) for name in _TRAIN_FILES])
    images = torch.cat([read_images(folder / name) for name in _TEST_FILES])
    return images[("val", "test").index(split) :: 2].clone()


def cifar_labels(
    split: Split, seed: int, root: str | None = None, download: bool = True
) -> Tensor:  # [N] int64, from 0 to 9
    """The class of each image of `cifar`, called with the same arguments."""
    check_split(split)
    folder = _CIFAR.find(root, download)
    names = _TRAIN_FILES if split == "train" else _TEST_FILES
    labels = torch.cat([read_labels(folder / name) for name in names])
    return labels if split == "train" else labels[("val", "test").index(split) :: 2].clone()


setattr(cifar, "labels", cifar_labels)  # noqa: B010  (mypy knows no attributes of functions)

# What unpickling says of files that are no pickles, or are cut short or overwritten.
_DAMAGE = (
    pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError,
    OverflowError, MemoryError,
)  # fmt: skip


def _content(path: Path) -> dict[Any, Any]:
    if not path.is_file():
        raise DataDamaged(f"{path} is missing beside its sisters; unpack cifar-10-python.tar.gz again")
    try:
        with path.open("rb") as file:
            content = _Reader(file, encoding="latin1").load()
    except _DAMAGE as error:
        raise DataDamaged.at(path, f"not a whole pickle of CIFAR's ({error})") from error
    return content if isinstance(content, dict) else {}


def _entry(path: Path, name: str) -> Any:
    # Python 3 writes the keys as bytes where it read the authors' files with encoding="bytes".
    content = _content(path)
    return content.get(name, content.get(name.encode()))


def read_labels(path: Path) -> Tensor:  # [N] int64
    """The classes in one of CIFAR's files. Raises DataDamaged."""
    labels = _entry(path, "labels")
    whole = isinstance(labels, list) and all(type(one) is int and 0 <= one < 10 for one in labels)
    if not whole or not labels:
        raise DataDamaged.at(path, "no list of classes from 0 to 9 called 'labels' in it")
    return torch.tensor(labels)


def read_images(path: Path) -> Tensor:  # [N, 3, 32, 32] uint8
    """The images in one of CIFAR's files. Raises DataDamaged."""
    pixels = _entry(path, "data")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or not len(pixels):
        raise DataDamaged.at(path, "no table of bytes called 'data' in it")
    if pixels.shape[1] != 3 * _SIDE * _SIDE:
        raise DataDamaged.at(
            path, f"{pixels.shape[1]} bytes an image, want {3 * _SIDE * _SIDE} (3 x {_SIDE} x {_SIDE})"
        )
    return torch.from_numpy(rearrange(pixels, "n (c h w) -> n c h w", c=3, h=_SIDE).copy())


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which CIFAR's files do not")
        return _HARMLESS[module, name]


def _holds_cifar(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _TRAIN_FILES + _TEST_FILES)


def _fetch(folder: Path) -> None:
    from torchvision.datasets import CIFAR10

    CIFAR10(folder, download=True)


_CIFAR = DataSet(
    title="CIFAR-10",
    folders=("cifar-10-batches-py", "CIFAR10/cifar-10-batches-py", "cifar/cifar-10-batches-py", "cifar"),
    shows=_holds_cifar,
    remedy="unpack cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html",
    fetch=_fetch,
)
