"""Settings that may differ from noise level to noise level."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from locality.denoisers.grids import PATCH_SIZES, TAUS
from locality.denoisers.options import real
from locality.full_precision import FullPrecision


class Levels(FullPrecision):
    """A number for all noise levels, or one for each of some; between them, the nearest in log sigma.

    Kept in buffers, so that what a calibration found is saved with the denoiser.
    """

    sigmas: Tensor
    values: Tensor

    def __init__(
        self,
        name: str,  # of the setting, for errors
        given: float | Mapping[float, float],
        good: Callable[[float], bool],
        wanted: str,  # what `good` asks for, in words
    ) -> None:
        super().__init__()
        table = {
            real(name, sigma, lambda s: 0 < s < math.inf, "noise levels above 0 as keys"): real(
                name, value, good, wanted
            )
            for sigma, value in (given.items() if isinstance(given, Mapping) else [(1.0, given)])
        }
        if not table:
            raise ValueError(f"{name}: want {wanted}, or one for each of some noise levels, got none")
        ordered = sorted(table)
        self.register_buffer("sigmas", torch.tensor(ordered, dtype=torch.float64))
        self.register_buffer("values", torch.tensor([table[s] for s in ordered], dtype=torch.float64))

    def extra_repr(self) -> str:
        values = [f"{value:g}" for value in self.values.tolist()]
        levels = [f"{sigma:.4g}" for sigma in self.sigmas.tolist()]
        return values[0] if len(values) == 1 else ", ".join(map("{}: {}".format, levels, values))

    def at(self, sigma: float) -> float:
        """The value at a noise level."""
        return self.values[nearest_level(self.sigmas, torch.tensor(sigma, dtype=torch.float64))].item()


def nearest_level(
    levels: Tensor,  # [S]
    sigma: Tensor,  # [...]
) -> Tensor:  # [...] places in `levels`, on their device
    """The nearest level in log sigma: the first of two that are equally near."""
    logs = levels.double().log()
    return (sigma.detach().to(logs).log()[..., None] - logs).abs().argmin(-1)


def patch_sizes(
    given: int | Mapping[float, int],
    word: str | None = None,  # that may be given, too
) -> Levels:
    """Sides of a square window, in pixels: odd, so that it has a centre."""
    wanted = "an odd whole number of pixels" + (f", or {word!r}" if word else "")
    return Levels("patch_size", given, PATCH_SIZES.good, wanted)


def taus(given: float | Mapping[float, float]) -> Levels:
    """Thresholds of a mask, of the largest relative entry; 0: real weights, no mask."""
    return Levels("tau", given, TAUS.good, "a number from 0 to 1, or 'entropy'")
