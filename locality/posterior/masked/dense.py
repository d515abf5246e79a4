"""The kernel of matrix products, in torch: any device, any weights; memory bounded by chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from einops import einsum, rearrange
from torch import Tensor

from locality.posterior.kernel import Probe, Seen
from locality.posterior.masked.fields import Work, masked_fields, window_fields
from locality.posterior.masked.kernel import MaskedFieldKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import PixelMoments, Query, relative_error, small_logits
from locality.posterior.softmax import Weighed
from locality.posterior.view import View

_TOGETHER = 512  # images of a chunk at most: their logits stay in the cache
_PER_PLACE = {torch.float32: 0.02, torch.float64: 0.04}  # nanoseconds, measured


class MaskProducts(Protocol):
    """The products of numbers with a mask, and with its transpose."""

    def of_places(
        self,
        values: Tensor,  # [B, c, P]
    ) -> Tensor:  # [B, R, c]
        """What each row adds up."""

    def of_rows(
        self,
        weights: Tensor,  # [B, R, c]
    ) -> Tensor:  # [B, P, c]
        """What each place gets of the rows that look at it."""


@dataclass(frozen=True)
class TorchProducts:
    """The products of torch."""

    mask: Tensor  # [R, P] in the working type

    def of_places(self, values: Tensor) -> Tensor:
        """One product."""
        return einsum(self.mask, values, "r p, b c p -> b r c")

    def of_rows(self, weights: Tensor) -> Tensor:
        """One product."""
        return einsum(weights, self.mask, "b r c, r p -> b p c")


@dataclass(frozen=True)
class Dense(MaskedFieldKernel):
    """Squared differences times the mask: [B c, P] x [P, R] for each chunk of c images."""

    rows: Rows
    others: MaskProducts | None = None  # in place of torch's

    def usable(self, device: torch.device) -> bool:
        """It runs anywhere."""
        return True

    def cost(self, dtype: torch.dtype) -> float:
        """A product adds up all places, looked at or not."""
        return _PER_PLACE[dtype] * self.rows.places

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """The error of sums of as many places; infinite where products may be rounded to fewer digits."""
        if torch.get_float32_matmul_precision() != "highest":
            return torch.full_like(query.x[:, 0], torch.inf)
        return relative_error(query, moments, self.rows.repeats, self.rows.places, self.rows.own)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """Image by image, so that what is not a product stays in the cache."""
        each = (query.pick(slice(b, b + 1)) for b in range(len(query.x)))
        return Weighed.stacked([self._weigh(view, one, values) for one in each])

    def _weigh(self, view: View, query: Query, values: bool) -> Weighed:
        owner = self.rows.row_of_output
        state = Weighed.empty(1, len(self.rows.mask), owner)
        for images, logits in self._chunks(view, query):
            state = state.merge(
                Weighed.of(logits, owner, lambda w, images=images: self._outputs(w, images, values))  # type: ignore[misc]
            )
        sure = small_logits(state.log_partition) | (query.dtype == torch.float64)
        return replace(state, sure=sure)

    def probe_means(self, view: View, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        """`sum_i w_i(u) probe_u(X_i)`."""
        total = torch.zeros_like(evidence)
        for images, logits in self._chunks(view, query):
            weights = _weights(logits, evidence)
            total += (weights * self._seen(images, logits, probe)).sum(-1)
        return total

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """Two more products for each chunk."""
        total = torch.zeros_like(centre, dtype=torch.float64)
        products = self._products(query.dtype)
        for images, logits in self._chunks(view, query):
            weights = _weights(logits, evidence)
            weights *= self._seen(images, logits, probe) - means[..., None].to(query.dtype)
            spread = products.of_rows(weights)
            for b in range(len(centre)):
                centred = images - centre[b].to(query.dtype)
                planes = rearrange(centred, "c (k p) -> c k p", p=self.rows.places)
                total[b] += einsum(spread[b], planes, "p c, c k p -> k p").flatten()
        return total

    def fields(self, view: View, query: Query, evidence: Tensor, mean: Tensor, outputs: Tensor) -> Tensor:
        """Image by image, one more product for each chunk."""
        return self._each(masked_fields, view, query, evidence, mean, outputs)

    def window_fields(
        self, view: View, query: Query, evidence: Tensor, centre: Tensor, outputs: Tensor
    ) -> Tensor:
        """Window by window: the covariance of its own pixels, in float64."""
        return self._each(window_fields, view, query, evidence, centre, outputs)

    def _each(
        self, work: Work, view: View, query: Query, evidence: Tensor, centre: Tensor, outputs: Tensor
    ) -> Tensor:
        ones = (query.pick(slice(b, b + 1)) for b in range(len(centre)))
        each = zip(ones, evidence, centre, strict=True)
        return torch.stack([work(self.rows, view, *one, outputs) for one in each])

    def _chunks(self, view: View, query: Query) -> Iterator[tuple[Tensor, Tensor]]:  # [c, n], [B, R, c]
        batch, n = query.x.shape
        rows, places = self.rows.mask.shape
        products, scale = self._products(query.dtype), query.scale.to(query.dtype)[:, None, None]
        x, shift = query.x.to(query.dtype), query.shift.to(query.dtype)
        each, fixed = batch * (3 * n + 2 * places + 5 * rows) + 3 * n, rows * places + 4 * x.numel()
        for images in view.chunks(each, fixed, query.dtype, _TOGETHER):
            squares = (x[:, None] - images).square_() * scale
            squares = rearrange(squares, "b c (k p) -> b c k p", p=places).sum(2) - shift[:, None]
            yield images, products.of_places(squares).neg_()

    def _products(self, dtype: torch.dtype) -> MaskProducts:
        return self.others or TorchProducts(self.rows.mask.to(dtype))

    def _outputs(self, weights: Tensor, images: Tensor, values: bool) -> Tensor:
        owner = self.rows.row_of_output
        if not values:
            return weights.new_zeros(1, len(owner), dtype=torch.float64)
        if len(self.rows.mask) == 1:
            return (weights[0] @ images).double()
        one_each = len(self.rows.mask) == len(owner) and bool((owner[1:] > owner[:-1]).all())
        weights = weights[0] if one_each else weights[0, owner]
        return einsum(weights, images.T.contiguous(), "q c, q c -> q").double()[None]

    def _seen(self, images: Tensor, logits: Tensor, probe: Probe) -> Tensor:  # [B, R, c]
        if probe.seen == Seen.ONE:
            return images.new_ones(())
        if probe.seen == Seen.LOGIT:
            shares = logits.new_zeros(logits.shape[:2])
            return logits * shares.index_add_(1, self.rows.row_of_output, probe.g.to(logits))[..., None]
        products = probe.g.to(images.dtype)[:, None] * images
        if probe.seen == Seen.OUTPUTS:
            total = products.new_zeros(*products.shape[:2], len(self.rows.mask))
            return rearrange(total.index_add_(2, self.rows.row_of_output, products), "b c r -> b r c")
        places = rearrange(products, "b c (k p) -> b c k p", p=self.rows.places).sum(2)
        return self._products(images.dtype).of_places(places)


def _weights(logits: Tensor, evidence: Tensor) -> Tensor:
    return (logits - evidence[..., None].to(logits.dtype)).exp_()
