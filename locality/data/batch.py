"""One batch of images, and the data set that fetches it whole."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from locality.bank import to_float


class Batch(NamedTuple):
    """What every loader yields.

    Rows of weight 0 only make the batch as long as that of the other ranks: every mean must be weighted,
    every collection of results must leave them out.
    """

    images: Tensor  # [b, C, H, W] float32 in [-1, 1] (a pattern can lead outside)
    index: Tensor  # type: ignore[assignment]  # [b] int64, place in the split's bank; hides tuple.index
    weight: Tensor  # [b] float32, 1, or 0 for padding


class ImageSet(Dataset[Batch]):
    """Images in memory, fetched a batch at a time by their places; `~i` asks for image i with weight 0."""

    def __init__(
        self,
        images: Tensor,  # [N, C, H, W] uint8, or float in [-1, 1]
    ) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(
        self,
        places: Tensor,  # [b] int64
    ) -> Batch:
        counts = places >= 0
        index = torch.where(counts, places, ~places)
        return Batch(to_float(self.images[index], torch.float32), index, counts.float())
