"""Running softmaxes, one for each mask row, that take a block of logits at a time.

The state of a row is [4] float64: peak logit, sums of weights, of their squares, of weight * (logit - peak).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from locality.posterior.compiled.exponential import FAST, weights

NEGLIGIBLE = 60.0  # nats below the largest logit: e^-60 of a bank is below the last digit of float64


@njit(nogil=True, cache=True, fastmath=FAST)
def merge(logits: Any, peak: float, count: int, w: Any, bits: Any, state: Any) -> float:
    """Merge a block into a running softmax; returns what earlier sums shrink by. Weights are left in `w`."""
    fresh = state[1] == 0
    w[0] = peak  # rounded to the working type
    top = w[0]
    peak = np.float64(top)
    weights(logits, top, w, bits)
    w[count:] = 0
    total = squared = energy = top * 0
    for j in range(logits.shape[0]):
        total += w[j]
        squared += w[j] * w[j]
        energy += w[j] * (logits[j] - top)
    shift = 0.0 if fresh else state[0] - peak
    shrink = np.exp(shift)
    state[3] = (state[3] + state[1] * shift) * shrink + energy
    state[0] = peak
    state[1] = state[1] * shrink + total
    state[2] = state[2] * shrink * shrink + squared
    return shrink


@njit(nogil=True, cache=True, fastmath=FAST)
def merge_exactly(logits: Any, w: Any, state: Any) -> float:
    """Merge a few float64 logits into a running softmax, as `merge` does."""
    fresh = state[1] == 0
    peak = -np.inf if fresh else state[0]
    for j in range(logits.shape[0]):
        peak = max(peak, logits[j])
    shift = 0.0 if fresh else state[0] - peak
    shrink = np.exp(shift)
    state[3] = (state[3] + state[1] * shift) * shrink
    state[0] = peak
    state[1] *= shrink
    state[2] *= shrink * shrink
    w[:] = 0
    for j in range(logits.shape[0]):
        if logits[j] > -np.inf:
            weight = np.exp(logits[j] - peak)
            state[1] += weight
            state[2] += weight * weight
            state[3] += weight * (logits[j] - peak)
            w[j] = weight
    return shrink


@njit(nogil=True, cache=True, fastmath=FAST)
def normalise(logits: Any, count: int, w: Any, bits: Any, evidence: float) -> bool:
    """The weights of a block, given the log-partition; false if they are nothing."""
    if as_logits(logits) < evidence - NEGLIGIBLE:
        return False
    for j in range(logits.shape[0]):
        logits[j] = logits[j] - evidence
    weights(logits, logits[0] * 0, w, bits)
    w[count:] = 0
    return True


@njit(nogil=True, cache=True, fastmath=FAST)
def as_logits(distances: Any) -> float:
    """Change the sign in place; the largest. Lanes past the bank's end repeat its last image: no matter."""
    top = -distances[0]
    for j in range(distances.shape[0]):
        distances[j] = -distances[j]
        top = max(top, distances[j])
    return top


@njit(nogil=True, cache=True, fastmath=FAST)
def dot(w: Any, values: Any) -> float:
    """`sum_j w_j values_j`."""
    total = w[0] * 0
    for j in range(w.shape[0]):
        total += w[j] * values[j]
    return total
