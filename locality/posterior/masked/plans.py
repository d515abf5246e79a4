"""The plans of one denoiser, a few noise levels of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeAlias

import torch

from locality.posterior.masked.kernel import MaskedKernel
from locality.posterior.masked.rows import Rows
from locality.posterior.plan import Plan
from locality.posterior.rounding import PixelMoments, PixelSums
from locality.posterior.view import View

MaskedPlan: TypeAlias = Plan[Rows, MaskedKernel]
Key: TypeAlias = tuple[float, torch.device, float | None]

_KEPT = 16  # noise levels: those of a sampler's run, 10 in the paper
_SHARE = 2  # of the memory budget, one in so many bytes for precisions with weights


class Plans:
    """Plans by noise level, device and setting, with the moments they share; old levels are forgotten first.

    Masks are small. Precisions with weights are kept as far as half the memory budget goes, and at least one.
    So are masks of levels that have several, and at least those of one level.
    Built outside inference mode: what is kept must serve later gradients too.
    """

    def __init__(
        self,
        memory_budget: int,  # bytes
    ) -> None:
        self._room = memory_budget // _SHARE
        self._plans: OrderedDict[Key, MaskedPlan] = OrderedDict()
        self._moments: PixelMoments | None = None

    def at(
        self,
        sigma: float,
        view: View,
        rows: Callable[[float], Rows],
        setting: float | None = None,  # of rows, where a level has several
    ) -> MaskedPlan:
        """The plan of a noise level, made if it is not kept."""
        device = view.images.device
        key = (sigma, device, setting)
        if key not in self._plans:
            from locality.posterior.masked.kernels import KERNELS  # heavy: compiled code

            with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
                given = rows(sigma).to(device)
                kernels = [make(given) for make in KERNELS]
                self._plans[key] = Plan(given, kernels, sigma, self.moments(view))
        self._plans.move_to_end(key)
        while len({key[:2] for key in self._plans}) > _KEPT:
            self._plans.popitem(last=False)
        several = [key for key in self._plans if key[2] is not None]
        while self._size(several) > self._room and several[0][:2] != (sigma, device):
            del self._plans[several.pop(0)]
        real = [key for key, plan in self._plans.items() if plan.rows.real]
        while len(real) > 1 and self._size(real) > self._room:
            del self._plans[real.pop(0)]
        return self._plans[key]

    def _size(self, keys: Iterable[Key]) -> int:  # bytes
        return sum(self._plans[key].rows.mask.nbytes for key in keys)

    def moments(self, view: View) -> PixelMoments:
        """The pixel moments of the bank, measured once."""
        if self._moments is None:
            with torch.inference_mode(False), torch.no_grad():
                sums = reduce(PixelSums.merge, (PixelSums.of(part.images) for part in view.parts()))
                every = (PixelSums(*one) for one in view.here.gather(torch.stack(sums)))
                self._moments = PixelMoments.of_sums(reduce(PixelSums.merge, every), view.images.dtype)
        return self._moments

    def clear(self) -> None:
        """Forget everything: the bank or what the rows are made of has changed."""
        self._plans.clear()
        self._moments = None
