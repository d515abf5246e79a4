"""The equivariant local score machine: every pixel looks at a square, and at all squares of the bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import nn

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET, BankDenoiser
from locality.denoisers.base import Limit
from locality.denoisers.grids import PATCH_SIZES
from locality.denoisers.levels import patch_sizes
from locality.denoisers.options import choice
from locality.posterior.engine import Engine, PlannedEngine
from locality.posterior.masked.plans import Plans
from locality.posterior.patches.kernel import Patches
from locality.posterior.plan import Plan


class EquivariantLocalScore(BankDenoiser):
    """The equivariant local score machine, ELS (Kamb & Ganguli 2024, section 3).

    `D(x)[q] = sum over images i and locations s of w_is(q) X_i[s]`,
    `w_is(q) = softmax_is(-|patch of x at q - patch of X_i at s|^2 / (2 sigma^2))`: the candidates are the
    k x k patches at every location, and count by their centre. With `border="circular"` images wrap around,
    and all locations are alike. With `border="broken"` a pixel is compared only with locations whose patch
    the border cuts in the same way on all four sides; from k = max(H, W) that is itself alone, as in
    `LocalScore`.

    Raises ValueError for a patch size that is not odd and for a border it does not know.
    """

    CALIBRATED: ClassVar = {"patch_size": PATCH_SIZES}

    def __init__(
        self,
        bank: ImageBank,
        patch_size: int | Mapping[float, int] = 5,  # pixels, odd; or one for each of some noise levels
        border: str = "circular",  # "circular" | "broken"
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        self.patch_size = patch_sizes(patch_size)
        self.border = choice("border", border, ("circular", "broken"))
        if border == "circular":
            self.limits = frozenset({Limit.LOCATION_MEAN})  # type: ignore[misc]  # the borders differ in it
        self._plans = Plans(memory_budget)
        self.register_load_state_dict_post_hook(_forget)

    def extra_repr(self) -> str:
        return f"border={self.border!r}"

    def engine(self, sigma: float) -> Engine:
        """A softmax for each pixel, over all patches."""
        from locality.posterior.patches.kernels import KERNELS  # heavy: compiled code

        shape, device = self.bank.image_shape, self.bank.images.device
        patches = Patches(shape, int(self.patch_size.at(sigma)) // 2, self.border == "circular", device)
        moments = self._plans.moments(self.view).over_locations(shape[0])
        return PlannedEngine(self.view, Plan(patches, [make(patches) for make in KERNELS], sigma, moments))


def _forget(denoiser: nn.Module, _: object) -> None:
    denoiser._plans.clear()  # type: ignore[union-attr, operator]
