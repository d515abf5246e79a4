"""Jacobians of masked softmaxes in closed form, many output pixels at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from einops import einsum, rearrange, repeat
from torch import Tensor

from locality.posterior.masked.plan import Plan
from locality.posterior.rounding import Query
from locality.posterior.view import Limits, chunks


class Solved(NamedTuple):
    """Noisy images with what `solve` found for them."""

    x: Tensor  # [B, n]
    mean: Tensor  # [B, n]
    evidence: Tensor  # [B, R]


def masked_fields(
    images: Tensor,  # [N, n] as at rest
    plan: Plan,
    limits: Limits,
    solved: Solved,
    outputs: Tensor,  # [P, C]
) -> Tensor:  # [B, P, n]
    """`sum_c A[q, p] Cov_w(q)(X_q, X_p) / sigma^2` summed over each line of outputs q."""
    query = plan.query(solved.x)
    precise = plan.precise_by_product(query, solved.evidence)
    fields = solved.x.new_empty(len(solved.x), len(outputs), solved.x.shape[1])
    # Products of one output's channels with all inputs, and the mask: a quarter of the budget.
    line = solved.x.dtype.itemsize * 3 * outputs.shape[1] * solved.x.shape[1]
    group = max(1, limits.memory_budget // (4 * line))
    for b in range(len(solved.x)):
        single = solved.x.dtype != torch.float64 and bool(precise[b])
        dtype = torch.float32 if single else torch.float64
        one = Solved(*(part[b : b + 1] for part in solved))
        for first in range(0, len(outputs), group):
            some = outputs[first : first + group]
            fields[b, first : first + group] = _fields(
                images, plan, limits, one, query.pick(b).to(dtype), some
            )
    return fields


def _fields(
    images: Tensor, plan: Plan, limits: Limits, solved: Solved, query: Query, outputs: Tensor
) -> Tensor:  # [P, n] one noisy image, in the type of the query
    rows, dtype = plan.rows, query.x.dtype
    needed, row = rows.row_of_output[outputs].unique(return_inverse=True)  # [r], [P, C]
    if bool((row == row[:, :1]).all()):
        row = row[:, :1]  # the channels of a pixel share their weights: their probes add up
    mask = rows.mask[needed].to(dtype)
    mean = solved.mean[0].to(dtype)
    evidence = solved.evidence[0, needed].to(dtype)
    n, terms = len(mean), row.numel()
    products = query.x.new_zeros(terms, n)
    each = 4 * n + 3 * len(needed) + 3 * outputs.numel()
    for chunk in chunks(images, limits, each, 2 * terms * n + mask.numel(), dtype):
        squares = rearrange((query.x - chunk).square() * query.scale, "i (k p) -> i k p", p=mask.shape[1])
        weights = ((query.shift - squares.sum(1)) @ mask.T - evidence).exp()
        centred = chunk - mean
        probe = rearrange(centred[:, outputs], "i p (k c) -> i p k c", k=row.shape[1]).sum(-1)
        products += einsum(weights[:, row] * probe, centred, "i p k, i n -> p k n").flatten(0, 1)
    seen = repeat(mask[row.flatten()], "t p -> t (k p)", k=rows.repeats)
    total = rearrange(products * seen, "(p k) n -> p k n", k=row.shape[1]).sum(1)
    return total / plan.sigma**2
