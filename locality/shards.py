"""Which images of a bank a process holds, and how it speaks with the processes that hold the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import pad

Result = TypeVar("Result")
Said = TypeVar("Said")


@dataclass(frozen=True)
class Shard:
    """Consecutive images of a bank: those of one rank, of as many ranks as there are counts.

    With one rank nothing is sent. With more, every method is a round of messages: all ranks call the same
    ones in the same order, as with any collective of torch.distributed, whose default group carries them.
    Raises RuntimeError, in one line, where ranks are missing, or go away while they are waited for.
    """

    rank: int
    counts: tuple[int, ...]  # images of each rank; some may have none

    @classmethod
    def alone(cls, count: int) -> Shard:
        """All images, in one process."""
        return cls(0, (count,))

    @classmethod
    def cut(
        cls,
        total: int,  # images
        rank: int | None = None,  # None: what torch.distributed says
        world: int | None = None,  # ranks, likewise
    ) -> Shard:
        """An even cut: the ranks' shares differ by one image at most."""
        if rank is None or world is None:
            _check_running(world)
            rank, world = dist.get_rank(), dist.get_world_size()
        if not 0 <= rank < world:
            raise ValueError(f"rank: want 0 to {world - 1}, got {rank}")
        ends = [total * k // world for k in range(world + 1)]
        return cls(rank, tuple(end - start for start, end in pairwise(ends)))

    @property
    def world(self) -> int:
        """How many ranks."""
        return len(self.counts)

    @property
    def total(self) -> int:
        """Images on all ranks."""
        return sum(self.counts)

    @property
    def here(self) -> slice:
        """Where the images of this rank are among all."""
        first = sum(self.counts[: self.rank])
        return slice(first, first + self.counts[self.rank])

    def check_even(
        self,
        name: str,
        count: int,  # noisy images, which ranks answer together
    ) -> None:
        """Raises ValueError for a count that is not the same on all ranks once it is dealt out."""
        if count % self.world:
            raise ValueError(
                f"{name}={count}: want a multiple of {self.world}, the ranks that share the bank; "
                f"try {max(1, count // self.world) * self.world}"
            )

    def of(
        self,
        first: int,
        last: int,
    ) -> Shard:
        """The shard of images [first, last) of all: each rank has those that it had."""
        ends = [0, *accumulate(self.counts)]
        cut = [min(max(end, first), last) for end in ends]
        return Shard(self.rank, tuple(b - a for a, b in pairwise(cut)))

    def where(
        self,
        places: Tensor,  # [k] int64 among all images, ascending
    ) -> tuple[Tensor, Shard]:
        """Which of them are here, as places among the images here; and the shard of the k images."""
        ends = torch.tensor([*accumulate(self.counts)], device=places.device)
        owner = torch.bucketize(places, ends, right=True)
        counts = torch.bincount(owner, minlength=self.world).tolist()
        return places[owner == self.rank] - self.here.start, Shard(self.rank, tuple(counts))

    def gather(
        self,
        mine: Tensor,  # of one shape on all ranks
    ) -> list[Tensor]:
        """The tensors of all ranks, in their order: one round."""
        if self.world == 1:
            return [mine]
        sent = _to_send(mine)
        found = [torch.empty_like(sent) for _ in self.counts]
        self._said(lambda: dist.all_gather(found, sent))
        return [one.to(mine.device) for one in found]

    def gather_rows(
        self,
        mine: Tensor,  # [k, ...] k may differ from rank to rank
        rows: Sequence[int],  # k of each rank
    ) -> list[Tensor]:
        """Gather tensors that differ in their length."""
        if self.world == 1:
            return [mine]
        longest = max(rows)
        padded = pad(mine, [0, 0] * (mine.ndim - 1) + [0, longest - len(mine)])
        return [one[:count] for one, count in zip(self.gather(padded), rows, strict=True)]

    def total_of(
        self,
        mine: Tensor,  # of one shape on all ranks
    ) -> Tensor:
        """The sum over the ranks, the same bits on all."""
        if self.world == 1:
            return mine
        sent = _to_send(mine).clone()
        self._said(lambda: dist.all_reduce(sent))
        return sent.to(mine.device)

    def once(
        self,
        keep: Callable[[Callable[[], Result]], Result],  # keep(compute): what was kept, else what it computes
        compute: Callable[[], Result],  # together: all ranks call it, or none
    ) -> Result:
        """What the first rank keeps: it alone reads and writes, and all are given what it has."""
        if self.world == 1:
            return keep(compute)
        asked: list[bool] = []

        def together() -> Result:
            asked.append(True)
            self._told(True)
            return compute()

        if self.rank == 0:
            found = keep(together)
            if not asked:
                self._told(False)
            return self._told(found)
        if self._told(False):
            compute()
        return cast(Result, self._told(None))  # the first rank's

    def _told(self, mine: Said) -> Said:
        """What the first rank says, on all ranks."""
        box = [mine]
        self._said(lambda: dist.broadcast_object_list(box, src=0))
        return box[0]

    def _said(self, message: Callable[[], object]) -> None:
        _check_running(self.world)
        try:
            message()
        except RuntimeError as error:  # the backends' own kind, which says little of what it means
            told = " ".join(str(error).split("] ", 1)[-1].split(". ")[0].split())[:120]
            raise RuntimeError(
                f"bank=sharded: rank {self.rank} of {self.world} lost the others, who hold the rest of the "
                f"images; see what ended them, and start all again ({told})"
            ) from error


def shared(module: nn.Module) -> bool:
    """Whether a bank in it is shared out over ranks: then ranks call it together."""
    shards = (getattr(one, "shard", None) for one in module.modules())
    return any(isinstance(shard, Shard) and shard.world > 1 for shard in shards)


def _check_running(world: int | None) -> None:
    running = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 0
    if running == 0 or world not in (None, running):
        want = f"{world} ranks" if world else "several ranks"
        raise RuntimeError(
            f"bank=sharded: want {want} of torch.distributed, got {running or 'none'}; start all of them, "
            "with trainer=ddp trainer.devices=<ranks> or torchrun"
        )


def _to_send(mine: Tensor) -> Tensor:
    # NCCL sends what lies on the rank's GPU; gloo, what lies in memory.
    device = "cuda" if dist.is_initialized() and dist.get_backend() == "nccl" else "cpu"
    return mine.detach().to(device).contiguous()
