"""Running softmaxes, one for each mask row, that take a block of logits at a time.

The state of a row is [4] float64: peak logit, sums of weights, of their squares, of weight * (logit - peak).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from locality.posterior.vectors.compiling import kernel
from locality.posterior.vectors.lines import least, moments, weights

NEGLIGIBLE = 60.0  # nats below the largest logit: e^-60 of a bank is below the last digit of float64


@kernel
def merge(
    distances: Any, i: int, w: Any, j: int, length: int, peak: float, group: Any, state: Any
) -> float:  # what earlier sums shrink by
    """Merge candidates into a running softmax; their logits are the `length` distances from i on, negated.

    Their weights are left in `w` from j on. With group = (lanes, count), of every `lanes` candidates the
    first `count` are taken.
    """
    top = w.dtype.type(peak)
    peak = np.float64(top)
    _weigh(distances, i, w, j, length, top, group)
    total, squared, energy = moments(w, j, distances, i, -top, length)
    shift = 0.0 if state[1] == 0 else state[0] - peak
    shrink = np.exp(shift) if shift < 0 else 1.0
    state[3] = (state[3] + state[1] * shift) * shrink - energy
    state[0] = peak
    state[1] = state[1] * shrink + total
    state[2] = state[2] * shrink * shrink + squared
    return shrink


@kernel
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


@kernel
def normalise(
    distances: Any, i: int, w: Any, j: int, length: int, group: Any, evidence: float
) -> bool:  # false: they are nothing
    """The weights of logits as in `merge`, given the log-partition."""
    if -least(distances, i, length) < evidence - NEGLIGIBLE:
        return False
    rounded = w.dtype.type(evidence)
    _weigh(distances, i, w, j, length, rounded, group)
    rest = w.dtype.type(np.exp(np.float64(rounded) - evidence))
    for k in range(j, j + length):
        w[k] *= rest
    return True


@kernel
def _weigh(distances: Any, i: int, w: Any, j: int, length: int, peak: Any, group: Any) -> None:
    weights(distances, i, peak, w, j, length)
    lanes, count = group
    if count < lanes:
        for start in range(j, j + length, lanes):
            w[start + count : start + lanes] = 0
