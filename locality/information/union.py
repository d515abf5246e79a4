"""Posteriors over parts of a bank become the posterior over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch

from locality.posterior.engine import Posterior
from locality.posterior.softmax import Weighed


def united(parts: Sequence[Posterior]) -> Posterior:
    """The posterior over all candidates of several banks that share none, from those over each bank.

    What a posterior says is a state, and states merge: with `p_k = Z_k / sum_l Z_l` the mean is
    `sum_k p_k m_k`, the entropy `sum_k p_k S_k - sum_k p_k ln p_k`. Exact; so banks inside one another
    cost no more than the largest. Raises ValueError for no part.
    """
    if not parts:
        raise ValueError("parts: want at least one posterior, got none")
    found, like = reduce(Weighed.merge, map(_state, parts)), parts[0].mean
    fields = (field.reshape(like.shape) for field in Posterior.of(found))
    return Posterior(next(fields).to(like.dtype), *fields)


def _state(part: Posterior) -> Weighed:
    """What its candidates left, each number a softmax of its own: all weights relative to their sum."""
    mean, log_partition, size, entropy = (field.double().reshape(1, -1) for field in part)
    owner, sure = (
        torch.arange(mean.shape[1], device=mean.device),
        torch.ones_like(mean[:, 0], dtype=torch.bool),
    )
    return Weighed(owner, sure, log_partition, torch.ones_like(mean), 1 / size, -entropy, mean)
