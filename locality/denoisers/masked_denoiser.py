"""What all denoisers with a precision of their own per output have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import nn

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET, BankDenoiser
from locality.posterior.masked.plans import MaskedPlan, Plans
from locality.posterior.masked.rows import Rows


class MaskedDenoiser(BankDenoiser, ABC):
    """A softmax average whose weights differ from output to output."""

    def __init__(
        self,
        bank: ImageBank,
        chunk_size: int | None = None,
        memory_budget: int = MEMORY_BUDGET,
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        self._plans = Plans(memory_budget)
        self.register_load_state_dict_post_hook(_forget_plans)

    @abstractmethod
    def rows(
        self,
        sigma: float,  # the noise level
    ) -> Rows:
        """The distinct rows of the precision at a noise level; made once for each."""

    def plan(
        self,
        sigma: float,  # the noise level
    ) -> MaskedPlan:
        """The rows and the kernels that sum them."""
        return self._plans.at(sigma, self.view, self.rows)

    def plan_for(
        self,
        setting: float,
        sigma: float,  # the noise level
        rows: Callable[[float], Rows],  # of the noise level, for this setting
    ) -> MaskedPlan:
        """The plan of one of several settings of a noise level."""
        return self._plans.at(sigma, self.view, rows, setting)


def _forget_plans(denoiser: nn.Module, _: object) -> None:
    denoiser._plans.clear()  # type: ignore[union-attr, operator]
