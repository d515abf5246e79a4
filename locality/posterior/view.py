"""A bank as passes read it: part by part, rank by rank, and in chunks that fit a memory budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.mapped_file import Pages
from locality.posterior.blocks import Blocks
from locality.posterior.softmax import Weighed
from locality.shards import Shard

_LARGEST_CHUNK = 4096  # images; products gain nothing from more


class MemoryBudget(NamedTuple):
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
    """Some candidates, and what a pass over them may use.

    A kernel reads `images`, or `chunks` of them. Candidates that are elsewhere, too, in a file or on other
    ranks, are what `merged` and `summed` are for: they give the kernel what is at hand, part by part, and
    unite what it leaves.
    """

    images: Tensor  # [N, n] as at rest; those that are here
    limits: MemoryBudget
    pages: Pages = Pages()
    shard: Shard | None = None  # None: all are here
    centre: Tensor | None = None  # [n] of `Blocks`, one for all parts; None: each part has its own
    squares: Tensor | None = None  # [N] float64, what `Blocks.measured` says of them, where that is known

    @classmethod
    def of(
        cls,
        bank: ImageBank,
        limits: MemoryBudget,
    ) -> View:
        """All images of a bank."""
        images = rearrange(bank.images, "i c h w -> i (c h w)")
        return cls(images, limits, bank.pages, bank.shard if bank.shard.world > 1 else None)

    def chunks(
        self,
        each: int,  # numbers that the caller keeps per image of a chunk
        fixed: int = 0,  # numbers that the caller keeps whatever the chunk
        dtype: torch.dtype = torch.float64,
        largest: int = _LARGEST_CHUNK,  # images, where no chunk size is asked for
    ) -> Iterator[Tensor]:  # [c, n]
        """The images that are here in order, as floats in [-1, 1]."""
        size = self.limits.size(dtype.itemsize * each, dtype.itemsize * fixed)
        for part in self.images.split(size if self.limits.chunk_size else min(size, largest)):
            yield to_float(part, dtype)

    def parts(self) -> Iterator[View]:
        """Views of what is here, one after the other: each is in memory while it is worked on."""
        start = 0
        for part in self.pages.stream(self.images):
            known = None if self.squares is None else self.squares[start : start + len(part)]
            start += len(part)
            yield View(part, self.limits, centre=self.centre, squares=known)

    def centred(self) -> View:
        """The view with one centre for all parts, so that their distances can be compared."""
        return self if self.centre is not None else self._replace(centre=self.blocks.centre)

    def measured(self) -> Tensor:  # [N] float64
        """The lengths of the images that are here."""
        return torch.cat([part.blocks.measured() for part in self.parts()])

    @property
    def blocks(self) -> Blocks:
        """The images of a part, for whole products."""
        return Blocks.of(self.images, self.squares, self.centre)

    def merged(
        self,
        one: Callable[[View], Weighed],  # of a part
    ) -> Weighed:
        """The state of all candidates: one round of messages, if there are ranks."""
        state = reduce(Weighed.merge, map(one, self.parts()))
        if self.shard is None:
            return state
        return reduce(Weighed.merge, map(state.unpacked, self.shard.gather(state.packed())))

    def summed(
        self,
        one: Callable[[View], Tensor],  # of a part
    ) -> Tensor:
        """The sum over all candidates: likewise."""
        total = reduce(torch.add, map(one, self.parts()))
        return total if self.shard is None else self.shard.total_of(total)

    @property
    def here(self) -> Shard:
        """Which of the candidates are here."""
        return self.shard or Shard.alone(len(self.images))

    def split(
        self,
        size: int,  # images
    ) -> list[View]:
        """Views of consecutive candidates, the last of which may have fewer."""
        here = self.here
        ends = ((k, min(k + size, here.total)) for k in range(0, here.total, size))
        shards = [here.of(first, last) for first, last in ends]
        counts = [shard.counts[shard.rank] for shard in shards]
        known = [None] * len(counts) if self.squares is None else self.squares.split(counts)
        parts = zip(self.images.split(counts), known, shards, strict=True)
        return [
            self._replace(images=images, squares=squares, shard=self.shard and shard)
            for images, squares, shard in parts
        ]

    def pick(
        self,
        places: Tensor,  # [k] int64, ascending
    ) -> View:
        """A view of some of the candidates: a copy of those that are here."""
        mine, shard = self.mine(places)
        return View(self.images[mine], self.limits, shard=shard, centre=self.centre)

    def mine(
        self,
        places: Tensor,  # [k] int64, ascending
    ) -> tuple[Tensor, Shard | None]:
        """Which of some candidates are here, as places among the images here; and the shard of them all."""
        return (places, None) if self.shard is None else self.shard.where(places)
