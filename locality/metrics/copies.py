"""Copies: images that are much nearer to one training image than to any other."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank

COPY = 1 / 3  # nearest over second nearest distance, below which an image counts as a copy
_KEPT = 8  # nearest images of each chunk that are measured again without cancellation


def nearest_two(
    images: Tensor,  # [B, C, H, W]
    bank: ImageBank,  # N >= 2
    chunk: int = 8192,  # images of the bank read at once; changes no result
) -> tuple[Tensor, Tensor]:  # [B, 2] float64 distances |x - X_i|, [B, 2] places in the bank
    """The two nearest training images of each image. Raises ValueError for a bank of one."""
    if len(bank) < 2:
        raise ValueError(f"bank: want at least 2 images, got {len(bank)}")
    x = rearrange(images, "b c h w -> b (c h w)").double()
    distances, places = x.new_full((len(x), 2), torch.inf), torch.zeros(len(x), 2, dtype=torch.long)
    places, start = places.to(x.device), bank.shard.here.start
    for part in bank.chunks(chunk, torch.float64):
        flat = rearrange(part, "n c h w -> n (c h w)").to(x.device)
        # The expanded square finds candidates; cancellation spoils it near 0, so they are measured directly.
        rough = flat.square().sum(1) - 2 * x @ flat.T
        where = rough.topk(min(_KEPT, len(flat)), largest=False).indices
        exact = (x[:, None] - flat[where]).norm(dim=-1)
        joined = torch.cat([distances, exact], 1)
        distances, order = joined.topk(2, largest=False)
        places = torch.cat([places, start + where], 1).gather(1, order)
        start += len(flat)
    # Of a bank that ranks share, each has the two nearest of its own.
    joined, every = (torch.cat(bank.shard.gather(one), 1) for one in (distances, places))
    distances, order = joined.topk(2, largest=False)
    return distances, every.gather(1, order)


def is_copy(
    distances: Tensor,  # [B, 2] of `nearest_two`
) -> Tensor:  # [B] 1 or 0, float64
    """Whether each image is a copy: `nearest < second nearest / 3`."""
    return (distances[:, 0] < COPY * distances[:, 1]).double()
