"""Where the Wiener filter looks: masks and soft precisions of its matrix, in float64 throughout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_PANEL = 384  # rows of a symmetric matrix that are multiplied together
_SMALLEST_DIAGONAL = 1e-6  # the released code's: below it a pixel is constant, and looks at itself alone
_ROUNDING = 1e-12  # products of other sizes differ by less, relative to their entries


class WienerRule(NamedTuple):
    """How the filter's matrix W becomes a mask; the defaults are the released code's."""

    tau: float  # of the largest relative entry; 0 keeps the real entries
    mask_axis: str = "column"  # "column": A[q, p] = M[p, q]; "row": A[q, p] = M[q, p]
    threshold: str = "global"  # the largest entry is that of the whole matrix | "row": of the row


def wiener_mask(
    eigenvalues: Tensor,  # [n] ascending
    eigenvectors: Tensor,  # [n, n] columns
    sigma: float,
    rule: WienerRule,
    memory_budget: int,  # bytes
    right: Tensor | None = None,  # [n, n] columns, V of a decomposition U diag(lam) V^T; None: U
) -> Tensor:  # [n, n] bool, entry [q, p]: does output q look at input p; float64 where tau = 0
    """`W = U diag(lam / (lam + sigma^2)) V^T`, `R[p, q] = |W[p, q]| / |W[p, p]|`, `M = 1[R >= tau max R]`."""
    factors = _factors(eigenvalues, eigenvectors, sigma, right)
    n = len(eigenvectors)
    size = _rows_at_once(n, memory_budget)
    if size < n and rule.tau > 0 and rule.threshold == "global":
        mask = _above_largest(factors, size, rule.tau)
        return mask.T.contiguous() if rule.mask_axis == "column" else mask
    parts = [_mask(rows, rule) for rows in _relative_rows(factors, size)]
    if len(parts) == 1:
        return parts[0]
    return torch.cat(parts, dim=1 if rule.mask_axis == "column" else 0)


def soft_precision(
    eigenvalues: Tensor,  # [n] ascending
    eigenvectors: Tensor,  # [n, n] columns
    sigma: float,
    reach: float,  # the R from which on an input counts in full
    beta: float,
    memory_budget: int,  # bytes
) -> Tensor:  # [n, n] float32, symmetric
    """`R[q, p] = |W[q, p]| / sqrt(W[q, q] W[p, p])`, `A = min(1, R / reach)^beta`; W as above."""
    factors = _factors(eigenvalues, eigenvectors, sigma)
    basis, gain, _ = factors
    size = _rows_at_once(len(basis), memory_budget)
    diagonal = torch.cat([part.square() @ gain for part in basis.split(size)])
    constant = diagonal < _SMALLEST_DIAGONAL
    scale = torch.where(constant, 0, diagonal.clamp(min=_SMALLEST_DIAGONAL).rsqrt())
    parts = []
    for places, rows in _blocks(factors, size):
        rows *= scale[places, None] * scale
        rows[torch.arange(len(rows), device=rows.device), places] = 1
        parts.append((rows / reach).clamp_(max=1).pow_(beta).float())
    return torch.cat(parts)


# W = left diag(gain) right^T, float64: left [n, k], gain [k], right [n, k].
_Factors = tuple[Tensor, Tensor, Tensor]


def _factors(
    eigenvalues: Tensor, eigenvectors: Tensor, sigma: float, right: Tensor | None = None
) -> _Factors:
    gain = eigenvalues.double() / (eigenvalues.double() + sigma**2)
    # Eigenvalues ascend: those that are exactly 0 come first, and leaving them out costs no copy.
    first = int((gain == 0).sum())
    left = eigenvectors.double()[:, first:]
    return left, gain[first:], left if right is None else right.double()[:, first:]


def _rows_at_once(n: int, memory_budget: int) -> int:
    return max(1, memory_budget // (4 * 8 * n))


def _blocks(factors: _Factors, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """`|W|`, `size` rows at a time: which rows, and the rows."""
    left, gain, right = factors
    every = torch.arange(len(left), device=left.device)
    if right is left and size >= len(left):
        yield every, _symmetric(left, gain).abs_()
        return
    for places, part in zip(every.split(size), left.split(size), strict=True):
        yield places, ((part * gain) @ right.T).abs_()


def _symmetric(left: Tensor, gain: Tensor) -> Tensor:  # [n, n]
    """W, of which one triangle is multiplied out."""
    w = left.new_empty(len(left), len(left))
    for start in range(0, len(left), _PANEL):
        here = slice(start, start + _PANEL)
        rows = (left[here] * gain) @ left[start:].T
        w[start:, here] = rows.T
        w[here, start:] = rows
    return w


def _relative_rows(factors: _Factors, size: int) -> Iterator[Tensor]:
    """R, each row over its own diagonal, `size` rows at a time."""
    for places, rows in _blocks(factors, size):
        index = torch.arange(len(rows), device=rows.device)
        diagonal = rows[index, places]
        constant = diagonal < _SMALLEST_DIAGONAL
        rows /= torch.where(constant, 1, diagonal)[:, None]
        rows[constant] = 0
        rows[index[constant], places[constant]] = 1
        yield rows


def _mask(relative: Tensor, rule: WienerRule) -> Tensor:
    if rule.tau > 0:
        peak = relative.amax(1, keepdim=True) if rule.threshold == "row" else relative.max()
        relative = relative >= rule.tau * peak
    return relative.T.contiguous() if rule.mask_axis == "column" else relative


def _above_largest(factors: _Factors, size: int, tau: float) -> Tensor:  # [n, n] bool
    """`R >= tau max R`, a few rows of W at a time; as a rule one pass, over half of a symmetric W.

    The largest entry is guessed: it is looked for where the diagonal is smallest, as a symmetric W has
    `R[p, q] <= sqrt(W[q, q] / W[p, p])`. Where a pass finds a larger one, another pass begins with that.
    """
    left, gain, right = factors
    diagonal = ((left * right) @ gain).abs_()
    constant = diagonal < _SMALLEST_DIAGONAL
    diagonal[constant] = torch.inf
    likely = diagonal.topk(min(size, _PANEL), largest=False).indices
    guess = (((left[likely] * gain) @ right.T).abs_() / diagonal[likely, None]).max().clamp(min=1)
    mask = torch.empty(len(left), len(left), dtype=torch.bool, device=left.device)
    while True:
        bar, peak = tau * guess * (1 - _ROUNDING), guess
        for rows, columns, w in _panels(factors, size):
            sides = ((w, rows, columns), (w.T, columns, rows))
            for part, here, there in sides if right is left else sides[:1]:
                relative = part / diagonal[here, None]
                peak = torch.maximum(peak, relative.max())
                mask[here, there] = relative >= bar
        if not peak > guess * (1 + _ROUNDING):  # nor is one that is not a number
            mask.diagonal()[constant] = bar <= 1
            return mask
        guess = peak


def _panels(factors: _Factors, size: int) -> Iterator[tuple[slice, slice, Tensor]]:
    """`|W|`, `size` rows at a time: which rows, which columns, and these. Of a symmetric W one triangle."""
    left, gain, right = factors
    for start in range(0, len(left), size):
        rows, columns = slice(start, start + size), slice(start if right is left else 0, None)
        yield rows, columns, ((left[rows] * gain) @ right[columns].T).abs_()
