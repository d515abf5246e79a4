"""Where the Wiener filter looks: the masks of PCA locality, in float64 throughout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_SMALLEST_DIAGONAL = 1e-6  # the released code's: below it a pixel is constant, and looks at itself alone


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
) -> Tensor:  # [n, n] bool, entry [q, p]: does output q look at input p; float64 where tau = 0
    """`W = U diag(lam / (lam + sigma^2)) U^T`, `R[p, q] = |W[p, q]| / |W[p, p]|`, `M = 1[R >= tau max R]`."""
    gain = eigenvalues.double() / (eigenvalues.double() + sigma**2)
    # Eigenvalues ascend: those that are exactly 0 come first, and leaving them out costs no copy.
    first = int((gain == 0).sum())
    gain, basis = gain[first:], eigenvectors.double()[:, first:]
    n = len(basis)
    size = max(1, min(n, memory_budget // (4 * 8 * n)))
    if size == n:
        return _mask(next(_relative_rows(basis, gain, n)), None, rule)
    largest = None
    if rule.tau > 0 and rule.threshold == "global":
        largest = torch.stack([rows.max() for rows in _relative_rows(basis, gain, size)]).max()
    parts = [_mask(rows, largest, rule) for rows in _relative_rows(basis, gain, size)]
    return torch.cat(parts, dim=1 if rule.mask_axis == "column" else 0)


def _relative_rows(basis: Tensor, gain: Tensor, size: int) -> Iterator[Tensor]:
    """R, `size` rows at a time."""
    for first in range(0, len(basis), size):
        rows = ((basis[first : first + size] * gain) @ basis.T).abs_()
        index = torch.arange(len(rows), device=rows.device)
        diagonal = rows[index, first + index]
        constant = diagonal < _SMALLEST_DIAGONAL
        rows /= torch.where(constant, 1, diagonal)[:, None]
        rows[constant] = 0
        rows[index[constant], first + index[constant]] = 1
        yield rows


def _mask(relative: Tensor, largest: Tensor | None, rule: WienerRule) -> Tensor:
    if rule.tau > 0:
        by_row = rule.threshold == "row"
        peak = relative.amax(1, keepdim=True) if by_row else relative.max() if largest is None else largest
        relative = relative >= rule.tau * peak
    return relative.T.contiguous() if rule.mask_axis == "column" else relative
