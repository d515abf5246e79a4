"""A mask in tiles: those that look at nothing are left out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad

ROWS, PLACES = 128, 32  # of a tile: 8 KiB in float16, three of which fit any shared memory
LARGEST = 6e4  # of a term, that float16 holds; a candidate with a larger one has no weight


@dataclass(frozen=True)
class Tiles:
    """The tiles of a mask with members, line by line of tiles.

    A line of tiles whose complement has fewer of them holds the complement: its sums are then to be taken
    from the sum over all places.
    """

    shape: torch.Size  # of the mask: rows, places
    members: Tensor  # [T, ROWS, PLACES] float16, 0 or 1; one tile of zeros if there is none
    where: Tensor  # [T] int32, which PLACES places
    starts: Tensor  # [lines + 1] int32, where the tiles of each line begin
    inverted: Tensor  # [lines] int32, 0 or 1

    @classmethod
    def of(
        cls,
        mask: Tensor,  # [R, P] bool
        inverting: bool = True,
    ) -> Tiles:
        """The tiles of a mask."""
        tiles, others = _cut(mask), _cut(~mask)
        inverted = (others.flatten(2).any(2).sum(1) < tiles.flatten(2).any(2).sum(1)) & inverting
        tiles = torch.where(inverted[:, None, None, None], others, tiles)
        some = tiles.flatten(2).any(2)
        line, where = some.nonzero().unbind(1)
        members = tiles[line, where] if len(line) > 0 else tiles.new_zeros(1, ROWS, PLACES)
        starts = torch.cat([some.new_zeros(1, dtype=torch.long), some.sum(1).cumsum(0)])
        parts = (where if len(line) > 0 else where.new_zeros(1), starts, inverted)
        return cls(mask.shape, members.half(), *(part.int() for part in parts))

    @property
    def lines(self) -> int:
        """How many lines of tiles there are."""
        return len(self.inverted)

    @property
    def places_read(self) -> float:
        """Places that a row multiplies, looked at or not, on average over the lines."""
        return int(self.starts[-1]) * PLACES / self.lines

    @property
    def members_read(self) -> Tensor:  # [lines] float64
        """Places that a row adds up, on average over the rows of each line."""
        counts = self.members.sum((1, 2), dtype=torch.float64)[: int(self.starts[-1])]
        line = torch.repeat_interleave(self.starts.diff().long())
        rows = torch.full_like(self.inverted, ROWS, dtype=torch.float64)
        rows[-1] = self.shape[0] - ROWS * (self.lines - 1)
        return torch.zeros_like(rows).index_add_(0, line, counts) / rows


def _cut(mask: Tensor) -> Tensor:  # [R, P] -> [lines, columns, ROWS, PLACES]
    padded = pad(mask, (0, -mask.shape[1] % PLACES, 0, -mask.shape[0] % ROWS))
    return rearrange(padded, "(l r) (k p) -> l k r p", r=ROWS, p=PLACES)
