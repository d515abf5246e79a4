"""Maps of single images, gathered over ranks, each image counted once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from einops import rearrange
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat


@final
class ImageMaps(Metric):
    """One tensor for each image; the metric is the mean over images.

    An image that comes twice under one index counts once, a sample of weight 0 not at all: the same on any
    number of ranks. Everything is kept, in float64: for small maps.
    """

    full_state_update = False
    is_differentiable = False
    records: list[Tensor]

    def __init__(
        self,
        shape: Sequence[int],  # of a map
        sync_on_compute: bool = True,  # false where every rank holds all images
    ) -> None:
        super().__init__(sync_on_compute=sync_on_compute)
        self.shape = torch.Size(shape)
        # Flat rows (index, map): torchmetrics gathers a rank without images as an empty tensor with one axis.
        self.set_dtype(torch.float64)
        self.add_state("records", default=[], dist_reduce_fx="cat")

    def update(
        self,
        maps: Tensor,  # [B, *shape]
        index: Tensor,  # [B] places in the data set
        weight: Tensor | None = None,  # [B] 1, or 0 for padding
    ) -> None:
        """Add a batch. Raises ValueError for maps of another shape."""
        if maps.shape != (len(index), *self.shape):
            raise ValueError(f"maps: want {(len(index), *self.shape)}, got {tuple(maps.shape)}")
        rows = torch.cat([index[:, None].to(maps.device).double(), maps.detach().double().flatten(1)], dim=1)
        kept = rows if weight is None else rows[weight > 0]
        self.records.append(rearrange(kept, "b k -> (b k)"))

    def compute(self) -> Tensor:  # [*shape] float64
        """The mean over images."""
        return self.maps().mean(0)

    def maps(self) -> Tensor:  # [N, *shape] float64
        """The map of each image in the order of their indices; a collective call under DDP."""
        return self.rows()[1]

    def rows(self) -> tuple[Tensor, Tensor]:  # [N] int64, [N, *shape] float64
        """The indices and the maps; a collective call under DDP. Raises ValueError if there are none."""
        if self._is_synced:
            return self._unique()
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync):
            return self._unique()

    def _unique(self) -> tuple[Tensor, Tensor]:
        flat = dim_zero_cat(self.records) if len(self.records) else torch.empty(0)
        if not len(flat):
            raise ValueError("ImageMaps: no image was given")
        rows = rearrange(flat, "(b k) -> b k", k=1 + self.shape.numel())
        index, place = rows[:, 0].long().unique(return_inverse=True)
        first = torch.full_like(index, len(rows)).scatter_reduce(
            0, place, torch.arange(len(rows), device=place.device), "amin"
        )
        return index, rows[first, 1:].unflatten(1, self.shape)
