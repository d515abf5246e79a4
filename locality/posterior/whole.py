"""The engines of whole images: one softmax over the bank, or the image with its largest weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import einsum
from torch import Tensor

from locality.bank import to_float
from locality.posterior.engine import Engine, Posterior
from locality.posterior.kernel import FieldKernel, Probe, Seen, cheapest
from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.softmax import State
from locality.posterior.view import View


@dataclass(frozen=True)
class Products(FieldKernel):
    """One softmax for all outputs, by a float64 product of noisy images and candidates: any device.

    The expanded form `|x|^2 - 2 x.X + |X|^2` then keeps 9 digits after the point of a logit of 10^7
    (arbitrary images at sigma = 0.01), where float32 would keep none. The products of fields alone are in
    the query's type.
    """

    def usable(self, device: torch.device) -> bool:
        """Anywhere."""
        return True

    def cost(self, dtype: torch.dtype) -> float:
        """That of a product, over the places of an image."""
        return 0.04

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """None: logits are float64."""
        return torch.zeros_like(query.x[:, 0])

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> State:
        """One product for the logits, one for the mean."""
        owner = torch.zeros(query.x.shape[1], dtype=torch.long, device=query.x.device)
        state = State.empty(len(query.x), 1, owner)
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
        state = self._kernel.weigh(self.view, _query(x, sigma))
        return state.mean, state.log_partition

    def posterior(self, x: Tensor, sigma: Tensor) -> Posterior:
        """One pass over the bank."""
        query = _query(x, sigma)
        state = self._kernel.weigh(self.view, query)
        rows = (state.log_partition - query.shift, state.effective_size, state.entropy)
        return Posterior(state.mean, *(row.expand(-1, x.shape[1]) for row in rows))

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """`Cov_w(X, X . g) / sigma^2`, in a second pass over the bank."""
        g = cotangent.double()
        known = (evidence, Probe(Seen.OUTPUTS, g), (mean * g).sum(1, keepdim=True), mean)
        return self._kernel.transpose(self.view, _query(x, sigma), *known) / sigma.double()[:, None] ** 2

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """`Cov_w(X_q, X) / sigma^2`, every output in the same pass."""
        (mean, evidence), query = self.solve(x, sigma), _query(x, sigma).to(x.dtype)
        fields = self._kernel.fields(self.view, query, evidence, mean, outputs)
        return fields / sigma[:, None, None] ** 2

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
        return to_float(self.view.images[self.indices(x)], x.dtype), x.new_zeros(len(x), 0)

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
        """Where the nearest images are."""
        best = torch.full_like(x[:, 0], torch.inf, dtype=torch.float64)
        index = torch.zeros(len(x), dtype=torch.long, device=x.device)
        start = 0
        for images in self.view.chunks(3 * x.shape[1] + 3 * len(x), x.numel()):
            distance, where = half_distances(x, images).min(1)
            index = torch.where(distance < best, start + where, index)
            best = torch.minimum(best, distance)
            start += len(images)
        return index

    def pullback(self, x: Tensor, sigma: Tensor, mean: Tensor, evidence: Tensor, cotangent: Tensor) -> Tensor:
        """Zeros: the estimate is constant inside each cell."""
        return torch.zeros_like(x)

    def fields(self, x: Tensor, sigma: Tensor, outputs: Tensor) -> Tensor:
        """Zeros."""
        return x.new_zeros(len(x), len(outputs), x.shape[1])


def half_distances(
    x: Tensor,  # [B, n]
    images: Tensor,  # [c, n] float64
) -> Tensor:  # [B, c] |x - X|^2 / 2, up to the constant |x|^2 / 2
    """What tells the images apart."""
    return images.square().sum(1) / 2 - x.double() @ images.T


def _query(x: Tensor, sigma: Tensor) -> Query:
    """Noisy images, shifted by what `half_distances` leaves out of their logits."""
    asked = Query(x.double(), x.new_empty(0), 1 / (2 * sigma.double() ** 2))
    return asked._replace(shift=_constant(asked))


def _constant(query: Query) -> Tensor:  # [B, 1]
    return query.x.square().sum(1, keepdim=True) * query.scale[:, None]


def _logits(view: View, query: Query, more: int = 0) -> Iterator[tuple[Tensor, Tensor]]:  # [c, n], [B, c]
    # Three copies of an image (reading uint8 takes temporaries) and five numbers per image and query.
    (batch, n), offset = query.x.shape, query.shift - _constant(query)
    for images in view.chunks(3 * n + 5 * batch + more, 6 * query.x.numel()):
        yield images, offset - half_distances(query.x, images) * (2 * query.scale)[:, None]
