"""The local score machine: every pixel looks at a square around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import Limit
from locality.denoisers.by_entropy import WINDOW_SHARE, engine_at, patch_sizes, setting_at
from locality.denoisers.grids import PATCH_SIZES
from locality.denoisers.looks import Windows
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.posterior.engine import Engine
from locality.posterior.masked.rows import Rows


class LocalScore(MaskedDenoiser):
    """The local score machine, LS (Kamb & Ganguli 2024, section 3).

    `D(x)[q] = sum_i w_i(q) X_i[q]`, `w_i(q) = softmax_i(-|x - X_i|^2_window(q) / (2 sigma^2))`, the window
    the k x k square around q's pixel in all channels, cut at the border (the same as padding with zeros).
    Candidates are the bank's windows at the same place. From k = 2 max(H, W) - 1 it is the optimal denoiser.

    With `patch_size="entropy"` the bank decides, noise level by noise level (`ByEntropy`). With
    `patch_size="entropy:output"` each pixel of each image has a window of its own: that at which its own
    posterior has the entropy `share * ln N`, of five around the one of its level (`ChosenEngine`).

    Raises ValueError for a patch size that is not odd.
    """

    limits = frozenset({Limit.BANK_MEAN, Limit.TRAINING_IMAGE})
    CALIBRATED: ClassVar = {"patch_size": PATCH_SIZES}

    def __init__(
        self,
        bank: ImageBank,
        patch_size: int
        | Mapping[float, int]
        | Literal["entropy", "entropy:output"] = 5,  # pixels, odd; or for each of some levels
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
        share: float = WINDOW_SHARE,  # of ln N, where the bank decides
        cache: str | Path | None = None,  # a folder for what that finds
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        self.patch_size = patch_sizes(patch_size, share, cache, may_choose=True)

    @property
    def looks(self) -> Windows:
        """How it looks: what the bank chooses among."""
        return Windows(self.bank.image_shape)

    def rows(self, sigma: float) -> Rows:
        """A square for each pixel; where pixels choose, the one in the middle of their choice."""
        size = int(setting_at(self.patch_size, sigma, self.bank, self.looks))
        rows = Rows.of_windows(size, self.bank.image_shape)
        return rows.to(self.bank.images.device)

    def engine(self, sigma: float) -> Engine:
        """A softmax for each pixel."""
        return engine_at(self, sigma, self.patch_size, self.looks)
