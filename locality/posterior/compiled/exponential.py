"""An exponential that vectorises: numba's calls the library once for each number."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

FAST = {"reassoc", "contract", "nnan", "nsz", "arcp"}  # all of fastmath but what forbids infinities
_LOG2E, _LN2 = 1 / math.log(2), math.log(2)


def weights(logits: Any, peak: Any, out: Any, bits: Any) -> None:
    """`out[j] = exp(logits[j] - peak)`, for logits - peak <= 0; `bits` is scratch: integers as wide.

    2^k times a polynomial for 2^f, |f| <= 1/2. Relative error 2e-7 in float32 and 4e-16 in float64.
    """
    raise NotImplementedError("only compiled code calls this")


@overload(weights, jit_options={"fastmath": FAST})
def _weights(logits: Any, peak: Any, out: Any, bits: Any) -> Callable[..., None]:
    if logits.dtype == types.float32:
        return _weights32
    return _weights64


def _weights32(logits: Any, peak: Any, out: Any, bits: Any) -> None:
    scaled = np.float32(_LOG2E)
    for j in range(logits.shape[0]):
        y = max((logits[j] - peak) * scaled, np.float32(-126))
        k = np.floor(y + np.float32(0.5))
        f = (y - k) * np.float32(_LN2)
        series = np.float32(1 / 720) + f * np.float32(1 / 5040)
        series = np.float32(1 / 24) + f * (np.float32(1 / 120) + f * series)
        series = np.float32(1 / 2) + f * (np.float32(1 / 6) + f * series)
        out[j] = np.float32(1) + f * (np.float32(1) + f * series)
        bits[j] = (np.int32(k) + np.int32(127)) << np.int32(23)
    powers = bits.view(np.float32)
    for j in range(logits.shape[0]):
        out[j] *= powers[j]


_INVERSE_FACTORIALS = tuple(1 / math.factorial(k) for k in range(14))


def _weights64(logits: Any, peak: Any, out: Any, bits: Any) -> None:
    for j in range(logits.shape[0]):
        y = max((logits[j] - peak) * _LOG2E, -1022.0)
        k = np.floor(y + 0.5)
        f = (y - k) * _LN2
        series = _INVERSE_FACTORIALS[13]
        for power in range(12, -1, -1):
            series = _INVERSE_FACTORIALS[power] + f * series
        out[j] = series
        bits[j] = (np.int64(np.int32(k)) + np.int64(1023)) << np.int64(52)
    powers = bits.view(np.float64)
    for j in range(logits.shape[0]):
        out[j] *= powers[j]
