"""Patch composites: posterior means of whole windows, averaged where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import Limit
from locality.denoisers.by_entropy import WINDOW_SHARE, patch_sizes, setting_at
from locality.denoisers.grids import PATCH_SIZES
from locality.denoisers.levels import Levels
from locality.denoisers.looks import Windows
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.denoisers.options import choice, real
from locality.posterior.masked.composite import CompositeEngine
from locality.posterior.masked.rows import Rows


class PatchComposite(MaskedDenoiser):
    """Patch set posterior composites, PSPC (Niedoba et al. 2024, section 4).

    `D[q] = mean over the windows u that hold q of sum_i w_i(u) X_i[q]`,
    `w_i(u) = softmax_i(-|x - X_i|^2_u / (2 sigma^2))`. Each pixel has a window, the k x k square around it.
    With `border="cut"` squares are cut at the border; with `border="whole"` only squares inside the image
    count. With a heat map the window is the smallest set of pixels with the fraction `mass` of the heat, and
    the pixel itself. With `patch_size="entropy"` the bank decides, noise level by noise level (`ByEntropy`).

    Raises ValueError for a patch size that is even or, with `border="whole"`, larger than the image.
    """

    limits = frozenset({Limit.BANK_MEAN, Limit.TRAINING_IMAGE})
    CALIBRATED: ClassVar = {"patch_size": PATCH_SIZES}

    def __init__(
        self,
        bank: ImageBank,
        patch_size: int
        | Mapping[float, int]
        | Literal["entropy"] = 5,  # pixels, odd; or for each of some levels
        border: str = "cut",  # "cut" | "whole"
        heat: Callable[[float], Tensor] | None = None,  # sigma -> [H W, H, W]: where each pixel looks, from 0
        mass: float = 0.9,  # fraction of the heat that a window keeps
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
        share: float = WINDOW_SHARE,  # of ln N, for patch_size="entropy"
        cache: str | Path | None = None,  # a folder for what that finds
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        self.patch_size = patch_sizes(patch_size, share, cache)
        self.border = choice("border", border, ("cut", "whole"))
        smaller = min(bank.image_shape[1:])
        given = isinstance(self.patch_size, Levels)
        if border == "whole" and given and self.patch_size.values.max() > smaller:
            raise ValueError(
                f"patch_size: want at most {smaller} pixels with border='whole', got {patch_size}"
            )
        if heat is not None and not callable(heat):
            raise ValueError(f"heat: want None or a function of sigma, got {type(heat).__name__}")
        self.mass = real("mass", mass, lambda m: 0 < m <= 1, "a fraction above 0, at most 1")
        self.heat = heat

    @property
    def looks(self) -> Windows:
        """How it looks: what `patch_size="entropy"` chooses among."""
        shape = self.bank.image_shape
        return Windows(shape, min(shape[1:]) if self.border == "whole" else None)

    def extra_repr(self) -> str:
        return f"border={self.border!r}" if self.heat is None else f"heat=<function>, mass={self.mass:g}"

    def rows(self, sigma: float) -> Rows:
        """A row for each window."""
        shape, device = self.bank.image_shape, self.bank.images.device
        if self.heat is not None:
            mask = smallest_sets(self.heat(sigma), self.mass, shape)
            return Rows(mask, torch.arange(len(mask)).repeat(shape[0]), shape).to(device)
        size = int(setting_at(self.patch_size, sigma, self.bank, self.looks))
        rows = Rows.of_windows(size, shape)
        if self.border == "whole":
            mask = rows.mask[rows.mask.sum(1) == size**2]
            first = mask.int().argmax(0)  # of the windows that hold a pixel
            rows = Rows(mask, first.repeat(shape[0]), shape)
        return rows.to(device)

    def engine(self, sigma: float) -> CompositeEngine:
        """A softmax for each window."""
        return CompositeEngine(self.view, self.plan(sigma))


def smallest_sets(
    heat: Tensor,  # [H W, H, W] from 0
    mass: float,
    image_shape: torch.Size,
) -> Tensor:  # [H W, H W] bool
    """For each pixel the fewest places that hold a fraction of its heat, and the pixel itself."""
    _, height, width = image_shape
    want = (height * width, height, width)
    if not isinstance(heat, Tensor) or heat.shape != want:
        got = tuple(heat.shape) if isinstance(heat, Tensor) else type(heat).__name__
        raise ValueError(f"heat: want maps {want}, got {got}")
    if not bool((heat.isfinite() & (heat >= 0)).all()):
        raise ValueError("heat: want finite entries from 0, got NaN, infinite or negative ones")
    flat = rearrange(heat.detach().double(), "q h w -> q (h w)")
    values, order = flat.sort(dim=1, descending=True, stable=True)
    held = values.cumsum(1)
    before = torch.cat([torch.zeros_like(held[:, :1]), held[:, :-1]], dim=1)
    # The last running sum is the whole by the same rounding: mass = 1 keeps all the heat, and no more.
    kept = (before < mass * held[:, -1:]) & (values > 0)
    mask = torch.zeros_like(kept).scatter_(1, order, kept)
    return mask | torch.eye(len(mask), dtype=torch.bool, device=mask.device)
