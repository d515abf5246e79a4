"""A kernel as one would add it: a file, and an entry in `KERNELS`. As a pytest plugin it enters itself.

Image by image, in plain torch, with nothing clever in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

from locality.bank import to_float
from locality.posterior.kernel import Probe, Seen
from locality.posterior.masked import kernels
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import PixelMoments, Query, relative_error
from locality.posterior.softmax import Weighed
from locality.posterior.view import View


class Plain(MaskedKernel):
    """One image after another."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def usable(self, device: torch.device) -> bool:
        return True

    def cost(self, dtype: torch.dtype) -> float:
        return 1e-3 if dtype == torch.float32 else 2e-3  # a boast: plans will take it

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        return relative_error(query, moments, self.rows.repeats, self.rows.places, self.rows.own)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        owner = self.rows.row_of_output
        states = (
            Weighed.of(logits[..., None], owner, lambda w, x=image: w[:, owner, 0] * x * values)  # type: ignore[misc]
            for image, logits in self._each(view, query)
        )
        return reduce(Weighed.merge, states, Weighed.empty(len(query.x), len(self.rows.mask), owner))

    def probe_means(self, view: View, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        each = self._each(view, query)
        return sum(
            ((logits - evidence).exp() * self._seen(image, logits, probe)).double() for image, logits in each
        )

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        total = torch.zeros_like(centre, dtype=torch.float64)
        for image, logits in self._each(view, query):
            weights = (logits - evidence).exp() * (self._seen(image, logits, probe) - means)
            total += (weights @ self.rows.mask.to(weights)).repeat(1, self.rows.repeats) * (image - centre)
        return total

    def _each(self, view: View, query: Query) -> Iterator[tuple[Tensor, Tensor]]:  # [n], [B, R]
        for image in view.images:
            values = to_float(image, query.dtype)
            squares = (query.x.to(query.dtype) - values).square() * query.scale.to(query.dtype)[:, None]
            squares = squares.unflatten(1, (-1, self.rows.places)).sum(1) - query.shift.to(query.dtype)
            yield values, -squares @ self.rows.mask.to(query.dtype).T

    def _seen(self, image: Tensor, logits: Tensor, probe: Probe) -> Tensor:  # [B, R]
        if probe.seen == Seen.LOGIT:
            return logits * torch.zeros_like(logits).index_add(1, self.rows.row_of_output, probe.g.to(logits))
        products = probe.g.to(image.dtype) * image
        if probe.seen == Seen.WINDOW:
            return products.unflatten(1, (-1, self.rows.places)).sum(1) @ self.rows.mask.to(products).T
        total = products.new_zeros(len(products), len(self.rows.mask))
        return total + 1 if probe.seen == Seen.ONE else total.index_add(1, self.rows.row_of_output, products)


def pytest_configure() -> None:
    kernels.KERNELS = (*kernels.KERNELS, Plain)
