"""Jacobians of masked softmaxes and of composites in closed form, many output pixels at once, by products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import torch
from einops import einsum, rearrange, repeat
from torch import Tensor

from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import Query
from locality.posterior.view import View

Work: TypeAlias = Callable[[Rows, View, Query, Tensor, Tensor, Tensor], Tensor]


class Mix(NamedTuple):
    """What is wanted where it is not the means alone: their shares, and how their entropies change it."""

    shares: Tensor  # [P, C] of the means
    slopes: Tensor  # [P, C] of their entropies
    logits: Tensor  # [R] the mean logit of each softmax


def masked_fields(
    rows: Rows,
    view: View,
    query: Query,  # one noisy image
    evidence: Tensor,  # [R]
    mean: Tensor,  # [n]
    outputs: Tensor,  # [P, C]
    mix: Mix | None = None,  # None: of the means
) -> Tensor:  # [P, n] in the type of the query
    """`sum_c A[q, p] Cov_w(q)(X_q, X_p)` summed over each line of outputs q.

    Of a mix, `sum_c A[q, p] Cov_w(q)(share_q X_q - slope_q logit, X_p)`.
    """
    # Products of one output's channels with all inputs, and the mask: a quarter of the budget.
    size = query.dtype.itemsize * 3 * outputs.shape[1]
    parts, first = [], 0
    for part in _groups(outputs, view, size * len(mean)):
        some = slice(first, first := first + len(part))
        own = mix and Mix(mix.shares[some], mix.slopes[some], mix.logits)
        parts.append(_masked_fields(rows, view, query, evidence, mean, part, own))
    return torch.cat(parts)


def _masked_fields(
    rows: Rows, view: View, query: Query, evidence: Tensor, mean: Tensor, outputs: Tensor, mix: Mix | None
) -> Tensor:
    needed, row = rows.row_of_output[outputs].unique(return_inverse=True)  # [r], [P, C]
    if bool((row == row[:, :1]).all()):
        row = row[:, :1]  # the channels of a pixel share their weights: their probes add up
    dtype, n, terms = query.dtype, len(mean), row.numel()
    x, shift, scale = query.x[0].to(dtype), query.shift[0].to(dtype), query.scale[0].to(dtype)
    mask, mean, evidence = rows.mask[needed].to(dtype), mean.to(dtype), evidence[needed].to(dtype)
    products = x.new_zeros(terms, n)
    each = 4 * n + 3 * len(needed) + 3 * outputs.numel()
    for chunk in view.chunks(each, 2 * terms * n + mask.numel(), dtype):
        squares = rearrange((x - chunk).square() * scale, "i (k p) -> i k p", p=mask.shape[1])
        logits = (shift - squares.sum(1)) @ mask.T
        weights, centred = (logits - evidence).exp(), chunk - mean
        probe = centred[:, outputs]
        if mix is not None:
            energy = (logits - mix.logits[needed].to(dtype))[:, row.expand_as(outputs)]
            probe = mix.shares.to(dtype) * probe - mix.slopes.to(dtype) * energy
        probe = rearrange(probe, "i p (k c) -> i p k c", k=row.shape[1]).sum(-1)
        products += einsum(weights[:, row] * probe, centred, "i p k, i n -> p k n").flatten(0, 1)
    seen = repeat(mask[row.flatten()], "t p -> t (k p)", k=rows.repeats)
    return rearrange(products * seen, "(p k) n -> p k n", k=row.shape[1]).sum(1)


def window_fields(
    rows: Rows,
    view: View,
    query: Query,  # one noisy image
    evidence: Tensor,  # [R]
    mean: Tensor,  # [n] subtracted from the images
    outputs: Tensor,  # [P, C]
) -> Tensor:  # [P, n] float64
    """`sum over u with q of sum_c A[u, p] Cov_w(u)(X_q, X_p)`, summed over each line of outputs q."""
    # Two numbers of an output and input are alive: a quarter of the budget.
    parts = _groups(outputs, view, 2 * 8 * len(mean))
    return torch.cat([_window_fields(rows, view, query, evidence, mean, part) for part in parts])


def _window_fields(
    rows: Rows, view: View, query: Query, evidence: Tensor, mean: Tensor, outputs: Tensor
) -> Tensor:
    n, places = len(mean), rows.places
    channels = torch.arange(rows.repeats, device=mean.device)[:, None] * places
    windows = [(row.nonzero()[:, 0] + channels).flatten() for row in rows.mask]
    covered = [rows.mask[u, outputs[:, 0] % places].nonzero()[:, 0] for u in range(len(windows))]
    mask = rows.mask.double()

    def sums(part: View) -> Tensor:  # [R + P, n]
        total = mean.new_zeros(len(mask) + len(outputs), n)
        first, second = total.split([len(mask), len(outputs)])
        for chunk in part.chunks(6 * n + 3 * len(mask), 2 * second.numel() + first.numel()):
            squares = ((query.x - chunk).square() * query.scale[:, None]).unflatten(1, (-1, places)).sum(1)
            weights = ((query.shift - squares) @ mask.T - evidence).exp()
            centred = chunk - mean
            first += weights.T @ centred
            probe = centred[:, outputs].sum(-1)  # [c, P]
            for u, window in enumerate(windows):
                seen = weights[:, u, None] * probe[:, covered[u]]
                second[covered[u][:, None], window] += seen.T @ centred[:, window]
        return total

    first, second = view.summed(sums).split([len(mask), len(outputs)])
    for u, window in enumerate(windows):
        middle = first[u, outputs[covered[u]]].sum(-1)
        second[covered[u][:, None], window] -= middle[:, None] * first[u, window]
    return second


def _groups(outputs: Tensor, view: View, each: int) -> Iterator[Tensor]:
    """A few outputs at a time: a quarter of the budget, at so many bytes each."""
    yield from outputs.split(max(1, view.limits.memory_budget // (4 * each)))
