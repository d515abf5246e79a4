"""A bank as passes read it: in chunks that fit a memory budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from locality.bank import to_float

_LARGEST_CHUNK = 4096  # images; products gain nothing from more


class Limits(NamedTuple):
    """What an engine may use; neither changes a result."""

    chunk_size: int | None  # images at once; None: what the budget allows
    memory_budget: int  # bytes above the bank

    def size(
        self,
        each: int,  # bytes per image of a chunk
        fixed: int = 0,  # bytes whatever the chunk
        largest: int = _LARGEST_CHUNK,  # images, where no chunk size is asked for
    ) -> int:
        """How many images make a chunk: half the budget is left to what allocators keep back."""
        return self.chunk_size or min(max(1, (self.memory_budget - fixed) // (2 * each)), largest)


class View(NamedTuple):
    """Some candidates, and what a pass over them may use."""

    images: Tensor  # [N, n] as at rest
    limits: Limits
    squares: Tensor | None = None  # [N] float64, what `Blocks.measured` says of them, where that is known

    def chunks(
        self,
        each: int,  # numbers that the caller keeps per image of a chunk
        fixed: int = 0,  # numbers that the caller keeps whatever the chunk
        dtype: torch.dtype = torch.float64,
        largest: int = _LARGEST_CHUNK,  # images, where no chunk size is asked for
    ) -> Iterator[Tensor]:  # [c, n]
        """The images in order, as floats in [-1, 1]."""
        size = self.limits.size(dtype.itemsize * each, dtype.itemsize * fixed)
        for part in self.images.split(size if self.limits.chunk_size else min(size, largest)):
            yield to_float(part, dtype)

    def split(
        self,
        size: int,  # images
    ) -> list[View]:
        """Views of consecutive images, the last of which may have fewer."""
        return [View(part, self.limits) for part in self.images.split(size)]
