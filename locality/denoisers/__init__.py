"""Every denoiser: one contract, `D(x, sigma) -> x0`."""

from locality.denoisers.base import ClosedFormJacobian, Denoiser, Limit
from locality.denoisers.wiener import Wiener

__all__ = ["ClosedFormJacobian", "Denoiser", "Limit", "Wiener"]
