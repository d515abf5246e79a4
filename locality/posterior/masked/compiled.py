"""The kernels of compiled code: masks as sums of table rows, on the CPU, in float32 or float64."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from locality.posterior.kernel import Probe
from locality.posterior.masked.code import Code, encode, lookups
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.passes import GROUP, backward, forward
from locality.posterior.masked.rows import Rows
from locality.posterior.masked.table import BOX, FLAT, ROW
from locality.posterior.rounding import PixelMoments, Query, relative_error
from locality.posterior.softmax import Weighed
from locality.posterior.vectors.reading import aligned
from locality.posterior.vectors.table_rows import ROW_BYTES
from locality.posterior.vectors.threads import at_rest, over_threads
from locality.posterior.view import View

_PER_LOOKUP = {torch.float32: 0.045, torch.float64: 0.09}  # nanoseconds, measured
_MOST_AGAIN = 32  # of this many candidates, one may be looked at again


@dataclass(frozen=True)
class Compiled(MaskedKernel):
    """A mask's code in one basis, run over the bank by as many threads as torch uses."""

    refines = True
    rows: Rows
    basis: int  # along what the table is cumulated; see `table`

    def usable(self, device: torch.device) -> bool:
        """It runs on the CPU, for masks without weights."""
        return device.type == "cpu" and not self.rows.real

    def cost(self, dtype: torch.dtype) -> float:
        """The cost of the table rows that a mask row reads."""
        return _PER_LOOKUP[dtype] * self._reads

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """The error of the table rows that a mask row reads, each as long as the basis cumulates."""
        _, height, width = self.rows.image_shape
        extents = {ROW: width, FLAT: self.rows.places, BOX: height * width}
        extent = self.rows.repeats * extents.get(self.basis, 1)
        return relative_error(query, moments, extent, self._reads, self.rows.own)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """Each thread keeps a state of its own."""
        count, (batch, n), rows = len(view.images), query.x.shape, len(self.rows.mask)
        bounds = torch.full((batch,), torch.inf) if bounds is None else bounds
        fine = (query.x.contiguous().numpy(), query.shift.contiguous().numpy(), bounds.double().numpy())
        # Past so many logits, float64 throughout is the faster way to find them. Scans read all counts and
        # add to their own: none is lost, and what one found too many stays too many.
        budget, lanes = rows * count // _MOST_AGAIN, _lanes(query)
        spent = np.zeros((-(-count // lanes), batch), np.int64)
        outputs, starts = self._members
        serves = (outputs, starts if values else np.zeros_like(starts))

        def part(first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
            state, sums = np.zeros((batch, rows, 4)), np.zeros((batch, n))
            columns = np.empty((lanes, self.rows.places + 1))
            arguments = (*self._arguments(view, query, first, last), serves, (*fine, spent, budget))
            forward(*arguments, state, sums, self._scratch(query), columns)
            return state, sums

        state = reduce(Weighed.merge, (self._state(*found) for found in over_threads(count, lanes, part)))
        return replace(state, sure=torch.from_numpy(spent.sum(0) <= budget))

    def _state(self, rows: np.ndarray, sums: np.ndarray) -> Weighed:
        return Weighed.of_sums(torch.from_numpy(rows), torch.from_numpy(sums), self.rows.row_of_output)

    def probe_means(self, view: View, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        """One pass."""
        return self._backward(view, query, evidence, probe, None, torch.zeros_like(query.x))[0]

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """One pass."""
        return self._backward(view, query, evidence, probe, means, centre)[1]

    def _backward(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor | None, centre: Tensor
    ) -> tuple[Tensor, Tensor]:
        seen, middle = (int(probe.seen), _numbers(probe.g, query)), _numbers(centre, query)
        known = evidence.double().contiguous().numpy()

        def part(first: int, last: int) -> tuple[Tensor, Tensor]:
            given = np.zeros_like(known) if means is None else means.double().contiguous().numpy()
            sums, spread = np.zeros(query.x.shape), _empty(query, self.rows.places + 1, _lanes(query))
            arguments = (*self._arguments(view, query, first, last), self._members, known, seen)
            backward(*arguments, given, means is None, middle, sums, self._scratch(query), spread)
            return torch.from_numpy(given), torch.from_numpy(sums)

        found, sums = zip(*over_threads(len(view.images), _lanes(query), part), strict=True)
        return torch.stack(found).sum(0), torch.stack(sums).sum(0)

    def _arguments(self, view: View, query: Query, first: int, last: int) -> tuple[Any, ...]:
        queries = (_numbers(query.x, query), _numbers(query.shift, query), query.scale.numpy())
        layout = (self.basis, *self._layout)
        return at_rest(view.images), first, last, queries, layout, tuple(self._code)

    def _scratch(self, query: Query) -> tuple[np.ndarray, ...]:
        lanes = _lanes(query)
        places = (query.x.shape[1], self.rows.places + 1, GROUP)
        block, table, distances = (_empty(query, count, lanes) for count in places)
        return block, table, distances, _empty(query, lanes)

    @property
    def _layout(self) -> tuple[int, int]:
        _, height, width = self.rows.image_shape
        return width, height * width

    @cached_property
    def _reads(self) -> float:
        """Table rows per mask row."""
        return lookups(self.rows.bits, self.basis, *self._layout) / len(self.rows.mask)

    @cached_property
    def _code(self) -> Code:
        return encode(self.rows.bits, self.basis, *self._layout)

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        """The outputs in the order of the rows that serve them, and where each row's begin."""
        owner = self.rows.row_of_output.numpy()
        outputs = np.argsort(owner, kind="stable").astype(np.uint32)
        starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(self.rows.mask)))])
        return outputs, starts.astype(np.int64)


def _lanes(query: Query) -> int:
    return ROW_BYTES // query.dtype.itemsize


def _numbers(values: Tensor, query: Query) -> np.ndarray:
    return values.detach().to(query.dtype).contiguous().numpy()


def _empty(query: Query, *shape: int) -> np.ndarray:
    return aligned.py_func(shape, _numbers(torch.empty(0), query))  # compiling it would take a second
