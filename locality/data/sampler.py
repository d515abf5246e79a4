"""Which image goes to which rank, when: a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from locality.noise import generator
from locality.shards import Shard


class GlobalBatches(Sampler[Tensor]):
    """The places of one rank's share of each global batch.

    Global batch b is places `order[b * batch_size : (b + 1) * batch_size]`, the same for any number of
    ranks. Rank r gets every world-th place of it from the r-th on. Where the ranks do not divide the last
    batch it is padded with `~place`, which `ImageSet` reads as weight 0. So each image comes once with weight
    1, and all ranks see equally long batches.

    With `shuffle` the order is drawn anew each epoch. With `mirror`, place i is exchanged for `length + i`
    (the mirror image) with probability 1/2, anew each epoch.

    Set `skip` to leave out that many global batches of the next epoch only (to resume within it).
    Raises ValueError if the ranks do not divide the batch size.
    """

    def __init__(
        self,
        length: int,  # images
        batch_size: int,  # images a global batch, over all ranks
        *,
        rank: int = 0,
        world: int = 1,  # ranks
        shuffle: bool = False,
        mirror: bool = False,
        seed: int = 0,
    ) -> None:
        check_ranks("batch_size", batch_size, world)
        self.length, self.batch_size = length, batch_size
        self.rank, self.world = rank, world
        self.shuffle, self.mirror, self.seed = shuffle, mirror, seed
        self.epoch = 0
        self.skip = 0

    def __len__(self) -> int:
        return -(-self.length // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch that the next iteration draws; Lightning calls it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Tensor]:  # [batch_size / world] int64 places, or ~place for padding
        # A generator: epoch and skip are read when the first batch is asked for, not when the loader is made.
        skip, self.skip = self.skip, 0
        order = self._order()
        for start in range(skip * self.batch_size, self.length, self.batch_size):
            batch = order[start : start + self.batch_size]
            padding = ~order[:1].expand(-len(batch) % self.world)
            yield torch.cat([batch, padding])[self.rank :: self.world]

    def _order(self) -> Tensor:  # [length] int64
        if self.shuffle:
            order = torch.randperm(self.length, generator=generator(self.seed, "order", self.epoch))
        else:
            order = torch.arange(self.length)
        if self.mirror:
            coins = torch.rand(self.length, generator=generator(self.seed, "flip", self.epoch)) < 0.5
            order = order + self.length * coins[order]
        return order


class ShardBatches(Sampler[Tensor]):
    """The places of the images that a rank holds, in order; as many batches as the rank with most has.

    Batches are filled up with padding, `~0`.
    """

    def __init__(
        self,
        shard: Shard,
        size: int,  # images of a batch, on each rank
    ) -> None:
        self.mine, self.most, self.size = shard.counts[shard.rank], max(shard.counts), size

    def __len__(self) -> int:
        return -(-self.most // self.size)

    def __iter__(self) -> Iterator[Tensor]:  # [size] int64
        for start in range(0, self.most, self.size):
            places = torch.arange(start, start + self.size)
            yield torch.where(places < self.mine, places, ~torch.zeros_like(places))


def check_ranks(name: str, batch_size: int, world: int) -> None:
    """Raises ValueError if the ranks do not divide the batch size."""
    if batch_size % world:
        raise ValueError(
            f"{name}={batch_size} is the batch over all ranks, and {world} ranks do not divide it; "
            f"try {max(1, round(batch_size / world)) * world}"
        )
