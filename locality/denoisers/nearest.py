"""The nearest training image: the optimal denoiser without noise."""

from __future__ import annotations

from locality.denoisers.bank_denoiser import BankDenoiser
from locality.posterior.nearest import NearestEngine


class Nearest(BankDenoiser):
    """The training image nearest to x, the first of equals: the limit of `Optimal` as sigma tends to 0.

    `D(x) = X_i, i = argmin_i |x - X_i|`. Its gradient is zero wherever it exists.
    """

    piecewise_constant = True
    same_at_all_levels = True

    def engine(self, sigma: float) -> NearestEngine:
        """All the weight on one image."""
        return NearestEngine(self.measured_view)
