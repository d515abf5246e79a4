"""Blocks of images as compiled code reads them, in memory that starts where a cache line does."""

from __future__ import annotations

from typing import Any

import numpy as np

from locality.posterior.vectors.compiling import kernel

_CACHE_LINE = 64  # bytes
_TILE = 64  # pixels read together: an image's are one cache line at rest, a block's 16 KiB


@kernel
def aligned(shape: Any, like: Any) -> Any:
    """An empty array of another's type.

    A vector read from its start, or from whole vectors on, is one cache line and not parts of two.
    """
    count = 1
    for size in shape:
        count *= size
    raw = np.empty(count + _CACHE_LINE // like.itemsize, like.dtype)
    start = -raw.ctypes.data % _CACHE_LINE // raw.itemsize
    return raw[start : start + count].reshape(shape)


@kernel
def read_block(images: Any, first: int, last: int, levels: float, offset: float, block: Any) -> None:
    """`block[p, j] = images[first + j, p] / levels + offset`; lanes past the last image repeat it.

    A few pixels at a time, so that the lines they are written to stay in the nearest cache.
    """
    inverse = 1 / levels
    for start in range(0, block.shape[0], _TILE):
        stop = min(start + _TILE, block.shape[0])
        for j in range(block.shape[1]):
            i = min(first + j, last - 1)
            for p in range(start, stop):
                block[p, j] = images[i, p] * inverse + offset
