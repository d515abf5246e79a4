"""The golden subset: PCA locality over a few candidates, chosen for each image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from locality.bank import ImageBank
from locality.counts import is_count
from locality.denoisers.bank_denoiser import MEMORY_BUDGET
from locality.denoisers.base import Limit
from locality.denoisers.by_entropy import MASK_SHARE
from locality.denoisers.fitting import statistics_of
from locality.denoisers.options import real
from locality.denoisers.wiener_mask import WienerMask, WienerMaskedDenoiser
from locality.noise import generator
from locality.posterior.engine import Engine, PlannedEngine
from locality.posterior.masked.proxies import Lengths, Pooling, Proxies
from locality.posterior.masked.subset import SubsetEngine
from locality.posterior.view import View
from locality.statistics import GaussianStats
from locality.statistics_cache import DEFAULT

RANDOM_ABOVE = 9.0  # pixel units, between steps 600 and 700: below, the nearest ones are the better choice


class GoldenSubset(WienerMaskedDenoiser):
    """GoldDiff (arXiv 2602.16498): the masked softmax of PCA locality over the images nearest to x.

    Of N images the `m` nearest on a pooled proxy, of these the `k` nearest in full, with
    `m = m_min + (N - m_min) (1 - g)`, `k = k_max - (k_max - k_min) (1 - g)`, `g = sqrt(1 - alpha_bar)`.
    The distances are in pixel units, to x itself. `presample` first draws that many images at random, once.

    Where noise is large, the images nearest to x are of little contrast, and no sample of the posterior.
    On CIFAR-10 the relative error is 2 at sigma = 60. There the m are drawn at random, as in the released
    code; the bound is ours.

    Raises ValueError for fractions that leave no candidate or ask for k above m.
    """

    limits = frozenset({Limit.TRAINING_IMAGE})
    candidates: Tensor

    def __init__(
        self,
        bank: ImageBank,
        tau: float | Mapping[float, float] | Literal["entropy"] = 0.02,  # as for PCALocality
        mask_axis: str = "column",
        threshold: str = "global",
        shrinkage: str | None = None,  # of the covariance: None | "ledoit_wolf"
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = DEFAULT,  # a folder for what takes long to compute
        k_min: float = 0.05,  # of the bank, kept without noise
        k_max: float = 0.1,  # of the bank, kept at the highest noise
        m_min: float = 0.1,  # of the bank, pre-selected at the highest noise
        proxy_size: int = 16,  # pixels, side of the pooled images
        presample: int | None = None,  # images drawn at random before all; None: every one
        seed: int = 0,  # of the draw
        chunk_size: int | None = None,  # images read at once; changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
        share: float = MASK_SHARE,  # of ln N, for tau="entropy"
        random_above: float = RANDOM_ABOVE,  # noise level; math.inf: nearest ones at all levels
    ) -> None:
        stats = statistics_of(bank, stats, shrinkage, cache)
        fractions = {"k_min": k_min, "k_max": k_max, "m_min": m_min}
        for name, given in fractions.items():
            real(name, given, lambda k: 0 < k <= 1, "a fraction above 0, at most 1")
        if not k_min <= k_max <= m_min:
            got = f"k_min={k_min}, k_max={k_max}, m_min={m_min}"
            raise ValueError(
                f"k_min, k_max, m_min: want fractions 0 < k_min <= k_max <= m_min <= 1, got {got}"
            )
        if not is_count(proxy_size):
            raise ValueError(f"proxy_size: want a whole number of pixels from 1, got {proxy_size!r}")
        if presample is not None and not (is_count(presample) and presample <= len(bank)):
            raise ValueError(f"presample: want None or 1 to {len(bank)} images, got {presample!r}")
        wiener = WienerMask(stats, bank.image_shape, tau, mask_axis, threshold, share=share, cache=cache)
        super().__init__(bank, wiener, chunk_size, memory_budget)
        self.random_above = real("random_above", random_above, lambda s: s >= 0, "a noise level from 0")
        self.seed = seed
        self.fractions = (float(k_min), float(k_max), float(m_min))
        self.proxy_size = int(proxy_size)
        order = torch.randperm(len(bank), generator=generator(seed, "golden subset"))
        chosen = torch.arange(len(bank)) if presample is None else order[:presample].sort().values
        self.register_buffer("candidates", chosen)
        self._lengths: Lengths | None = None
        self.register_load_state_dict_post_hook(_forget_lengths)

    def extra_repr(self) -> str:
        return (
            "k_min={:g}, k_max={:g}, m_min={:g}, ".format(*self.fractions) + f"proxy_size={self.proxy_size}"
        )

    def sizes(
        self,
        sigma: float,  # the noise level
    ) -> tuple[int, int]:
        """How many images are pre-selected, and how many of these are kept."""
        count = len(self.candidates)
        k_min, k_max, m_min = (fraction * count for fraction in self.fractions)
        quiet = 1 - (sigma**2 / (1 + sigma**2)) ** 0.5
        coarse = max(1, round(m_min + (count - m_min) * quiet))
        return coarse, min(coarse, max(1, round(k_max - (k_max - k_min) * quiet)))

    def engine(self, sigma: float) -> Engine:
        """A softmax for each distinct row, over each image's own candidates."""
        coarse, fine = self.sizes(sigma)
        candidates = self.drawn(sigma) if sigma > self.random_above else self.candidates
        view, plan = self.view, self.plan(sigma)
        if fine == len(candidates):
            return PlannedEngine(view if fine == len(self.bank) else view.pick(candidates), plan)
        proxies = self._proxies(view.centred())
        if len(candidates) < len(self.bank):
            proxies = proxies.pick(candidates)
        return SubsetEngine(plan, coarse, fine, proxies)

    def _proxies(self, view: View) -> Proxies:
        """What the choice knows beforehand; lengths are measured once."""
        pooling, known = Pooling(self.bank.image_shape, self.proxy_size), self._lengths
        if known is None or known.full.device != view.images.device:  # which settles the centre
            with torch.inference_mode(False), torch.no_grad():  # what is kept must serve gradients, too
                known = self._lengths = Proxies.measured(view, pooling)
        return Proxies(view, pooling, known)

    def drawn(
        self,
        sigma: float,  # the noise level
    ) -> Tensor:  # positions in the bank, ascending
        """The candidates where they are drawn at random: the same for all images."""
        order = torch.randperm(len(self.candidates), generator=generator(self.seed, "golden candidates"))
        return self.candidates[order[: self.sizes(sigma)[0]].sort().values.to(self.candidates.device)]


def _forget_lengths(denoiser: nn.Module, _: object) -> None:
    denoiser._lengths = None  # type: ignore[assignment]
