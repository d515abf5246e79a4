"""Which kernel does a mask's work, decided by counting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from locality.posterior.masked.dense import DenseScan
from locality.posterior.masked.kernel import Scan
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import (
    LARGEST_LOGIT,
    PixelMoments,
    Query,
    by_precision,
    precise_enough,
    query,
    relative_error,
    small_logits,
)
from locality.posterior.softmax import State
from locality.posterior.view import Limits

if TYPE_CHECKING:
    from locality.posterior.masked.code import Code

DENSE = -1  # instead of a basis: a matrix product

# Nanoseconds for one mask row and image on one core, measured; what counts is their ratios.
_PER_LOOKUP = {torch.float32: 0.045, torch.float64: 0.09}
_PER_PRODUCT = {torch.float32: 0.02, torch.float64: 0.04}  # of a matrix product, per place


@dataclass
class Plan:
    """How the rows of a precision are summed at one noise level: the cheapest kernel that is precise enough.

    Counted once for a noise level and kept. Only sizes decide, never values of x, so the choice is the same
    in any batch; an image that float32 cannot hold goes through the float64 kernel, alone.
    """

    rows: Rows
    sigma: float
    moments: PixelMoments
    kernels: dict[torch.dtype, int] = field(init=False)  # basis, or DENSE
    codes: dict[int, Code] = field(init=False, default_factory=dict)
    double_is_cheaper: bool = field(init=False)  # a longer sum in float64 than float32 could bear

    def __post_init__(self) -> None:
        choices = {dtype: self._cheapest(dtype) for dtype in _PER_LOOKUP}
        self.kernels = {dtype: basis for dtype, (basis, _) in choices.items()}
        self.double_is_cheaper = choices[torch.float64][1] < choices[torch.float32][1]

    def query(self, x: Tensor) -> Query:
        """Noisy images, [B, n], ready for this plan's scans."""
        return query(x, self.sigma, self.moments, self.rows.mask.shape[1])

    def precise(
        self, query: Query, evidence: Tensor | None = None, strict: bool = False
    ) -> Tensor:  # [B] bool
        """For which images the float32 kernel is good enough; with their evidence, for derivatives too."""
        basis = self.kernels[torch.float32]
        if self.double_is_cheaper:
            return torch.zeros_like(query.x[:, 0], dtype=torch.bool)
        if basis == DENSE:
            return self.precise_by_product(query, evidence, strict)
        return precise_enough(self._error(query, basis), evidence, strict)

    def precise_by_product(
        self, query: Query, evidence: Tensor | None, strict: bool = False
    ) -> Tensor:  # [B] bool
        """For which images a float32 matrix product is good enough."""
        exact = torch.get_float32_matmul_precision() == "highest"
        return precise_enough(self._error(query, DENSE), evidence, strict) & exact

    def weigh(
        self,
        images: Tensor,  # [N, n] as at rest
        limits: Limits,
        x: Tensor,  # [B, n]
        values: bool = True,  # whether the mean is wanted; if not, a second pass will weigh by the evidence
    ) -> State:
        """The softmax of every row; where float32 turns out to have met large logits, again in float64."""
        query = self.query(x)
        if x.dtype == torch.float64:
            return self.scan(images, torch.float64, limits).weigh(query, values)
        single = self.precise(query, strict=not values)
        # Large logits are found again in float64, all of them where float32 would not do in general. But
        # evidence belongs to the logits that it sums up: a second pass, which finds them in one type, would
        # meet weights that do not add up to 1. Both passes must judge by the same measure.
        bounds = torch.full_like(query.x[:, 0], torch.inf)
        if values and self.kernels[torch.float32] != DENSE and not self.double_is_cheaper:
            bounds, single = single * LARGEST_LOGIT, torch.ones_like(single)

        def work(dtype: torch.dtype, query: Query, which: Tensor) -> State:
            state = self.scan(images, dtype, limits).weigh(query, values, bounds[which])
            again = single[which] & ~(state.sure if values else small_logits(state.log_partition))
            if not bool(again.any()):
                return state
            better = self.scan(images, torch.float64, limits).weigh(query.pick(again), values)
            order = torch.cat([(~again).nonzero()[:, 0], again.nonzero()[:, 0]]).argsort()
            return State.stacked([state.pick(~again), better]).pick(order)

        states, order = by_precision(query, single, work)
        return State.stacked(states).pick(order)

    def run(
        self,
        images: Tensor,  # [N, n] as at rest
        limits: Limits,
        x: Tensor,  # [B, n]
        evidence: Tensor,  # [B, R] from `weigh`
        work: Callable[[Scan, Query, Tensor], Tensor],  # kernel, some images, which they are
    ) -> Tensor:  # [B, ...] what `work` returns
        """A derivative: each image by the kernel that is precise enough for it."""
        query = self.query(x)
        precise = self.precise(query, evidence) if x.dtype != torch.float64 else None
        parts, order = by_precision(
            query, precise, lambda dtype, *some: work(self.scan(images, dtype, limits), *some)
        )
        return torch.cat(parts)[order]

    def scan(self, images: Tensor, dtype: torch.dtype, limits: Limits) -> Scan:
        """The kernel for a working type."""
        basis = self.kernels[dtype]
        if basis == DENSE:
            return DenseScan(images, self.rows, dtype, limits)
        from locality.posterior.masked.compiled import CompiledScan

        return CompiledScan(images, self.rows, self._code(basis), basis, dtype, self._members)

    def _cheapest(self, dtype: torch.dtype) -> tuple[int, float]:  # and its cost
        costs = {basis: _PER_LOOKUP[dtype] * reads for basis, reads in self._reads.items()}
        costs[DENSE] = _PER_PRODUCT[dtype] * self.rows.mask.shape[1]
        if dtype == torch.float32:
            typical = self._typical
            good = {
                b: cost for b, cost in costs.items() if bool(precise_enough(self._error(typical, b)).all())
            }
            costs = good or costs
        basis = min(costs, key=lambda basis: costs[basis])
        return basis, costs[basis]

    @property
    def _typical(self) -> Query:
        # A noisy image as far from the mean as images are: its rounding decides for all.
        mean, variance, _ = self.moments
        return self.query((mean + (variance + self.sigma**2).sqrt())[None])

    def _error(self, query: Query, basis: int) -> Tensor:
        _, height, width = self.rows.image_shape
        n = query.x.shape[1]
        lookups = self._reads.get(basis, self.rows.mask.shape[1])
        extents = {
            0: self.rows.repeats,
            1: width * self.rows.repeats,
            2: n,
            3: height * width * self.rows.repeats,
        }
        extent = extents.get(basis, self.rows.repeats)
        return relative_error(query, self.moments, extent, lookups, self.rows.own)

    @cached_property
    def _bits(self) -> np.ndarray:
        return self.rows.mask.numpy().view(np.uint8)

    @cached_property
    def _reads(self) -> dict[int, float]:
        """Table rows per mask row, in each basis."""
        if self.rows.real or self.rows.mask.is_cuda:
            return {}
        from locality.posterior.masked.code import BASES, lookups

        _, height, width = self.rows.image_shape
        return {b: lookups(self._bits, b, width, height * width) / len(self._bits) for b in BASES}

    def _code(self, basis: int) -> Code:
        if basis not in self.codes:
            from locality.posterior.masked.code import encode

            _, height, width = self.rows.image_shape
            self.codes[basis] = encode(self._bits, basis, width, height * width)
        return self.codes[basis]

    @cached_property
    def _members(self) -> tuple[np.ndarray, np.ndarray]:
        from locality.posterior.masked.compiled import members

        return members(self.rows)
