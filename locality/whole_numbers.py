"""Products of whole numbers of 8 bits, exact: by the processor's own where it has them, else by float32.

Bytes are such numbers once 128 is subtracted, and any numbers are sums of a few of them (`Digits`). A
processor with such products (VNNI, AMX) reads a quarter of the memory that float32 takes, and rounds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from einops import rearrange
from torch import Tensor

MIDDLE = 128  # no byte is farther from it than that
LONGEST = 2**17 - 1  # numbers in a sum of products that 32 bits hold, whatever they are
_EXACT = 2**24 // MIDDLE**2  # as many that float32 holds
_BASE = 256
_SQUARE = 64  # rows whose products with one another are cheaper than their squares one by one


def centred(
    numbers: Tensor,  # [...] uint8
) -> Tensor:  # [...] int8
    """Bytes minus 128: one bit of each is turned."""
    return numbers.bitwise_xor(MIDDLE).view(torch.int8)


def blocks(
    numbers: Tensor,  # [N, n] uint8
    size: int,  # rows
) -> Iterator[Tensor]:  # [<= size, n] int8
    """The numbers of so many rows at a time. The next rows take their place."""
    buffer = torch.empty_like(numbers[:size])  # new memory for each would cost more than the work
    for part in numbers.split(size):
        yield torch.bitwise_xor(part, MIDDLE, out=buffer[: len(part)]).view(torch.int8)


@cache
def quick(device: torch.device) -> bool:
    """Whether there are products of such numbers that are faster than float32's."""
    known = getattr(torch.cpu, "_is_vnni_supported", None)  # private, so it may be gone
    if device.type != "cpu" or known is None or not known() or not hasattr(torch, "_int_mm"):
        return False
    # Older vector units lose what exceeds 16 bits on the way. It is tried before it is trusted.
    least = torch.full((4, 256), -MIDDLE, dtype=torch.int8)
    return bool((torch._int_mm(least, least.T) == 256 * MIDDLE**2).all())


def products(
    a: Tensor,  # [m, k] int8, k up to `LONGEST`
    b: Tensor,  # [k, n] int8
) -> Tensor:  # [m, n] int32
    """`a b`, exact."""
    if a.shape[1] > LONGEST:
        raise ValueError(f"a: want rows of at most {LONGEST} numbers, got {a.shape[1]}")
    if quick(a.device):
        return torch._int_mm(_plain(a), _plain(b))
    total = torch.zeros(len(a), b.shape[1], dtype=torch.int32, device=a.device)
    for left, right in zip(a.split(_EXACT, 1), b.split(_EXACT), strict=True):
        total += (left.float() @ right.float()).int()
    return total


def squares(
    a: Tensor,  # [m, k] int8
) -> Tensor:  # [m] int32
    """The sum of the squares of each row."""
    if quick(a.device):
        return torch.cat([products(part, part.T).diagonal() for part in a.split(_SQUARE)])
    return sum(part.float().square().sum(1).int() for part in a.split(_EXACT, 1))


def _plain(a: Tensor) -> Tensor:
    # Torch 2.14 takes a single row or column for another one where its strides may mean either.
    return a.clone(memory_format=torch.contiguous_format) if 1 in a.shape or 1 not in a.stride() else a


@dataclass(frozen=True)
class Digits:
    """Numbers as sums of whole ones of 8 bits, row by row: `scale sum_d 256^d digit_d`, of the base 256."""

    scale: Tensor  # [b] float64
    digits: Tensor  # [D b, k] int8, the least ones first

    @classmethod
    def of(
        cls,
        numbers: Tensor,  # [b, k] float64
        count: int,  # D, up to 7: they are off by at most 2^(2 - 8 D) of the largest of their row
    ) -> Digits:
        """The nearest such sums; whole numbers of up to 8 D - 2 bits themselves."""
        scale = cls.unit(numbers, count)
        rest, parts = (numbers / scale[:, None]).round_().long(), []
        for _ in range(count):
            digit = ((rest + MIDDLE) & (_BASE - 1)) - MIDDLE
            parts.append(digit.to(torch.int8))
            rest = (rest - digit) >> 8
        return cls(scale, torch.cat(parts))

    @staticmethod
    def unit(
        numbers: Tensor,  # [b, k] float64
        count: int,
    ) -> Tensor:  # [b] float64
        """The scales: numbers are off by half of theirs at most."""
        _, bits = torch.frexp(numbers.abs().amax(1))
        return torch.ldexp(numbers.new_ones(len(numbers)), bits - (8 * count - 2))

    def times(
        self,
        a: Tensor,  # [m, k] int8
    ) -> Tensor:  # [b, m] float64
        """The products of these numbers with rows of whole numbers, rounded once."""
        parts = rearrange(products(a, self.digits.T), "m (d b) -> d b m", b=len(self.scale))
        total = parts[-1].double()
        for part in parts[:-1].flip(0):
            total = total * _BASE + part
        return total * self.scale[:, None]
