"""The engine of whole images: one softmax over the bank."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from einops import einsum
from torch import Tensor

from locality.posterior.blocks import WORST, Blocks
from locality.posterior.engine import SoftmaxEngine
from locality.posterior.kernel import FieldKernel, Probe, Seen, cheapest
from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.softmax import Weighed
from locality.posterior.view import View

_PER_LOGIT = 8 * 6  # bytes of what is kept for an image and a candidate
_LARGEST_PART = 2**16  # images, whose blocks are read one after the other anyway
_GOOD = 4e-6  # of a logit, at most; most are off by a tenth of that
_LOST = 1e-6  # of an estimate, in all
_NEGLIGIBLE = 1e-26  # of the largest weight: 60 nats


@dataclass(frozen=True)
class Products(FieldKernel):
    """One softmax for all outputs, by products of noisy images and candidates: any device.

    The expanded form `|x|^2 - 2 x.X + |X|^2` keeps 9 digits after the point of a logit of 10^7 (arbitrary
    images at sigma = 0.01) in float64, and none in float32. So float32 products say which candidates compete,
    and where they may be off by more than `_GOOD`, those are found again in float64. Derivatives have logits
    of float64 throughout; the products of fields alone are in the query's type.
    """

    def usable(self, device: torch.device) -> bool:
        """It runs anywhere."""
        return True

    def cost(self, dtype: torch.dtype) -> float:
        """The cost of a product, over the places of an image."""
        return 0.01 if dtype == torch.float32 else 0.04

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """None: the logits that count are float64."""
        return torch.zeros_like(query.x[:, 0])

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """One product for the logits, one for the mean."""
        owner = torch.zeros(query.x.shape[1], dtype=torch.long, device=query.x.device)
        state = Weighed.empty(len(query.x), 1, owner)
        # Elsewhere products in float32 may be of 16 bits.
        if query.dtype == torch.float32 and torch.get_float32_matmul_precision() == "highest":
            for blocks in parts(view, query.x):
                logits = _competing(blocks, query, state.peak, len(view.images))
                state = state.merge(Weighed.of(logits[:, None], owner, partial(_weighted, blocks, values)))
            return state
        for images, logits in _logits(view, query):
            state = state.merge(Weighed.of(logits[:, None], owner, lambda w, images=images: w[:, 0] @ images))  # type: ignore[misc]
        return state

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """Two more products."""
        total = torch.zeros_like(centre)
        for images, logits in _logits(view, query):
            weights = (logits - evidence).exp() * (probe.g @ images.T - means)
            total += weights @ images - weights.sum(1, keepdim=True) * centre
        return total

    def fields(self, view: View, query: Query, evidence: Tensor, mean: Tensor, outputs: Tensor) -> Tensor:
        """Every output in the same pass; products are in the type of the query."""
        n, dtype = mean.shape[1], query.dtype
        total = mean.new_zeros(len(mean), len(outputs), n, dtype=dtype)
        for images, logits in _logits(view, query, outputs.numel() + 2 * len(outputs) + 3 * n):
            weights = (logits - evidence).exp()
            for b in range(len(mean)):
                centred = images - mean[b]
                probe = weights[b, :, None] * centred[:, outputs].sum(-1)
                total[b] += einsum(probe.to(dtype), centred.to(dtype), "i p, i n -> p n")
        return total


KERNELS: tuple[FieldKernel, ...] = (Products(),)  # of float64 logits, as above


@dataclass(frozen=True)
class UniformEngine(SoftmaxEngine):
    """`w_i = softmax_i(-|x - X_i|^2 / (2 sigma^2))`, of images at any noise levels together."""

    view: View

    def state(self, x: Tensor, sigma: Tensor) -> Weighed:
        """One pass over the bank."""
        query = _query(x, sigma)
        return self.view.merged(lambda part: self._kernel.weigh(part, query))

    def shift(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`|x|^2 / (2 sigma^2)`."""
        return _query(x, sigma).shift

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`Cov_w(X, X . g) / sigma^2`, in a second pass over the bank."""
        g = cotangent.double()
        known = (_query(x, sigma), evidence, Probe(Seen.OUTPUTS, g), (mean * g).sum(1, keepdim=True), mean)
        sums = self.view.summed(lambda part: self._kernel.transpose(part, *known))
        return sums / sigma.double()[:, None] ** 2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`Cov_w(X_q, X) / sigma^2`, every output in the same pass."""
        (mean, evidence), query = self.solve(x, sigma), _query(x, sigma).to(x.dtype)
        fields = self.view.summed(lambda part: self._kernel.fields(part, query, evidence, mean, outputs))
        return fields / sigma[:, None, None] ** 2

    @property
    def _kernel(self) -> FieldKernel:
        # Their logits are float64 whatever the type: all are precise enough, and no moments are measured.
        return cheapest(KERNELS, self.view.images.device, torch.float64)


def _query(x: Tensor, sigma: Tensor) -> Query:
    """Noisy images, shifted by what `_logits` leaves out."""
    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    asked = Query(x.double(), x.new_empty(0), 1 / (2 * sigma.double() ** 2), dtype)
    return asked._replace(shift=_constant(asked))


def _constant(query: Query) -> Tensor:  # [B, 1]
    return query.x.square().sum(1, keepdim=True) * query.scale[:, None]


def _logits(view: View, query: Query, more: int = 0) -> Iterator[tuple[Tensor, Tensor]]:  # [c, n], [B, c]
    # Three copies of an image (reading uint8 takes temporaries) and five numbers per image and query.
    (batch, n), offset = query.x.shape, query.shift - _constant(query)
    for images in view.chunks(3 * n + 5 * batch + more, 6 * query.x.numel()):
        half = images.square().sum(1) / 2 - query.x @ images.T
        yield images, offset - half * (2 * query.scale)[:, None]


def _competing(
    blocks: Blocks,
    query: Query,
    peak: Tensor,  # [B, 1] the largest logit that is known
    count: int,  # images that compete in all
) -> Tensor:  # [B, c]
    """Logits by float32 products, and those that compete by float64 ones where that makes a difference."""
    q = blocks.coordinates(query.x)
    scale = (2 * query.scale / blocks.levels**2)[:, None]
    half, error = blocks.half_distances(q)
    # |x - X|^2 is |q - v|^2 in other units; |q|^2 is never formed, beside which all else would be lost.
    origin = blocks.coordinates(torch.zeros_like(query.x[:1]))
    moved = origin @ (origin + 2 * blocks.levels * query.x).T
    offset = query.shift - _constant(query) - scale / 2 * moved.T
    logits = offset - scale * half
    error = scale * error[:, None]
    # All others together weigh too little for their errors to count.
    below = (count * error / _LOST).log().clamp(min=0) + 2 * WORST * error
    rivals = logits >= torch.maximum(peak, logits.amax(1, keepdim=True)) - below
    which = (rivals & (error > _GOOD * blocks.slices**0.5)).any(0).nonzero()[:, 0]
    if len(which) > 0:
        logits[:, which] = offset - scale * blocks.exact_half_distances(q, which)
    return logits


def _weighted(blocks: Blocks, values: bool, weights: Tensor) -> Tensor:  # [B, 1, c]: [B, n]
    weights = weights[:, 0]
    return blocks.weighted(weights.where(weights > _NEGLIGIBLE, 0) if values else torch.zeros_like(weights))


def parts(view: View, x: Tensor) -> list[Blocks]:
    """A bank few enough images at a time for the budget; a part of a bank may have none."""
    if len(view.images) == 0:
        return []
    size = view.limits.size(_PER_LOGIT * len(x), 8 * 4 * x.numel(), _LARGEST_PART)
    return view.blocks.split(size)
