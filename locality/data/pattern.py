"""Pattern injection: a known change of the data's covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from locality.bank import to_float
from locality.data.pattern_masks import from_png
from locality.data.splits import Split
from locality.noise import generator

_CHUNK = 4096  # images edited at a time: bounds the memory that the float copies take


@dataclass(frozen=True)
class PatternInjection:
    """Adds a pattern W in a random colour to every image: `x' = x + gamma * c (x) W`.

    (Lukoianov et al. 2025, Fig. 4.) The colour c is drawn once per image: `rgb` has its channels
    independent and uniform on [-1, 1], `grey` has them equal. As c is independent of x, `mean' = mean +
    gamma E[c] (x) W` and `covariance' = covariance + gamma^2 Cov(c) (x) W W^T`.

    Mode `blend` paints instead of adding, `x' = x + gamma * W * (c - x)`, which stays in [-1, 1] for gamma in
    [0, 1]; `clip` cuts the result to [-1, 1]. Neither obeys the equations above.
    """

    pattern: Callable[[int], Tensor] | str | Path  # (size) -> [size, size], or the path of a PNG
    colour: Literal["rgb", "grey"] = "rgb"
    mode: Literal["additive", "blend"] = "additive"
    clip: bool = False

    def __post_init__(self) -> None:
        if self.colour not in ("rgb", "grey"):
            raise ValueError(f"colour: want rgb or grey, got {self.colour!r}")
        if self.mode not in ("additive", "blend"):
            raise ValueError(f"mode: want additive or blend, got {self.mode!r}")

    def mask(self, height: int, width: int) -> Tensor:  # [height, width] float32
        """The pattern W. Raises ValueError if it is empty or does not fit the images."""
        if isinstance(self.pattern, str | Path):
            mask = from_png(self.pattern, height, width)
        elif height != width:
            raise ValueError(f"pattern: a drawn shape wants square images, got {height} x {width}; use a PNG")
        else:
            mask = self.pattern(height)
        if mask.shape != (height, width) or not mask.any() or not mask.isfinite().all():
            got = f"{tuple(mask.shape)}, {int(mask.count_nonzero())} of them not 0"
            raise ValueError(f"pattern: want {height} x {width} finite numbers, not all 0; got {got}")
        return mask.float()

    def pixels(self, height: int, width: int) -> list[tuple[int, int]]:
        """The (row, col) of each pixel of the pattern, from the top left."""
        return [(int(row), int(col)) for row, col in self.mask(height, width).nonzero()]

    def colours(
        self,
        index: Tensor,  # [n] int64, places in the split as the source made it
        channels: int,
        *,
        seed: int,
        split: Split,
    ) -> Tensor:  # [n, channels] float32 in [-1, 1]
        """The colour of each image, a function of (seed, split, place) alone."""
        # One stream in the order of the places: its first i draws do not depend on how many follow.
        width = channels if self.colour == "rgb" else 1
        stream = torch.rand(int(index.max()) + 1, width, generator=generator(seed, "pattern", split))
        return (2 * stream[index] - 1).expand(-1, channels)

    def inject(
        self,
        images: Tensor,  # [n, C, H, W] uint8 or float
        index: Tensor,  # [n] int64, their places in the split as the source made it
        gamma: float,
        *,
        seed: int,
        split: Split,
    ) -> Tensor:  # [n, C, H, W] float32; `images` itself, in its own type, if gamma is 0
        """The images with the pattern."""
        if gamma == 0:
            return images
        mask = self.mask(*images.shape[-2:])
        colours = self.colours(index, images.shape[1], seed=seed, split=split)
        edited = torch.empty(images.shape, dtype=torch.float32)
        for start in range(0, len(images), _CHUNK):
            part = slice(start, start + _CHUNK)
            x = to_float(images[part], torch.float32)
            colour = colours[part, :, None, None]
            x = x + gamma * mask * (colour if self.mode == "additive" else colour - x)
            edited[part] = x.clamp(-1, 1) if self.clip else x
        return edited
