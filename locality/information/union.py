"""Posteriors over parts of a bank become the posterior over all of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from locality.posterior.engine import Posterior


def united(parts: Sequence[Posterior]) -> Posterior:
    """The posterior over all candidates of several banks that share none, from those over each bank.

    With `p_k = Z_k / sum_l Z_l`: the mean is `sum_k p_k m_k`, the entropy `sum_k p_k S_k - sum_k p_k ln p_k`.
    Exact; so banks that lie inside one another cost no more than the largest. Raises ValueError for no part.
    """
    if not parts:
        raise ValueError("parts: want at least one posterior, got none")
    logs = torch.stack([part.log_partition for part in parts])  # [K, ...]
    total = logs.logsumexp(0)
    share = (logs - total).exp()
    mean = sum(one * part.mean.double() for one, part in zip(share, parts, strict=True))
    entropy = torch.special.entr(share).sum(0)
    entropy = entropy + sum(one * part.entropy for one, part in zip(share, parts, strict=True))
    squares = sum(one**2 / part.effective_size for one, part in zip(share, parts, strict=True))
    assert isinstance(mean, torch.Tensor)
    return Posterior(mean.to(parts[0].mean.dtype), total, 1 / squares, entropy)
