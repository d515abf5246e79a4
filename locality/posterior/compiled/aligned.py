"""Scratch memory that starts where a cache line does."""

from __future__ import annotations

from typing import Any

import numpy as np

from locality.posterior.compiled.kernel import kernel

_CACHE_LINE = 64  # bytes


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
