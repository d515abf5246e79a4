"""Sharing the images of a bank out over threads; compiled code runs without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from locality.at_rest import levels_of

_RANGES = 3  # ranges of the bank per thread: enough to even out their speeds
_Part = TypeVar("_Part")


def over_threads(
    count: int,  # images
    block: int,  # images that a kernel takes together
    part: Callable[[int, int], _Part],  # the work on images [first, last)
) -> list[_Part]:
    """The results of all parts, on as many threads of their own as torch uses.

    Numbers too small for their type are zeros there. On some processors a product with one costs as much as a
    hundred others, and the least weights have many. The caller's thread keeps what it was told of them.
    """
    threads = torch.get_num_threads()
    blocks = -(-count // block)
    several = max(1, min(blocks, _RANGES * threads if threads > 1 else 1))
    cuts = np.linspace(0, blocks, several + 1).astype(int) * block
    ranges = list(pairwise(np.minimum(cuts, count).tolist()))
    with ThreadPoolExecutor(threads, initializer=torch.set_flush_denormal, initargs=(True,)) as pool:
        return list(pool.map(lambda ends: part(*ends), ranges))


def at_rest(images: Tensor) -> tuple[np.ndarray, float, float]:
    """(images, levels, offset), as kernels take a bank: a value v reads as v / levels + offset."""
    return images.numpy(), levels_of(images), -1.0 if images.dtype == torch.uint8 else 0.0
