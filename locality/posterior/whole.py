"""The engines of whole images: one softmax over the bank, or the image with its largest weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from einops import einsum
from torch import Tensor

from locality.bank import to_float
from locality.posterior.blocks import WORST, Blocks
from locality.posterior.engine import Engine, Posterior
from locality.posterior.kernel import FieldKernel, Probe, Seen, cheapest
from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.softmax import State
from locality.posterior.view import View

_PER_LOGIT = 8 * 6  # bytes of what is kept for an image and a candidate
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
        """Anywhere."""
        return True

    def cost(self, dtype: torch.dtype) -> float:
        """That of a product, over the places of an image."""
        return 0.01 if dtype == torch.float32 else 0.04

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """None: the logits that count are float64."""
        return torch.zeros_like(query.x[:, 0])

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> State:
        """One product for the logits, one for the mean."""
        owner = torch.zeros(query.x.shape[1], dtype=torch.long, device=query.x.device)
        state = State.empty(len(query.x), 1, owner)
        # Elsewhere products in float32 may be of 16 bits.
        if query.dtype == torch.float32 and torch.get_float32_matmul_precision() == "highest":
            for blocks in _parts(view, query.x):
                logits = _competing(blocks, query, state.peak, len(view.images))
                state = state.merge(State.of(logits[:, None], owner, partial(_weighted, blocks, values)))
            return state
        for images, logits in _logits(view, query):
            state = state.merge(State.of(logits[:, None], owner, lambda w, images=images: w[:, 0] @ images))  # type: ignore[misc]
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


KERNELS: tuple[FieldKernel, ...] = (Products(),)


@dataclass(frozen=True)
class UniformEngine(Engine):
    """`w_i = softmax_i(-|x - X_i|^2 / (2 sigma^2))`, of images at any noise levels together."""

    view: View

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """One pass over the bank; the evidence is the log-partition of shifted logits."""
        state = self._state(_query(x, sigma))
        return state.mean, state.log_partition

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank."""
        query = _query(x, sigma)
        state = self._state(query)
        rows = (state.log_partition - query.shift, state.effective_size, state.entropy)
        return Posterior(state.mean, *(row.expand(-1, x.shape[1]) for row in rows))

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

    def _state(self, query: Query) -> State:
        return self.view.merged(lambda part: self._kernel.weigh(part, query))

    @property
    def _kernel(self) -> FieldKernel:
        device = self.view.images.device
        return cheapest((one for one in KERNELS if one.usable(device)), torch.float64)


@dataclass(frozen=True)
class NearestEngine(Engine):
    """`argmin_i |x - X_i|`, the first of equals, found in float64."""

    view: View

    def solve(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest image; there is nothing to know again."""
        at_rest = self._nearest(x)[1].to(self.view.images.dtype)
        return to_float(at_rest, x.dtype), x.new_zeros(len(x), 0)

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """The nearest image; its log-partition is its own logit."""
        mean, _ = self.solve(x, sigma)
        logit = -(x - mean).double().square().sum(1, keepdim=True) / (2 * sigma.double()[:, None] ** 2)
        logit = logit.expand(-1, x.shape[1])
        return Posterior(mean, logit, torch.ones_like(logit), torch.zeros_like(logit))

    def indices(
        self,
        x: Tensor,  # [B, n]
    ) -> Tensor:  # [B] positions in the bank
        """Where the nearest images are: float32 says which may be, float64 which is."""
        return self._nearest(x)[0]

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:  # [B] place, [B, n] image as at rest
        here, n = self.view.here, x.shape[1]
        found = torch.full((len(x), 2 + n), torch.inf, dtype=torch.float64, device=x.device)
        if len(self.view.images) > 0:
            place = self._nearest_here(x)
            image = self.view.images[place]
            distance = (x - to_float(image, torch.float64)).square().sum(1)
            found = torch.cat([distance[:, None], (here.here.start + place)[:, None], image.double()], 1)
        every = torch.stack(here.gather(found))
        first = every[:, :, 0].min(0).indices  # of equals the first rank's, whose images come first
        _, place, image = every[first, torch.arange(len(x), device=x.device)].split([1, 1, n], 1)
        return place[:, 0].long(), image

    def _nearest_here(self, x: Tensor) -> Tensor:  # [B]
        best = torch.full_like(x[:, 0], torch.inf, dtype=torch.float64)
        index, start = torch.zeros(len(x), dtype=torch.long, device=x.device), 0
        centre = Blocks.of(self.view.images).centre  # one for all parts: their distances are compared
        for part in self.view.parts():
            for blocks in _parts(part, x, centre):
                distance, where = _nearest(blocks, x, best)
                index = torch.where(distance < best, start + where, index)
                best = torch.minimum(best, distance)
                start += len(blocks.images)
        return index

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Zeros: the estimate is constant inside each cell."""
        return torch.zeros_like(x)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Zeros."""
        return x.new_zeros(len(x), len(outputs), x.shape[1])


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


def _nearest(
    blocks: Blocks,
    x: Tensor,  # [B, n]
    best: Tensor,  # [B] the least that is known
) -> tuple[Tensor, Tensor]:  # [B], [B]
    """The least half distance, and where; infinity where none comes near the best."""
    q = blocks.coordinates(x)
    half, error = blocks.half_distances(q)
    bound = torch.minimum(best, half.amin(1) + WORST * error) + WORST * error
    which, where = (half <= bound[:, None]).nonzero().unbind(1)
    found = torch.full_like(half, torch.inf)
    if len(which) > 0:
        found[which, where] = blocks.exact_pairs(q, which, where)
    distance, index = found.min(1)
    return distance, index


def _parts(view: View, x: Tensor, centre: Tensor | None = None) -> list[Blocks]:
    """A bank few enough images at a time for the budget; a part of a bank may have none."""
    if len(view.images) == 0:
        return []
    blocks = Blocks.of(view.images) if centre is None else Blocks(view.images, centre)
    return blocks.split(view.limits.size(_PER_LOGIT * len(x), 8 * 4 * x.numel()))
