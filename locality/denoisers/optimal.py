"""The optimal denoiser: the one that the training loss asks for, and that memorises."""

from __future__ import annotations

from locality.denoisers.bank_denoiser import BankDenoiser
from locality.denoisers.base import Limit
from locality.posterior.whole import UniformEngine


class Optimal(BankDenoiser):
    """The ideal score machine: the posterior mean when the data are exactly the images of the bank.

    `D(x) = sum_i softmax_i(-|x - X_i|^2 / (2 sigma^2)) X_i` (Lukoianov et al. 2025, proposition A.2).
    Its Jacobian `Cov_w(X) / sigma^2` is symmetric and positive semi-definite.
    """

    limits = frozenset({Limit.BANK_MEAN, Limit.TRAINING_IMAGE})
    same_at_all_levels = True

    def engine(self, sigma: float) -> UniformEngine:
        """One softmax for the whole image."""
        return UniformEngine(self.measured_view)
