"""The scan as matrix products, in torch: any device, any weights; memory bounded by chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from einops import einsum, rearrange
from torch import Tensor

from locality.posterior.masked.kernel import Probe, Scan, Seen
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import Query, small_logits
from locality.posterior.softmax import State
from locality.posterior.view import Limits, chunks

_TOGETHER = 512  # images of a chunk at most: their logits stay in the cache


@dataclass(frozen=True)
class DenseScan(Scan):
    """Squared differences times the mask: [B c, P] x [P, R] for each chunk of c images."""

    images: Tensor  # [N, n] as at rest
    rows: Rows
    dtype: torch.dtype
    limits: Limits

    def weigh(self, query: Query, values: bool = True, bounds: Tensor | None = None) -> State:
        """Image by image, so that what is not a product stays in the cache; chunks are merged in float64."""
        return State.stacked([self._weigh(query.pick(slice(b, b + 1)), values) for b in range(len(query.x))])

    def _weigh(self, query: Query, values: bool) -> State:
        owner = self.rows.row_of_output
        state = State.empty(1, len(self.rows.mask), owner)
        for images, logits in self._chunks(query):
            state = state.merge(
                State.of(logits, owner, lambda w, images=images: self._outputs(w, images, values))  # type: ignore[misc]
            )
        sure = small_logits(state.log_partition) | (self.dtype == torch.float64)
        return replace(state, sure=sure)

    def probe_means(self, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        """`sum_i w_i(u) probe_u(X_i)`."""
        total = torch.zeros_like(evidence)
        for images, logits in self._chunks(query):
            weights = self._weights(logits, evidence)
            total += (weights * self._seen(images, probe)).sum(-1)
        return total

    def transpose(
        self, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """Two more products for each chunk."""
        total = torch.zeros_like(centre, dtype=torch.float64)
        mask = self.rows.mask.to(self.dtype)
        for images, logits in self._chunks(query):
            weights = self._weights(logits, evidence)
            weights *= self._seen(images, probe) - means[..., None].to(self.dtype)
            spread = einsum(weights, mask, "b r c, r p -> b p c")
            for b in range(len(centre)):
                centred = images - centre[b].to(self.dtype)
                planes = rearrange(centred, "c (k p) -> c k p", p=mask.shape[1])
                total[b] += einsum(spread[b], planes, "p c, c k p -> k p").flatten()
        return total

    def _chunks(self, query: Query) -> Iterator[tuple[Tensor, Tensor]]:  # [c, n], [B, R, c]
        batch, n = query.x.shape
        rows, places = self.rows.mask.shape
        mask = self.rows.mask.to(self.dtype)
        x, shift = query.x.to(self.dtype), query.shift.to(self.dtype)
        each, fixed = batch * (3 * n + 2 * places + 5 * rows) + 3 * n, mask.numel() + 4 * x.numel()
        for images in chunks(self.images, self.limits, each, fixed, self.dtype, _TOGETHER):
            squares = (x[:, None] - images).square_() * query.scale
            squares = rearrange(squares, "b c (k p) -> b c k p", p=places).sum(2) - shift[:, None]
            yield images, einsum(mask, squares, "r p, b c p -> b r c").neg_()

    def _outputs(self, weights: Tensor, images: Tensor, values: bool) -> Tensor:
        owner = self.rows.row_of_output
        if not values:
            return weights.new_zeros(1, len(owner), dtype=torch.float64)
        if len(self.rows.mask) == 1:
            return (weights[0] @ images).double()
        one_each = len(self.rows.mask) == len(owner) and bool((owner[1:] > owner[:-1]).all())
        weights = weights[0] if one_each else weights[0, owner]
        return einsum(weights, images.T.contiguous(), "q c, q c -> q").double()[None]

    def _weights(self, logits: Tensor, evidence: Tensor) -> Tensor:
        return (logits - evidence[..., None].to(self.dtype)).exp_()

    def _seen(self, images: Tensor, probe: Probe) -> Tensor:  # [B, R, c]
        if probe.seen == Seen.ONE:
            return images.new_ones(())
        products = probe.g.to(self.dtype)[:, None] * images
        if probe.seen == Seen.OUTPUTS:
            total = products.new_zeros(*products.shape[:2], len(self.rows.mask))
            return rearrange(total.index_add_(2, self.rows.row_of_output, products), "b c r -> b r c")
        mask = self.rows.mask.to(self.dtype)
        places = rearrange(products, "b c (k p) -> b c k p", p=mask.shape[1]).sum(2)
        return einsum(mask, places, "r p, b c p -> b r c")
