"""Which kernel passes over a bank at one noise level, and in which type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Generic, Self, TypeVar

import torch
from torch import Tensor

from locality.live import LIVE
from locality.posterior.kernel import FieldKernel, Kernel, Softmaxes, SomeKernel, cheapest
from locality.posterior.rounding import (
    LARGEST_LOGIT,
    PixelMoments,
    Query,
    precise_enough,
    query,
    small_logits,
)
from locality.posterior.softmax import Weighed
from locality.posterior.view import View

SomeRows = TypeVar("SomeRows", bound=Softmaxes)
AnyKernel = TypeVar("AnyKernel", bound=Kernel)
Result = TypeVar("Result")


class Plan(Generic[SomeRows, SomeKernel]):
    """The cheapest kernels that are usable and precise enough, in float32 and in float64.

    Chosen once for a noise level and kept. Only sizes decide, never values of x, so the choice is the same in
    any batch; an image that float32 cannot hold goes through the float64 kernel, alone.
    """

    def __init__(
        self,
        rows: SomeRows,
        kernels: Iterable[SomeKernel],  # of the rows
        sigma: float,
        moments: PixelMoments,
    ) -> None:
        self.rows, self.sigma, self.moments = rows, sigma, moments
        self._device = rows.row_of_output.device
        self.usable = [one for one in kernels if one.usable(self._device)]
        # A noisy image as far from the mean as images are: its rounding decides for all.
        self._typical = self.query((moments.mean + (moments.variance + sigma**2).sqrt())[None])
        self.single, self.double = self.chosen(self.usable)
        # Then float64 costs less than the longer way that float32 would need.
        self._never_single = self.double.cost(torch.float64) < self.single.cost(torch.float32)

    def at(
        self,
        sigma: Tensor,  # [B]
    ) -> Self:
        """The plan itself. Raises ValueError for another noise level than the one that it was made for."""
        if not bool((sigma == self.sigma).all()):
            raise ValueError(f"sigma: want {self.sigma:g}, as this engine was made for, got {sigma.tolist()}")
        return self

    def chosen(
        self,
        kernels: Sequence[AnyKernel],
    ) -> tuple[AnyKernel, AnyKernel]:
        """Those to take of some kernels of the rows, in float32 and in float64."""

        def precise(kernel: AnyKernel) -> bool:
            return bool(precise_enough(kernel.error(self._typical, self.moments)).all())

        single = cheapest(kernels, self._device, torch.float32, precise)
        return single, cheapest(kernels, self._device, torch.float64)

    def query(self, x: Tensor) -> Query:
        """Noisy images, [B, n], ready for this plan's kernels."""
        return query(x, self.sigma, self.moments, self.rows.places)

    def weigh(
        self,
        view: View,
        x: Tensor,  # [B, n]
        values: bool = True,  # whether the mean is wanted; if not, a second pass will weigh by the evidence
    ) -> Weighed:
        """The softmaxes; where float32 turns out to have met large logits, again in float64."""
        asked = self.query(x)
        single = self._precise(x, asked, strict=not values)
        # Large logits are found again in float64, all of them where float32 would not do in general. But
        # evidence belongs to the logits that it sums up: a second pass, which finds them in one type, would
        # meet weights that do not add up to 1. Both passes must judge by the same measure.
        bounds = torch.full_like(asked.x[:, 0], torch.inf)
        if values and self.single.refines and x.dtype != torch.float64 and not self._never_single:
            bounds, single = single * LARGEST_LOGIT, torch.ones_like(single)

        def work(kernel: SomeKernel, query: Query, which: Tensor) -> Weighed:
            state = view.merged(lambda part: kernel.weigh(part, query, values, bounds[which]))
            again = single[which] & ~(state.sure if values else small_logits(state.log_partition))
            if not bool(again.any()):
                return state
            exact = query.pick(again).to(torch.float64)
            better = view.merged(lambda part: self.double.weigh(part, exact, values))
            order = torch.cat([(~again).nonzero()[:, 0], again.nonzero()[:, 0]]).argsort()
            return Weighed.stacked([state.pick(~again), better]).pick(order)

        states, order = self._by_type(asked, single, work)
        return Weighed.stacked(states).pick(order)

    def run(
        self,
        x: Tensor,  # [B, n]
        evidence: Tensor,  # [B, R] from `weigh`
        work: Callable[[SomeKernel, Query, Tensor], Tensor],  # kernel, some images, which they are
    ) -> Tensor:  # [B, ...] what `work` returns
        """A second pass: each image by the kernel that is precise enough for it."""
        asked = self.query(x)
        parts, order = self._by_type(asked, self._precise(x, asked, evidence), work)
        return torch.cat(parts)[order]

    def fields(
        self,
        view: View,
        x: Tensor,  # [B, n]
        outputs: Tensor,  # [P, C]
    ) -> Tensor:  # [B, P, n] in the type of x
        """Rows of the Jacobian, by the kernels that have them, image by image."""
        single, double = self.chosen([one for one in self.usable if isinstance(one, FieldKernel)])
        exact = x.dtype == torch.float64 or single.cost(torch.float32) == torch.inf
        state, asked = self.weigh(view, x.double() if exact else x), self.query(x)
        mean, evidence = state.mean, state.log_partition
        precise = precise_enough(single.error(asked, self.moments), evidence) & (not exact)
        fields = x.new_empty(len(x), len(outputs), x.shape[1])
        for b, good in enumerate(LIVE.parts(precise.tolist())):
            kernel, dtype = (single, torch.float32) if good else (double, torch.float64)
            one = slice(b, b + 1)
            known = (asked.pick(one).to(dtype), evidence[one], mean[one])
            fields[one] = view.summed(partial(_fields, kernel, known, outputs)) / self.sigma**2
        return fields

    def _precise(
        self, x: Tensor, asked: Query, evidence: Tensor | None = None, strict: bool = False
    ) -> Tensor:  # [B] bool
        """Whether the float32 kernel is good enough, image by image; with evidence, for derivatives too."""
        if x.dtype == torch.float64 or self._never_single:
            return torch.zeros_like(asked.x[:, 0], dtype=torch.bool)
        return precise_enough(self.single.error(asked, self.moments), evidence, strict)

    def _by_type(
        self, asked: Query, single: Tensor, work: Callable[[SomeKernel, Query, Tensor], Result]
    ) -> tuple[list[Result], Tensor]:  # what `work` returned, and the order that puts its images back
        which, results = [], []
        for kernel, dtype, picked in (
            (self.single, torch.float32, single),
            (self.double, torch.float64, ~single),
        ):
            index = picked.nonzero()[:, 0]
            if len(index) > 0:
                which.append(index)
                results.append(work(kernel, asked.pick(index).to(dtype), index))
        return results, torch.cat(which).argsort()


def _fields(
    kernel: FieldKernel, known: tuple[Query, Tensor, Tensor], outputs: Tensor, view: View
) -> Tensor:  # [B, P, n]
    return kernel.fields(view, *known, outputs)
