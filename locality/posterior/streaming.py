"""Reading a bank in pieces that fit a memory budget."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank

_DOUBLE = 8  # bytes
_LARGEST_CHUNK = 4096  # images; products gain nothing from more


def flat_chunks(
    bank: ImageBank,
    x: Tensor,  # [B, n] the queries, whose number says how much room a chunk takes
    chunk_size: int | None,
    memory_budget: int,  # bytes
    more: int = 0,  # further float64 numbers that the caller keeps per image
) -> Iterator[Tensor]:  # [c, n] float64
    """The bank's images as float64 vectors, as many at a time as asked for, or as the budget allows."""
    # Three copies of an image (reading uint8 takes temporaries) and five numbers per image and query.
    each = _DOUBLE * (3 * x.shape[1] + 5 * len(x) + more)
    room = memory_budget - 6 * _DOUBLE * x.numel()
    size = chunk_size or min(max(1, room // (2 * each)), _LARGEST_CHUNK)
    for chunk in bank.chunks(size, torch.float64):
        yield rearrange(chunk, "i c h w -> i (c h w)")
