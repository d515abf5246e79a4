"""The passes over a bank that every masked softmax is made of; kernels implement them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import IntEnum
from typing import NamedTuple

from torch import Tensor

from locality.posterior.rounding import Query
from locality.posterior.softmax import State


class Seen(IntEnum):
    """What a row probes each image with."""

    ONE = 0  # 1
    OUTPUTS = 1  # sum of g_q X_iq over the outputs that the row serves
    WINDOW = 2  # sum of g_p X_ip over the mask of the row


class Probe(NamedTuple):
    """A number `probe_u(X_i)` for each row and image."""

    seen: Seen
    g: Tensor  # [B, n]


class Scan(ABC):
    """Streams a bank past some queries at one noise level."""

    @abstractmethod
    def weigh(
        self,
        query: Query,
        values: bool = True,  # false: no mean is wanted, and its sums are zeros
        bounds: Tensor | None = None,  # [B] larger logits may be found again in float64; none if not given
    ) -> State:
        """The softmax of every row."""

    @abstractmethod
    def probe_means(
        self,
        query: Query,
        evidence: Tensor,  # [B, R] from `weigh`
        probe: Probe,
    ) -> Tensor:  # [B, R]
        """`sum_i w_i(u) probe_u(X_i)`."""

    @abstractmethod
    def transpose(
        self,
        query: Query,
        evidence: Tensor,  # [B, R] from `weigh`
        probe: Probe,
        means: Tensor,  # [B, R] subtracted from the probe
        centre: Tensor,  # [B, n] subtracted from the images
    ) -> Tensor:  # [B, n] float64
        """`sum_u A[u, p] sum_i w_i(u) (probe_u(X_i) - means_u) (X_ip - centre_p)`."""
