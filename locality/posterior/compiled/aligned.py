"""Scratch memory that starts where a cache line does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_CACHE_LINE = 64  # bytes


@njit(nogil=True, cache=True)
def aligned(shape: Any, like: Any) -> Any:
    """An empty array of a type like another's: a vector read from its start, or from whole vectors on, is one
    cache line and not parts of two, which takes twice as long."""
    count = 1
    for size in shape:
        count *= size
    raw = np.empty(count + _CACHE_LINE // like.itemsize, like.dtype)
    start = -raw.ctypes.data % _CACHE_LINE // raw.itemsize
    return raw[start : start + count].reshape(shape)
