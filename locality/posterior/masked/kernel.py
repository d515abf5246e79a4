"""What a kernel of masked softmaxes does besides, and which there are."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from locality.posterior.kernel import FieldKernel, Kernel, Probe
from locality.posterior.rounding import Query
from locality.posterior.view import View


class MaskedKernel(Kernel, ABC):
    """A kernel for the rows of a precision, `Rows`."""

    @abstractmethod
    def probe_means(
        self,
        view: View,
        query: Query,
        evidence: Tensor,  # [B, R] the log-partition of `weigh`
        probe: Probe,
    ) -> Tensor:  # [B, R]
        """`sum_i w_i(u) probe_u(X_i)`."""


class MaskedFieldKernel(MaskedKernel, FieldKernel, ABC):
    """A kernel that gives rows of the Jacobians of masked softmaxes and of composites."""

    @abstractmethod
    def window_fields(
        self,
        view: View,
        query: Query,
        evidence: Tensor,  # [B, R] of `weigh`
        centre: Tensor,  # [B, n] subtracted from the images
        outputs: Tensor,  # [P, C]
    ) -> Tensor:  # [B, P, n] float64
        """`sum over windows u with q of sum_c A[u, p] Cov_w(u)(X_q, X_p)`, over each line of outputs q.

        Covariances of parts do not add up: it is given the whole view, and unites what adds up itself.
        """
