"""PCA locality: the paper's denoiser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from locality.bank import ImageBank
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import Limit
from locality.denoisers.by_entropy import MASK_SHARE, engine_at
from locality.denoisers.fitting import statistics_of
from locality.denoisers.wiener_mask import WienerMask, WienerMaskedDenoiser
from locality.posterior.engine import Engine, PlannedEngine
from locality.posterior.wrappers import BatchedEngine, batch_of
from locality.statistics import GaussianStats
from locality.statistics_cache import DEFAULT


class PCALocality(WienerMaskedDenoiser):
    """Each output looks at the inputs that the Wiener filter looks at (Lukoianov et al. 2025, section 5).

    `W = U diag(lam / (lam + sigma^2)) U^T`, `R[p, q] = |W[p, q]| / |W[p, p]|`, `M = 1[R >= tau max R]`,
    `A[q, p] = M[p, q]`, and the posterior mean under A. The mean of the images is not used, and channels are
    mixed: every (channel, pixel) has a row and a softmax of its own. With `tau="entropy"` the bank decides,
    noise level by noise level (`ByEntropy`). With `tau="entropy:output"` each output of each image has a tau
    of its own: that at which its own posterior has the entropy `share * ln N` (`ChosenEngine`).

    The released code decomposes the covariance in float32, where small eigenvalues are rounding noise that
    passes into the masks at low sigma; `decomposition="float32"` does so too (LAPACK's noise, not theirs).

    Raises ValueError for tau < 0 and for options it does not know.
    """

    limits = frozenset({Limit.BANK_MEAN, Limit.TRAINING_IMAGE})

    def __init__(
        self,
        bank: ImageBank,
        tau: float
        | Mapping[float, float]
        | Literal[
            "entropy", "entropy:output"
        ] = 0.02,  # of the largest relative entry; 0: real weights, no mask
        mask_axis: str = "column",  # "column" is the released code's, "row" a reading of the text
        threshold: str = "global",  # "global" | "row": whose largest entry
        softmax: str = "exact",  # "exact", or "wssm:512": the released code's average over batches of 512
        shrinkage: str | None = None,  # of the covariance: None | "ledoit_wolf"
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = DEFAULT,  # a folder for what takes long to compute
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
        decomposition: str = "exact",  # of the covariance: "exact" | "float32", the released code's
        share: float = MASK_SHARE,  # of ln N, for tau="entropy"
    ) -> None:
        batch = batch_of(softmax)
        stats = statistics_of(bank, stats, shrinkage, cache)
        rule = (tau, mask_axis, threshold, decomposition)
        wiener = WienerMask(stats, bank.image_shape, *rule, share, cache, may_choose=batch is None)
        super().__init__(bank, wiener, chunk_size, memory_budget)
        self.batch = batch

    def extra_repr(self) -> str:
        return "softmax=" + repr("exact" if self.batch is None else f"wssm:{self.batch}")

    def engine(self, sigma: float) -> Engine:
        """A softmax for each distinct row, over the bank or over batches of it."""
        if self.batch is None:
            return engine_at(self, sigma, self.wiener.tau, self.looks)
        plan = self.plan(sigma)
        return BatchedEngine(tuple(PlannedEngine(part, plan) for part in self.view.split(self.batch)))
