"""What a kernel is: one way to pass over a bank, where it runs, what it costs and how precise it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.seen import Seen
from locality.posterior.softmax import Weighed
from locality.posterior.view import View


class Softmaxes(Protocol):
    """The softmaxes of an image: R of them, each of which serves some of the n outputs."""

    @property
    def row_of_output(self) -> Tensor:  # [n]
        """Which softmax weighs each output."""

    @property
    def places(self) -> int:
        """How many places have a squared difference: n, or H W where channels are added up first."""

    def sums(
        self,
        values: Tensor,  # [B, P]
    ) -> Tensor:  # [B, R] float64
        """What each softmax adds up, of values at the places."""


class Probe(NamedTuple):
    """A number `probe_u(X_i)` for each softmax and candidate."""

    seen: Seen
    g: Tensor  # [B, n]


class Kernel(ABC):
    """The passes that every engine is made of, for the softmaxes that it was made for; see `reference.py`.

    A kernel is one file, and one entry in the tuple `KERNELS` of its kind. It works in the type of the query.
    Its logits are without the query's shift. It counts costs in nanoseconds for a softmax and an image on one
    core; of those, only the ratios count.
    """

    refines: ClassVar[bool] = False  # in float32, logits beyond their bounds are found again in float64

    @abstractmethod
    def usable(
        self,
        device: torch.device,
    ) -> bool:
        """Whether it runs there, for these softmaxes."""

    @abstractmethod
    def cost(
        self,
        dtype: torch.dtype,  # float32 or float64
    ) -> float:
        """What a pass costs; infinite in a type that it does not work in."""

    @abstractmethod
    def error(self, query: Query, moments: PixelMoments) -> Tensor:  # [B] float64
        """An estimate of how far its float32 moves an output, over the length of the output."""

    @abstractmethod
    def weigh(
        self,
        view: View,
        query: Query,
        values: bool = True,  # false: no mean is wanted, and its sums are zeros
        bounds: Tensor | None = None,  # [B] see `refines`; none if not given
    ) -> Weighed:
        """The state of every softmax, all candidates merged."""

    @abstractmethod
    def transpose(
        self,
        view: View,
        query: Query,
        evidence: Tensor,  # [B, R] the log-partition of `weigh`
        probe: Probe,
        means: Tensor,  # [B, R] subtracted from the probe
        centre: Tensor,  # [B, n] subtracted from the images
    ) -> Tensor:  # [B, n] float64
        """`sum_u A[u, p] sum_i w_i(u) (probe_u(X_i) - means_u) (X_ip - centre_p)`."""


class FieldKernel(Kernel, ABC):
    """A kernel that gives rows of the Jacobian, too."""

    @abstractmethod
    def fields(
        self,
        view: View,
        query: Query,
        evidence: Tensor,  # [B, R] of `weigh`
        mean: Tensor,  # [B, n] likewise
        outputs: Tensor,  # [P, C]
    ) -> Tensor:  # [B, P, n]
        """`sum_c A[q, p] Cov_w(q)(X_q, X_p)`, over each line of outputs q."""


SomeKernel = TypeVar("SomeKernel", bound=Kernel)


def cheapest(
    kernels: Iterable[SomeKernel],
    device: torch.device,
    dtype: torch.dtype,  # to work in
    precise: Callable[[SomeKernel], bool] = lambda kernel: True,  # if not given: float64 is, by any kernel
) -> SomeKernel:
    """The cheapest kernel that is usable and precise enough, the first of equals: all engines choose so.

    Where none is precise enough, the cheapest that is usable: images then go through float64 one by one.
    """
    usable = [one for one in kernels if one.usable(device)]
    return min([one for one in usable if precise(one)] or usable, key=lambda kernel: kernel.cost(dtype))
