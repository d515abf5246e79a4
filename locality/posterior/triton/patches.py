"""The kernel of softmaxes over patches on a GPU: tiles of windows, for every shift of the bank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from einops import rearrange
from torch import Tensor

from locality.posterior.kernel import Kernel, Probe
from locality.posterior.patches.dense import DensePatches
from locality.posterior.patches.kernel import Patches
from locality.posterior.rounding import PixelMoments, Query, relative_error
from locality.posterior.softmax import Weighed
from locality.posterior.triton import launching, running
from locality.posterior.triton.masked import CUTS, EACH, PER_PLACE, TOGETHER
from locality.posterior.triton.tiles import LARGEST, Tiles
from locality.posterior.view import View


@dataclass(frozen=True)
class TiledPatches(Kernel):
    """A masked softmax over shifted images, whose masks are windows.

    Float32 only: float64 goes to the dense form, as gradients do.
    """

    patches: Patches

    def usable(self, device: torch.device) -> bool:
        """It runs on NVIDIA's GPUs, for patches that hold no pixel twice."""
        return self.patches.side <= min(self.patches.image_shape[1:]) and running.usable(device)

    def cost(self, dtype: torch.dtype) -> float:
        """The cost of the places in the tiles, for as many candidates as pixels."""
        if dtype != torch.float32:
            return self._dense.cost(dtype)
        return self.patches.places * (EACH + PER_PLACE * self._tiles.places_read)

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """The error of float32 sums of a window, which are cut; infinite where float16 holds no term."""
        channels, lookups = self.patches.image_shape[0], (1 + CUTS) * self.patches.side**2
        error = relative_error(query, moments, channels, lookups)
        return torch.where(query.shift.sum(1) < LARGEST / 2, error, torch.inf)

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """One launch, or as many as a wanted chunk size asks for."""
        if query.dtype != torch.float32:
            return self._dense.weigh(view, query, values, bounds)
        each = (query.pick(slice(b, b + TOGETHER)) for b in range(0, len(query.x), TOGETHER))
        return Weighed.stacked([self._weigh(view, some) for some in each])

    def _weigh(self, view: View, query: Query) -> Weighed:
        state = Weighed.empty(len(query.x), self.patches.places, self.patches.row_of_output)
        for part in view.split(view.limits.chunk_size or max(1, len(view.images))):
            if len(part.images) > 0:
                state = state.merge(launching.patch_softmaxes(part.images, query, self._tiles, self.patches))
        return launching.held(state, query)

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """The dense form's, in float64."""
        return self._dense.transpose(view, query, evidence, probe, means, centre)

    @property
    def _dense(self) -> DensePatches:
        return DensePatches(self.patches)

    @cached_property
    def _tiles(self) -> Tiles:
        return Tiles.of(_windows(self.patches), inverting=False)


def _windows(patches: Patches) -> Tensor:  # [H W, H W] bool
    near = []
    for size in patches.image_shape[1:]:
        place = torch.arange(size, device=patches.device)
        apart = (place[:, None] - place).abs()
        apart = torch.minimum(apart, size - apart) if patches.wraps else apart
        near.append(apart <= patches.radius)
    down, right = near
    both = rearrange(down, "q p -> q 1 p 1") & rearrange(right, "q p -> 1 q 1 p")
    return rearrange(both, "h w y x -> (h w) (y x)")
