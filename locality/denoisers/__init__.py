"""Every denoiser: one contract, `D(x, sigma) -> x0`."""

from locality.denoisers.base import ClosedFormJacobian, Denoiser, Limit
from locality.denoisers.nearest import Nearest
from locality.denoisers.network import NetworkDenoiser
from locality.denoisers.optimal import Optimal
from locality.denoisers.wiener import Wiener

__all__ = ["ClosedFormJacobian", "Denoiser", "Limit", "Nearest", "NetworkDenoiser", "Optimal", "Wiener"]
