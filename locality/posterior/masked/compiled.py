"""Compiled scans, shared out over threads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from locality.posterior.masked.code import Code
from locality.posterior.masked.kernel import Probe, Scan
from locality.posterior.masked.passes import GROUP, backward, forward
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import Query
from locality.posterior.softmax import State
from locality.posterior.vectors.blocks import aligned
from locality.posterior.vectors.table_rows import ROW_BYTES
from locality.posterior.vectors.threads import at_rest, shared

_MOST_AGAIN = 32  # of this many candidates, one may be looked at again


@dataclass(frozen=True)
class CompiledScan(Scan):
    """A mask's code, run over a bank on the CPU in float32 or float64."""

    images: Tensor  # [N, n] as at rest
    rows: Rows
    code: Code
    basis: int
    dtype: torch.dtype
    members: tuple[np.ndarray, np.ndarray]

    def weigh(self, query: Query, values: bool = True, bounds: Tensor | None = None) -> State:
        """Each thread keeps a state of its own."""
        batch, rows, n = len(query.x), len(self.rows.mask), query.x.shape[1]
        bounds = torch.full((batch,), torch.inf) if bounds is None else bounds
        fine = (query.x.double().contiguous().numpy(), query.shift.double().contiguous().numpy())
        # Past so many logits, float64 throughout is the faster way to find them. Scans read all counts and
        # add to their own: none is lost, and what one found too many stays too many.
        budget = rows * len(self.images) // _MOST_AGAIN
        spent = np.zeros((-(-len(self.images) // self._lanes), batch), np.int64)
        outputs, starts = self.members if values else (self.members[0], np.zeros_like(self.members[1]))

        def part(first: int, last: int) -> State:
            state, sums = np.zeros((batch, rows, 4)), np.zeros((batch, n))
            exact = (*fine, bounds.double().numpy(), spent, budget)
            columns = np.empty((self._lanes, self.rows.mask.shape[1] + 1))
            arguments = (*self._arguments(query, first, last), (outputs, starts), exact)
            forward(*arguments, state, sums, self._scratch(), columns)
            return State.of_sums(torch.from_numpy(state), torch.from_numpy(sums), self.rows.row_of_output)

        state = reduce(State.merge, shared(len(self.images), self._lanes, part))
        return replace(state, sure=torch.from_numpy(spent.sum(0) <= budget))

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
            spread = self._aligned(self.rows.mask.shape[1] + 1, self._lanes)
            arguments = (*self._arguments(query, first, last), self.members, known, seen)
            backward(*arguments, given, means is None, middle, sums, self._scratch(), spread)
            return torch.from_numpy(given), torch.from_numpy(sums)

        found, sums = zip(*shared(len(self.images), self._lanes, part), strict=True)
        return torch.stack(found).sum(0), torch.stack(sums).sum(0)

    def _arguments(self, query: Query, first: int, last: int) -> tuple[Any, ...]:
        _, height, width = self.rows.image_shape
        return (
            at_rest(self.images),
            first,
            last,
            (self._numpy(query.x), self._numpy(query.shift), query.scale),
            (self.basis, width, height * width),
            tuple(self.code),
        )

    def _scratch(self) -> tuple[np.ndarray, ...]:
        places = (self.images.shape[1], self.rows.mask.shape[1] + 1, GROUP)
        block, table, distances = (self._aligned(count, self._lanes) for count in places)
        return block, table, distances, self._aligned(self._lanes)

    def _aligned(self, *shape: int) -> np.ndarray:
        return aligned(shape, self._numpy(torch.empty(0)))

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
