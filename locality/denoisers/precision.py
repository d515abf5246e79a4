"""Any precision of one's own."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.posterior.engine import Engine, PlannedEngine
from locality.posterior.masked.rows import Rows


class PrecisionDenoiser(MaskedDenoiser):
    """The posterior mean under a precision that is given: every output looks at the inputs that it says.

    `D(x)[q] = sum_i w_i(q) X_i[q], w_i(q) = softmax_i(-sum_p A[q, p] (x_p - X_ip)^2 / (2 sigma^2))`, with
    `A = precision(sigma)`. Coordinates are in the order (c h w). The function is called with the noise level
    as the type of x holds it: for float32 images, 0.1 is 0.10000000149.

        PrecisionDenoiser(bank, lambda sigma: mask)

    Raises ValueError, when called, for a precision that is not a finite, non-negative [n, n].
    """

    def __init__(
        self,
        bank: ImageBank,
        precision: Callable[[float], Tensor],  # noise level -> [n, n] bool or real, entry [q, p] = A[q, p]
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
    ) -> None:
        super().__init__(bank, chunk_size, memory_budget)
        if not callable(precision):
            raise ValueError(f"precision: want a function of sigma, got {type(precision).__name__}")
        self.precision = precision

    def rows(self, sigma: float) -> Rows:
        """The distinct rows of `precision(sigma)`."""
        return Rows.of_precision(self.precision(sigma), self.bank.image_shape).to(self.bank.images.device)

    def engine(self, sigma: float) -> Engine:
        """A softmax for each distinct row."""
        return PlannedEngine(self.view, self.plan(sigma))
