"""Seconds to draw the noise of a batch: a counter-based generator against a generator for each image.

python -m benchmarks.noise          seconds; then python -m benchmarks.page

The first is that of trainings (`ImageDraws`), the second that of evaluations and, before, of trainings
(`image_noise`). The noise ends on the device of the batch: the CPU, and an accelerator where there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.processor import about
from benchmarks.timing import Row, Versus, made
from locality.noise import ImageDraws, image_noise

OUTPUT = Path("runs/benchmarks/denoisers/noise.json")  # where benchmarks.page looks
SHAPE, BATCHES, ROUNDS = (3, 32, 32), (128, 512), 31


def main() -> None:
    """Measure, print and write JSON."""
    found = list(rows())
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    known = about() | {"clock": "CPU"}
    OUTPUT.write_text(json.dumps({"about": known, "complete": True, "rows": found}, indent=1))
    for row in found:
        print(json.dumps(row))


def rows() -> Iterator[Row]:
    """Both generators in turns, for each batch and device."""
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device in devices:
        for batch in BATCHES:
            index = torch.arange(batch, device=device)
            draws, each = drawn(index), drawn_each(index)
            yield {"device": device, "batch": batch} | Versus(ROUNDS).times(draws, made(each))


def drawn(index: Tensor) -> Callable[[], None]:
    """A training's step draws its noise."""
    return lambda: _there(ImageDraws(index, 0, "train", "noise").normal(SHAPE))


def drawn_each(index: Tensor) -> Callable[[], None]:
    """A generator for each image draws it, and it goes to the device."""
    return lambda: _there(image_noise(index.tolist(), SHAPE, 0, "train").to(index.device))


def _there(noise: Tensor) -> None:
    if noise.device.type == "cuda":
        torch.cuda.synchronize(noise.device)


if __name__ == "__main__":
    main()
