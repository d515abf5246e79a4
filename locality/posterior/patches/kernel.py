"""What a softmax over every patch at every location needs; kernels implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor

from locality.posterior.rounding import Query
from locality.posterior.softmax import State


class Window(NamedTuple):
    """Which patches are compared."""

    radius: int  # half the patch, without its centre
    wraps: bool  # images wrap around; else only patches that the border cuts in the same way

    @property
    def side(self) -> int:
        """The patch size, in pixels."""
        return 2 * self.radius + 1


class ShiftScan(ABC):
    """Streams every patch of a bank past some queries at one noise level."""

    @abstractmethod
    def weigh(self, query: Query) -> State:
        """The softmax of every pixel."""

    @abstractmethod
    def transpose(
        self,
        query: Query,
        evidence: Tensor,  # [B, H W] from `weigh`
        mean: Tensor,  # [B, n] likewise
        g: Tensor,  # [B, n] the cotangent
    ) -> Tensor:  # [B, n] float64
        """`sum_q sum over candidates of w (g_q . X_q - g_q . D_q) X_p`, over the windows of q that hold p."""
