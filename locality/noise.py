"""Noise that is a function of the image's index, not of the batch, rank or device it happens to be on.

Two generators draw it. Trainings use `ImageDraws`, which draws where the images are. Evaluations use
`image_noise`, a generator for each image: model cards, calibrations and docs/results have its numbers, which
take days to measure again, and `tests/test_noise.py` pins it. docs/benchmarks.md has the times of both.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import torch
from torch import Tensor

Words = tuple[Tensor, Tensor, Tensor, Tensor]  # four tensors of 32-bit words, in int64
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)  # what the key grows by between rounds
_LOW = 0xFFFFFFFF


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator seeded by a key, such as `(seed, "order", epoch)`; unlike keys, unlike streams."""
    return torch.Generator().manual_seed(_hashed(key) >> 1)


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


class ImageDraws:
    """Random numbers of a batch, each a function of (key, image index) alone, drawn where the index lies.

    A counter-based generator: number k of image i is Philox of the counter (k, i) under the hashed key. So
    batches, ranks and devices draw the same numbers, to the rounding of a logarithm. No loop over images.
    """

    def __init__(
        self,
        index: Tensor,  # [B] int64 image indices, from 0
        *key: int | str,  # such as (seed, "noise", epoch); unlike keys, unlike streams
    ) -> None:
        self.index, self.key = index, _hashed(key)

    def words(self, count: int) -> Tensor:  # [B, count] int64, uniform on 0 .. 2^32 - 1
        """Random words."""
        blocks = torch.arange(-(-count // 4), device=self.index.device)[None]
        low, high = self.index[:, None] & _LOW, self.index[:, None] >> 32
        drawn = philox((blocks, torch.zeros_like(blocks), low, high), self.key)
        return torch.stack(drawn, dim=-1).flatten(1)[:, :count]

    def below(self, bound: int) -> Tensor:  # [B] int64
        """A whole number from 0 to bound - 1 for each image, all of them as likely (to 2^-32 bound)."""
        return (self.words(1)[:, 0] * bound) >> 32

    def normal(self, shape: Iterable[int]) -> Tensor:  # [B, *shape] float32
        """Standard normal noise, by the transform of Box and Muller (1958)."""
        shape = tuple(shape)
        count = math.prod(shape)
        words = self.words(2 * -(-count // 2)).unflatten(1, (-1, 2))
        radius, angle = (part.float() for part in words.unbind(-1))
        radius = radius.add_(1).mul_(2.0**-32).log_().mul_(-2).clamp_min_(0).sqrt_()
        angle = angle.mul_(2 * math.pi * 2.0**-32)
        pairs = torch.stack([angle.cos().mul_(radius), angle.sin().mul_(radius)], dim=-1)
        return pairs.flatten(1)[:, :count].unflatten(1, shape)

    def kept(self, shape: Iterable[int], probability: float) -> Tensor:  # [B, *shape] bool
        """True with a probability, to 2^-16 of it; half a word decides for each place."""
        shape = tuple(shape)
        count = math.prod(shape)
        words = self.words(-(-count // 2))
        halves = torch.stack([words & 0xFFFF, words >> 16], dim=-1).flatten(1)[:, :count]
        return (halves < round(probability * 2**16)).unflatten(1, shape)


def philox(
    counter: Words,  # of any shapes that broadcast
    key: int,  # 64 bits
    rounds: int = 10,
) -> Words:
    """Philox4x32 (Salmon, Moraes, Dror & Shaw 2011): a bijection of 128-bit counters for each 64-bit key."""
    a, b, c, d = (word.clone() for word in torch.broadcast_tensors(*counter))
    low, high = key & _LOW, key >> 32
    for _ in range(rounds):
        # int64 wraps around, as the 64-bit product does; its high word is wanted without the sign.
        a, c = a.mul_(_MULTIPLIERS[0]), c.mul_(_MULTIPLIERS[1])
        top_a, top_c = ((product >> 32).bitwise_and_(_LOW) for product in (a, c))
        a, b, c, d = (
            top_c.bitwise_xor_(b).bitwise_xor_(low),
            c.bitwise_and_(_LOW),
            top_a.bitwise_xor_(d).bitwise_xor_(high),
            a.bitwise_and_(_LOW),
        )
        low, high = (low + _WEYL[0]) & _LOW, (high + _WEYL[1]) & _LOW
    return a, b, c, d


def _hashed(key: tuple[int | str, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "little")
