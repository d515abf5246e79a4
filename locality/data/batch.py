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
    labels: Tensor | None = None  # [b] int64, the class of each image, where a network is told it

    def kept(
        self,
        keep: Tensor,  # [b] bool
    ) -> Batch:
        """Some images of the batch."""
        labels = None if self.labels is None else self.labels[keep]
        return Batch(self.images[keep], self.index[keep], self.weight[keep], labels)

    def first(
        self,
        count: int,  # images of the data set
    ) -> Batch:
        """What of the batch is among the first images of the data set, without padding."""
        return self.kept((self.index < count) & (self.weight > 0))


class ImageSet(Dataset[Batch]):
    """Images in memory, fetched a batch at a time by their places; `~i` asks for image i with weight 0."""

    def __init__(
        self,
        images: Tensor,  # [N, C, H, W] uint8, or float in [-1, 1]
        labels: Tensor | None = None,  # [N] int64
        first: int = 0,  # place of the first of them in their bank
    ) -> None:
        self.images, self.labels, self.first = images, labels, first

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(
        self,
        places: Tensor,  # [b] int64
    ) -> Batch:
        counts = places >= 0
        index = torch.where(counts, places, ~places)
        labels = None if self.labels is None else self.labels[index]
        shape = (len(index), *self.images.shape[1:])
        # A rank without images has padding alone.
        images = self.images[index] if len(self.images) else self.images.new_zeros(shape)
        return Batch(to_float(images, torch.float32), self.first + index, counts.float(), labels)


def as_batch(
    given: object,  # a Batch, a tensor of images [b, C, H, W], or a pair (images, labels)
    first: int = 0,  # place of its first image
) -> Batch:
    """What any loader yields as a Batch: an image's index is its place, its weight 1. Raises ValueError."""
    if isinstance(given, Batch):
        return given
    images = given[0] if isinstance(given, tuple | list) and 1 <= len(given) <= 2 else given
    if not isinstance(images, Tensor) or images.ndim != 4:
        got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"batch: want images [b, C, H, W], or them and their labels, got {got}")
    labels = given[1] if isinstance(given, tuple | list) and len(given) == 2 else None
    classes = isinstance(labels, Tensor) and labels.shape == images.shape[:1] and labels.dtype == torch.int64
    weight = torch.ones(len(images), device=images.device)
    index = first + torch.arange(len(images), device=images.device)
    return Batch(to_float(images, torch.float32), index, weight, labels if classes else None)
