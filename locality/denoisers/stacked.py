"""Several denoisers stacked: each has a share of the estimate, which depends on the noise level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from locality.bank import ImageBank
from locality.denoisers.base import Denoiser, per_image
from locality.denoisers.fitting import Fit, fitted, keeping, statistics_of
from locality.denoisers.options import real
from locality.full_precision import FullPrecision
from locality.statistics import GaussianStats

ShareTable = Mapping[float, Mapping[str, float]]  # noise level -> member -> its share
_SUM = 1e-3  # shares that sum to 1 but for this are rounded ones, and made to


class Stacked(Denoiser):
    """A convex combination of denoisers, `D(x) = sum_k share_k(sigma) D_k(x)` (Breiman 1996).

    Shares are not negative and sum to 1. Denoisers that err in unlike ways have less error together than the
    best of them; `locality.calibration.calibrate_shares` finds the shares on images that no member was fitted
    to. Between the noise levels of the table the nearest in log sigma holds. A member without a share at a
    level is not computed there.

    Raises ValueError for members of unlike images, and for shares that are no such shares.
    """

    def __init__(
        self,
        members: Mapping[str, Denoiser],
        shares: ShareTable | None = None,  # those left out have none; None: equal shares
    ) -> None:
        super().__init__()
        shapes = {name: one.image_shape for name, one in members.items()}
        if not members or len(set(shapes.values())) > 1:
            raise ValueError(f"members: want one or more denoisers of the same images, got {shapes}")
        self.image_shape = next(iter(shapes.values()))
        self.members = nn.ModuleDict(members)
        self.shares = Shares(list(members), shares)

    @classmethod
    def fit(
        cls,
        bank: ImageBank,
        members: Mapping[str, Fit],  # each waiting for the bank
        shares: ShareTable | None = None,
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = None,  # a folder for what takes members long to compute
    ) -> Stacked:
        """All members fitted to the bank, its statistics measured once if any wants them."""
        known = stats

        def measured() -> GaussianStats:
            nonlocal known
            known = statistics_of(bank, known, None, cache)
            return known

        found = {name: fitted(keeping(fit, cache), bank, measured) for name, fit in members.items()}
        return cls(found, shares)

    @property
    def bank_count(self) -> int | None:
        """How many training images the member had that had the most, if any keeps count."""
        counts = [count for one in self.members.children() if (count := bank_count(one)) is not None]
        return max(counts, default=None)

    def estimates(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: float | Tensor,  # [B] or one for all
    ) -> Tensor:  # [K, B, C, H, W]
        """What each member says, whatever its share."""
        return torch.stack([one(x, sigma) for one in self.members.children()])

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`sum_k share_k(sigma) D_k(x)`."""
        shares = self.shares.at(sigma).to(x)  # [B, K]
        out = torch.zeros_like(x)
        for share, member in zip(shares.unbind(1), self.members.children(), strict=True):
            some = share > 0
            if bool(some.any()):
                own = member(x[some], sigma[some]) * per_image(share[some])
                out = out.index_put((some,), own, accumulate=True)
        return out


def bank_count(denoiser: nn.Module) -> int | None:
    """How many training images a denoiser averages over or was fitted to; None if it keeps no count."""
    bank = getattr(denoiser, "bank", None)
    return getattr(denoiser, "bank_count", None) if bank is None else len(bank)


class Shares(FullPrecision):
    """The share of each member at some noise levels; elsewhere those of the nearest in log sigma.

    Kept in buffers, so that what a calibration found is saved with the denoiser.
    """

    sigmas: Tensor  # [S]
    table: Tensor  # [S, K]

    def __init__(self, names: list[str], given: ShareTable | None) -> None:
        super().__init__()
        self.names = names
        rows = {1.0: dict.fromkeys(names, 1 / len(names))} if given is None else given
        if not isinstance(rows, Mapping) or not rows:
            raise ValueError(f"shares: want {{sigma: {{member: share}}}}, or None, got {given!r}")
        checked = {
            real("shares", sigma, lambda s: 0 < s < math.inf, "noise levels above 0 as keys"): self._row(row)
            for sigma, row in rows.items()
        }
        ordered = sorted(checked)
        self.register_buffer("sigmas", torch.tensor(ordered, dtype=torch.float64))
        self.register_buffer("table", torch.tensor([checked[s] for s in ordered], dtype=torch.float64))

    def extra_repr(self) -> str:
        return "; ".join(f"{sigma:.4g}: {self.told(sigma)}" for sigma in self.sigmas.tolist())

    def at(
        self,
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, K] float64
        """The shares for each image."""
        logs = self.sigmas.double().log()
        levels, which = sigma.detach().unique(return_inverse=True)
        nearest = (levels.double().to(logs.device).log()[:, None] - logs).abs().argmin(1)
        return self.table[nearest][which.to(logs.device)]

    def told(self, sigma: float) -> str:
        """The shares at a noise level, in words: the largest first."""
        return told(dict(zip(self.names, self.at(torch.tensor([sigma]))[0].tolist(), strict=True)))

    def _row(self, given: Mapping[str, float]) -> list[float]:
        if not isinstance(given, Mapping) or not given.keys() <= set(self.names):
            raise ValueError(f"shares: want those of members ({', '.join(self.names)}), got {given!r}")
        row = [real("shares", given.get(name, 0.0), _is_share, "numbers from 0 to 1") for name in self.names]
        total = sum(row)
        if abs(total - 1) > _SUM:
            raise ValueError(f"shares: want a sum of 1 at each noise level, got {total:g} of {dict(given)}")
        return [share / total for share in row]


def _is_share(share: float) -> bool:
    return 0 <= share <= 1 + _SUM


def told(shares: Mapping[str, float]) -> str:
    """Shares in words, the largest first; what has none is left out."""
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {share:.2f}" for name, share in ordered if share > 0)
