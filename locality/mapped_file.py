"""Images in a file that is mapped, not loaded: how it is written, verified, and read ahead."""

from __future__ import annotations

import errno
import hashlib
import json
import mmap
import shutil
import warnings
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch
from torch import Tensor

from locality.disk import write_atomically

_FORMAT = "locality.bank/1"
_HEADER = 4096  # bytes: a page, so that images begin at one
_BLOCK = 2**26  # bytes that are verified together, and read ahead
_DIGEST = 16  # bytes


class Pages:
    """The pages of a mapped file, or none: then images are in memory, and nothing is to be done.

    While a part of the images is worked on, the system reads the next one; the one before is given back. So
    a process keeps two parts in memory, however long the file. (The system keeps the file in memory that
    nobody else wants.)
    """

    def __init__(self, mapping: mmap.mmap | None = None) -> None:
        self._mapping = mapping
        self._first, self._last = 0, 0
        if mapping is not None:
            whole = _bytes_of(mapping, 0, len(mapping))
            self._first = whole.data_ptr()
            self._last = self._first + len(mapping)

    def __deepcopy__(self, memo: Any) -> Pages:
        return self  # a mapping has no copy; images that were copied are in memory

    def __reduce__(self) -> Any:
        return Pages, ()

    def hold(
        self,
        images: Tensor,  # [...] contiguous
    ) -> bool:
        """Whether they lie in the file."""
        return images.device.type == "cpu" and self._first <= images.data_ptr() < self._last

    def stream(
        self,
        images: Tensor,  # [N, ...] consecutive ones
        size: int | None = None,  # images of a part; None: all of those in memory, of a file what fits well
    ) -> Iterator[Tensor]:  # [<= size, ...]
        """The images in parts, the next of which is read ahead; one part, if there are none."""
        if not self.hold(images):
            yield from (images,) if size is None else images.split(size)
            return
        parts = images.split(size or block_size(images[0].nbytes))
        self._advise("MADV_WILLNEED", parts[0])
        for part, following in zip_longest(parts, parts[1:]):
            if following is not None:
                self._advise("MADV_WILLNEED", following)
            yield part
            self._advise("MADV_DONTNEED", part)

    def _advise(self, advice: str, part: Tensor) -> None:
        if self._mapping is None or not hasattr(mmap, advice):  # only some systems take advice
            return
        start = part.data_ptr() - self._first
        stop = start + part.nbytes
        if advice == "MADV_DONTNEED":  # whole pages only: others are shared with the part after
            stop = stop // mmap.PAGESIZE * mmap.PAGESIZE
        start = start // mmap.PAGESIZE * mmap.PAGESIZE
        if stop > start:
            self._mapping.madvise(getattr(mmap, advice), start, stop - start)


class Mapped(NamedTuple):
    """What a file holds."""

    images: Tensor  # [N, C, H, W] uint8; writing to them is a fault
    pages: Pages
    fingerprint: str


def write_pages(
    path: Path,
    parts: Iterable[Tensor],  # [c, C, H, W] uint8
    shape: tuple[int, ...],  # (N, C, H, W)
) -> None:
    """Write images to a file that `open_pages` maps, whole or not at all; never are all of them in memory.

    The file is one of safetensors: `images`, and `digests` of blocks. Raises ValueError where the parts are
    not of this shape, and OSError where the disk is too small or the file cannot be written.
    """
    size, count = prod(shape), -(-shape[0] // block_size(prod(shape[1:])))
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < size + _HEADER:
        raise OSError(
            errno.ENOSPC,
            f"{path}: want {size / 1e9:.1f} GB for the images, and the disk has {free / 1e9:.1f}",
        )

    def content(file: IO[bytes]) -> None:
        file.seek(_HEADER)
        whole, digests, written = fingerprint_of(shape, torch.uint8), bytearray(), 0
        for block in _regrouped(parts, shape):
            data = block.contiguous().numpy().data
            file.write(data)
            whole.update(data)
            digests += _digest(data)
            written += len(block)
        if written != shape[0]:
            raise ValueError(f"parts: want {shape[0]} images, got {written}")
        assert len(digests) == count * _DIGEST
        file.write(digests)
        file.seek(0)
        file.write(_header(shape, count, whole.hexdigest()))

    write_atomically(path, content)


def write_hollow(
    path: Path,
    shape: tuple[int, ...],  # (N, C, H, W)
) -> None:
    """A file of black images that takes no room on the disk, to see how long files fare. It fails checks."""
    size, blocks = prod(shape), -(-shape[0] // block_size(prod(shape[1:])))
    with path.open("wb") as file:
        file.write(_header(shape, blocks, "hollow"))
        file.truncate(_HEADER + size + blocks * _DIGEST)


def open_pages(
    path: Path,
    check: bool = True,  # false: take its images for what they were, unread
    only: slice = slice(None),  # the images to verify: those that a rank will read
) -> Mapped:
    """Map a file that `write_pages` wrote. Raises ValueError, in one line, for another or a changed one."""
    shape, fingerprint = _read_header(path)
    size = prod(shape)
    with path.open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    pages = Pages(mapping)
    images = _bytes_of(mapping, _HEADER, size).reshape(shape)
    if check:
        noted = _bytes_of(mapping, _HEADER + size, len(mapping) - _HEADER - size).numpy().tobytes()
        _verify(path, images, pages, noted, only)
    return Mapped(images, pages, fingerprint)


def fingerprint_of(shape: tuple[int, ...], dtype: torch.dtype) -> Any:
    """The digest of a bank, still without its pixels."""
    return hashlib.blake2b(f"{tuple(shape)} {dtype}".encode(), digest_size=_DIGEST)


def block_size(
    each: int,  # bytes of an image
) -> int:
    """How many images a block has."""
    return max(1, _BLOCK // each)


def _verify(path: Path, images: Tensor, pages: Pages, noted: bytes, only: slice) -> None:
    size = block_size(images[0].nbytes)
    start, stop, _ = only.indices(len(images))
    first, last = start // size, -(-stop // size)
    for k, block in enumerate(pages.stream(images[first * size : last * size], size), first):
        if stop > start and _digest(block.numpy().data) != noted[_DIGEST * k : _DIGEST * (k + 1)]:
            raise ValueError(
                f"{path}: changed or damaged since it was written, in images {k * size} to "
                f"{k * size + len(block) - 1}; remove it and write it again"
            )


def _regrouped(parts: Iterable[Tensor], shape: tuple[int, ...]) -> Iterator[Tensor]:
    """Blocks of the size that digests are of."""
    kept: list[Tensor] = []
    size = block_size(prod(shape[1:]))
    for part in parts:
        if part.dtype != torch.uint8 or tuple(part.shape[1:]) != tuple(shape[1:]):
            got = f"{part.dtype} {tuple(part.shape)}"
            raise ValueError(f"parts: want uint8 images {tuple(shape[1:])}, got {got}")
        kept.append(part.cpu())
        while sum(map(len, kept)) >= size:
            joined = torch.cat(kept) if len(kept) > 1 else kept[0]
            yield joined[:size]
            kept = [joined[size:]]
    if sum(map(len, kept)):
        yield torch.cat(kept)


def _digest(data: Any) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()


def _header(shape: tuple[int, ...], blocks: int, fingerprint: str) -> bytes:
    size = prod(shape)
    content = {
        "__metadata__": {"format": _FORMAT, "fingerprint": fingerprint},
        "images": {"dtype": "U8", "shape": list(shape), "data_offsets": [0, size]},
        "digests": {
            "dtype": "U8", "shape": [blocks, _DIGEST], "data_offsets": [size, size + blocks * _DIGEST],
        },
    }  # fmt: skip
    return (_HEADER - 8).to_bytes(8, "little") + json.dumps(content).encode().ljust(_HEADER - 8)


def _read_header(path: Path) -> tuple[tuple[int, ...], str]:
    try:
        with path.open("rb") as file:
            raw = file.read(_HEADER)
        content = json.loads(raw[8:])
        shape, known = tuple(map(int, content["images"]["shape"])), content["__metadata__"]
        good = known["format"] == _FORMAT and len(shape) == 4 and min(shape) > 0
        good = good and raw == _header(shape, int(content["digests"]["shape"][0]), known["fingerprint"])
        good = good and path.stat().st_size == _HEADER + content["digests"]["data_offsets"][1]
    except OSError as error:
        raise ValueError(f"{path}: no bank that could be opened ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        good = False
    if not good:
        raise ValueError(f"{path}: want a bank, as ImageBank.write writes it, got another or a cut file")
    return shape, known["fingerprint"]


def _bytes_of(mapping: mmap.mmap, offset: int, size: int) -> Tensor:
    if size == 0:
        return torch.empty(0, dtype=torch.uint8)
    with warnings.catch_warnings(action="ignore"):  # that it cannot be written to
        return torch.frombuffer(mapping, dtype=torch.uint8, count=size, offset=offset)
