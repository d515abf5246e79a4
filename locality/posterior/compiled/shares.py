"""Sharing the images of a bank out over threads; compiled code runs without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch

_SHARES = 3  # ranges of the bank per thread: enough to even out their speeds
_Part = TypeVar("_Part")


def shared(
    count: int,  # images
    block: int,  # images that a kernel takes together
    part: Callable[[int, int], _Part],  # the work on images [first, last)
) -> list[_Part]:
    """The results of all parts, on as many threads as torch uses."""
    threads = torch.get_num_threads()
    blocks = -(-count // block)
    shares = min(blocks, _SHARES * threads if threads > 1 else 1)
    cuts = np.linspace(0, blocks, shares + 1).astype(int) * block
    ranges = list(pairwise(np.minimum(cuts, count).tolist()))
    if threads == 1:
        return [part(*ends) for ends in ranges]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda ends: part(*ends), ranges))
