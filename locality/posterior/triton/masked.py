"""The kernel of masked softmaxes on a GPU: products of tiles, whose logits are never written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from locality.posterior.kernel import Probe
from locality.posterior.masked.dense import Dense
from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.rounding import PixelMoments, Query, relative_error
from locality.posterior.softmax import Weighed
from locality.posterior.triton import launching, running
from locality.posterior.triton.launching import Served, TiledProducts
from locality.posterior.triton.tiles import LARGEST, Tiles
from locality.posterior.view import View

# Nanoseconds beside those of `Dense`, 0.02 a place: what makers say of 16-bit products, two of which are one
# float32 product here, at half of their speed. Nobody has measured it.
PER_PLACE, EACH = 0.006, 0.2
# Matrix units cut what they add (Fasi et al. 2021). A tile adds twice, up to 2^-23 of a sum of 32 terms each
# time: as much as 8 roundings of every term.
CUTS = 8.0
TOGETHER = 2**15  # noisy images of a launch, whose grid has an end


@dataclass(frozen=True)
class Tiled(MaskedKernel):
    """Squared differences times tiles of the mask, on a GPU's matrix units, with a running softmax.

    It takes float32 alone. Float64 goes to the dense form. Gradients do, too. Their products with the mask
    are made of tiles here. Rows of the Jacobian have a kernel of their own.
    """

    rows: Rows

    def usable(self, device: torch.device) -> bool:
        """It runs on NVIDIA's GPUs, for masks without weights."""
        return not self.rows.real and running.usable(device)

    def cost(self, dtype: torch.dtype) -> float:
        """The cost of the places in the tiles."""
        if dtype != torch.float32:
            return self._dense.cost(dtype)
        copies = len(self._served.row) / len(self.rows.mask)
        return copies * (EACH + PER_PLACE * self._tiles.places_read)

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """The error of float32 sums, which are cut, as long as the tiles' rows.

        Where tiles invert a row, the sums are over all places. Infinite where the terms of likely candidates
        may be too large for float16.
        """
        reads = self._tiles.members_read
        lookups = (1 + CUTS) * reads + self.rows.places * self._tiles.inverted
        error = relative_error(query, moments, self.rows.repeats, lookups.mean().item(), self.rows.own)
        return torch.where(query.shift.sum(1) < LARGEST / 2, error, torch.inf)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """One launch, or as many as memory or a wanted chunk size ask for."""
        if query.dtype != torch.float32:
            return self._dense.weigh(view, query, values, bounds)
        each = (query.pick(slice(b, b + TOGETHER)) for b in range(0, len(query.x), TOGETHER))
        return Weighed.stacked([self._weigh(view, some, values) for some in each])

    def _weigh(self, view: View, query: Query, values: bool) -> Weighed:
        owner, given = self.rows.row_of_output, (query, self._tiles, self._served)
        state = Weighed.empty(len(query.x), len(self.rows.mask), owner)
        # A number is kept for every image of the bank and of the batch.
        room = max(1, view.limits.memory_budget // (4 * 4 * len(query.x)))
        for part in view.split(view.limits.chunk_size or room):
            if len(part.images) > 0:
                state = state.merge(launching.softmaxes(part.images, *given, owner))
        state = launching.held(state, query)
        return state if values else replace(state, sums=torch.zeros_like(state.sums))

    def probe_means(self, view: View, query: Query, evidence: Tensor, probe: Probe) -> Tensor:
        """The products of the dense form, made of tiles."""
        return self._closed(query).probe_means(view, query, evidence, probe)

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """The products of the dense form, made of tiles."""
        return self._closed(query).transpose(view, query, evidence, probe, means, centre)

    def _closed(self, query: Query) -> Dense:
        tiled = query.dtype == torch.float32
        return Dense(self.rows, TiledProducts(self.rows.mask)) if tiled else self._dense

    @property
    def _dense(self) -> Dense:
        return Dense(self.rows)

    @cached_property
    def _served(self) -> Served:
        return Served.of(self.rows.row_of_output, len(self.rows.mask))

    @cached_property
    def _tiles(self) -> Tiles:
        return Tiles.of(self.rows.mask[self._served.row])
