"""Resized images on disk, by what they were made from: decoding thousands of large pictures takes minutes."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from locality.data.errors import DataError

_FORMAT = "locality.resized/2"  # the rule by which images are cut and resized; a new rule needs a new number


def cached(files: Sequence[Path], size: int, folder: Path, read: Callable[[], Tensor]) -> Tensor:
    """The images of these files at this size: from a sound cache file, else read and kept.

    Files are known by path, length and time of change; if any differs, all are read again. A damaged cache
    file is replaced with one warning, never trusted.
    """
    key = hashlib.blake2b(f"{_FORMAT} {size}".encode(), digest_size=16)
    for path in files:
        about = path.stat()
        key.update(
            f"{path.resolve()} {about.st_size} {about.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
        )
    kept = folder.expanduser() / f"resized-{key.hexdigest()}.safetensors"
    if kept.exists():
        images = _sound(kept, (len(files), 3, size, size))
        if images is not None:
            return images
        warnings.warn(f"{kept} is damaged; reading the images anew", stacklevel=4)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)  # before the long work, to fail at once
    except OSError as error:
        raise DataError(
            f"cache: {folder} is no folder to write to ({error.strerror}); give another"
        ) from error
    images = read()
    # Written aside and moved into place, so that another run or rank never meets half a file.
    aside = kept.with_name(f"{kept.name}.{os.getpid()}")
    save_file({"images": images}, aside, {"digest": _digest(images)})
    os.replace(aside, kept)
    return images


def _sound(path: Path, shape: tuple[int, ...]) -> Tensor | None:
    try:
        with safe_open(path, framework="pt") as file:
            images, digest = file.get_tensor("images"), (file.metadata() or {}).get("digest")
    except (SafetensorError, OSError):
        return None
    sound = tuple(images.shape) == shape and images.dtype == torch.uint8 and digest == _digest(images)
    return images if sound else None


def _digest(images: Tensor) -> str:
    return hashlib.blake2b(images.numpy().data, digest_size=16).hexdigest()
