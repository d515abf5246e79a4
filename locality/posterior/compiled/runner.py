"""Compiled scans, shared out over threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from locality.posterior.compiled.code import Code
from locality.posterior.compiled.scan import GROUP, backward, forward
from locality.posterior.compiled.shares import shared
from locality.posterior.compiled.vector import ROW_BYTES
from locality.posterior.rounding import Query
from locality.posterior.rows import Rows
from locality.posterior.scan import Probe, Scan, Weighed

_MOST_AGAIN = 32  # of this many candidates, one may be looked at again

_forward: Any = forward  # numba declares no arguments
_backward: Any = backward


@dataclass(frozen=True)
class CompiledScan(Scan):
    """A mask's code, run over a bank on the CPU in float32 or float64."""

    images: Tensor  # [N, n] as at rest
    rows: Rows
    code: Code
    basis: int
    dtype: torch.dtype
    members: tuple[np.ndarray, np.ndarray]

    def weigh(self, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """Each thread keeps a running softmax; they are merged at the end."""
        batch, rows, n = len(query.x), len(self.rows.mask), query.x.shape[1]
        bounds = torch.full((batch,), torch.inf) if bounds is None else bounds
        fine = (query.x.double().contiguous().numpy(), query.shift.double().contiguous().numpy())
        # Past so many logits, float64 throughout is the faster way to find them.
        budget = rows * len(self.images) // _MOST_AGAIN
        spent = np.zeros(batch, np.int64)  # threads may miss each other's counts: it need not be exact
        outputs, starts = self.members if values else (self.members[0], np.zeros_like(self.members[1]))

        def part(first: int, last: int) -> tuple[Tensor, Tensor]:
            state, sums = np.zeros((batch, rows, 4)), np.zeros((batch, n))
            exact = (*fine, bounds.double().numpy(), spent, budget)
            columns = np.empty((self._lanes, self.rows.mask.shape[1] + 1))
            arguments = (*self._arguments(query, first, last), (outputs, starts), exact)
            _forward(*arguments, state, sums, self._scratch(), columns)
            return torch.from_numpy(state), torch.from_numpy(sums)

        result = _merged(shared(len(self.images), self._lanes, part), self.rows)
        return result._replace(sure=torch.from_numpy(spent <= budget))

    def probe_means(self, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        """One pass."""
        return self._backward(query, evidence, probe, None, torch.zeros_like(query.x))[0]

    def transpose(
        self, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """One pass."""
        return self._backward(query, evidence, probe, means, centre)[1]

    def _backward(
        self, query: Query, evidence: Tensor, probe: Probe, means: Tensor | None, centre: Tensor
    ) -> tuple[Tensor, Tensor]:
        seen = (int(probe.seen), self._numpy(probe.g))
        known = evidence.double().contiguous().numpy()
        middle = self._numpy(centre)

        def part(first: int, last: int) -> tuple[Tensor, Tensor]:
            given = np.zeros_like(known) if means is None else means.double().contiguous().numpy()
            sums = np.zeros(query.x.shape)
            arguments = (*self._arguments(query, first, last), self.members, known, seen)
            _backward(*arguments, given, means is None, middle, sums, self._scratch(), self._table())
            return torch.from_numpy(given), torch.from_numpy(sums)

        found, sums = zip(*shared(len(self.images), self._lanes, part), strict=True)
        return torch.stack(found).sum(0), torch.stack(sums).sum(0)

    def _arguments(self, query: Query, first: int, last: int) -> tuple[Any, ...]:
        levels, offset = (127.5, -1.0) if self.images.dtype == torch.uint8 else (1.0, 0.0)
        _, height, width = self.rows.image_shape
        return (
            (self.images.numpy(), levels, offset),
            first,
            last,
            (self._numpy(query.x), self._numpy(query.shift), query.scale),
            (self.basis, width, height * width),
            tuple(self.code),
        )

    def _scratch(self) -> tuple[np.ndarray, ...]:
        real = self._numpy(torch.empty(0)).dtype
        block = np.empty((self.images.shape[1], self._lanes), real)
        bits = np.empty(self._lanes, np.int32 if self.dtype == torch.float32 else np.int64)
        return block, self._table(), np.empty((GROUP, self._lanes), real), np.empty(self._lanes, real), bits

    def _table(self) -> np.ndarray:
        return np.empty((self.rows.mask.shape[1] + 1, self._lanes), self._numpy(torch.empty(0)).dtype)

    def _numpy(self, values: Tensor) -> np.ndarray:
        return values.detach().to(self.dtype).contiguous().numpy()

    @property
    def _lanes(self) -> int:
        return ROW_BYTES // self.dtype.itemsize


def members(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """The outputs in the order of the rows that serve them, and where each row's begin."""
    owner = rows.row_of_output.cpu().numpy()
    outputs = np.argsort(owner, kind="stable").astype(np.uint32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(rows.mask)))])
    return outputs, starts.astype(np.int64)


def _merged(parts: list[tuple[Tensor, Tensor]], rows: Rows) -> Weighed:
    states = torch.stack([state for state, _ in parts])  # [k, B, R, 4]
    peak = states[..., 0].amax(0)
    shift = states[..., 0] - peak
    scale = shift.exp()
    total = (states[..., 1] * scale).sum(0)
    squares = (states[..., 2] * scale**2).sum(0)
    energy = ((states[..., 3] + states[..., 1] * shift) * scale).sum(0)
    owner = rows.row_of_output
    sums = sum(part * scale[k][:, owner] for k, (_, part) in enumerate(parts))
    return Weighed(
        evidence=peak + total.log(),
        squares=squares / total**2,
        energy=energy / total - total.log(),
        mean=sums / total[:, owner],
        sure=torch.ones(len(total), dtype=torch.bool),
    )
