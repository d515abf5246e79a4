"""The state that every metric here shares: one value per image, each image counted once."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import final

import torch
from einops import rearrange
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

NO_INDEX = -1  # an image given without an index: always a new one
RTOL, ATOL = 1e-2, 1e-4  # scores of one image in two batches may differ by rounding, not by more


class PerImage(Metric, ABC):
    """A score for each image, kept with the image's index; the metric is the mean over images.

    Samplers repeat images to give ranks equal work. So an image that comes twice under one index counts once,
    and a sample of weight 0 not at all: the result is the same on any number of ranks. Subclasses implement
    `score`.

    An image may have no score (r2 of a blank target has none): `score` gives NaN for it. Such an image is
    left out of the mean, and `left_out` counts it. Nothing else makes NaN here: images with NaN or
    infinity are refused.
    """

    full_state_update = False
    is_differentiable = False
    records: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        # One flat float64 state, (value, index) after (value, index): torchmetrics gathers a rank that has no
        # image as an empty tensor of this type with one axis. An index is exact up to 2^53.
        self.set_dtype(torch.float64)
        self.add_state("records", default=[], dist_reduce_fx="cat")

    @abstractmethod
    def score(
        self,
        preds: Tensor,  # [B, C, H, W] float64
        target: Tensor,  # [B, C, H, W] float64
    ) -> Tensor:  # [B] float64
        """The score of each image; NaN where it is undefined."""

    @final
    def update(
        self,
        preds: Tensor,  # [B, C, H, W] estimates
        target: Tensor,  # [B, C, H, W] what they should be
        index: Tensor | None = None,  # [B] places in the data set; None: all images are new
        weight: Tensor | None = None,  # [B] 1, or 0 for padding
    ) -> None:
        """Add a batch.

        Raises ValueError for unequal shapes, NaN or infinity in an image that counts, an index below 0, a
        weight other than 0 or 1.
        """
        if preds.shape != target.shape or preds.ndim != 4:
            shapes = f"{tuple(preds.shape)} and {tuple(target.shape)}"
            raise ValueError(f"preds, target: want equal shapes [B, C, H, W], got {shapes}")
        index = self._checked_index(index, preds)
        if weight is not None:
            if weight.shape != preds.shape[:1] or not bool(((weight == 0) | (weight == 1)).all()):
                raise ValueError(f"weight: want {len(preds)} numbers 0 or 1, got {weight.tolist()[:8]}")
            keep = weight == 1
            preds, target, index = preds[keep], target[keep], index[keep]
        _refuse_not_finite("preds", preds, index)
        _refuse_not_finite("target", target, index)
        values = self.score(preds.detach().double(), target.detach().double())
        if values.shape != index.shape:
            kind, want, got = type(self).__name__, tuple(index.shape), tuple(values.shape)
            raise ValueError(f"{kind}.score: want a number for each image, {want}, got {got}")
        self.records.append(rearrange(torch.stack([values, index.double()]), "two b -> (b two)"))

    @final
    def compute(self) -> Tensor:  # [] float64
        """The mean over images that have a score; NaN, and a warning, where none has."""
        return self._told(self.values()).nanmean()

    @final
    def left_out(self) -> int:
        """How many images have no score; a collective call under DDP."""
        return int(self.values().isnan().sum())

    @final
    def values(self) -> Tensor:  # [N] float64
        """The score of each image in the order of their indices (without indices, of arrival).

        NaN where an image has none. Under DDP a collective call, like `compute`. Raises ValueError where one
        index came with two scores.
        """
        if self._is_synced:
            return self._unique()
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=self._to_sync):
            return self._unique()

    def _told(self, values: Tensor) -> Tensor:
        if bool(values.isnan().all()):
            warnings.warn(
                f"{type(self).__name__}: none of {len(values)} images has a score, so there is no mean",
                stacklevel=3,
            )
        return values

    def _unique(self) -> Tensor:  # [N]
        if len(self.records) == 0:
            raise ValueError(f"{type(self).__name__}: no image was given")
        value, index = rearrange(dim_zero_cat(self.records), "(b two) -> two b", two=2)
        order = index.sort(stable=True).indices
        value, index = value[order], index[order]
        same = (index[1:] == index[:-1]) & (index[1:] != NO_INDEX)  # [N - 1] is this image the one before?
        # A target at the very limit may have a score in one batch and, by rounding, none in another.
        agree = torch.isclose(value[1:], value[:-1], RTOL, ATOL) | value[1:].isnan() | value[:-1].isnan()
        if bool((same & ~agree).any()):
            image = int(index[1:][same & ~agree][0])
            raise ValueError(
                f"{type(self).__name__}: image {image} came twice with different scores; "
                "an index is a place in the data set, not in the batch"
            )
        return value[torch.cat([same.new_ones(1), ~same])[: len(value)]]

    def _checked_index(
        self,
        index: Tensor | None,
        preds: Tensor,
    ) -> Tensor:  # [B]
        if index is None:
            return torch.full(preds.shape[:1], NO_INDEX, device=preds.device)
        if index.shape != preds.shape[:1] or bool((index < 0).any()):
            raise ValueError(f"index: want {len(preds)} numbers from 0 up, got {index.tolist()[:8]}")
        return index.to(preds.device)


def _refuse_not_finite(
    role: str,
    x: Tensor,  # [B, C, H, W]
    index: Tensor,  # [B]
) -> None:
    good = x.isfinite().flatten(1).all(1)
    if not bool(good.all()):
        place = int(torch.nonzero(~good)[0])
        which = f"image {int(index[place])}" if index[place] != NO_INDEX else f"place {place} of the batch"
        raise ValueError(f"{role}: want finite numbers, got NaN or infinity in {which}")
