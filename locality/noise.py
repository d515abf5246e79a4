"""Noise that is a function of the image's index, not of the batch or rank it happens to be in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator seeded by a key, such as `(seed, "validation", index)`; unlike keys, unlike streams."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


def image_noise(
    indices: Iterable[int] | Tensor,  # [B] image indices
    shape: Iterable[int],  # (C, H, W)
    seed: int,
    stream: str,  # what the noise is for; unlike names give independent noise
) -> Tensor:  # [B, C, H, W] standard normal, float32, on the CPU
    """Standard normal noise for images by index: the same in any batch, order and process."""
    shape = tuple(shape)
    return torch.stack([standard_normal(shape, generator(seed, stream, int(i))) for i in indices])


def standard_normal(
    shape: Iterable[int],
    source: torch.Generator,
) -> Tensor:  # of that shape, float32, on the CPU
    """Standard normal noise. Its type is named: a trainer in double precision changes torch's default."""
    return torch.randn(tuple(shape), generator=source, dtype=torch.float32)
