"""Several denoisers stacked: each has a share of the estimate, which depends on the noise level."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from locality.bank import ImageBank, thinned
from locality.counts import is_count
from locality.denoisers.base import ClosedFormJacobian, Denoiser, Pixel, per_image, training_images
from locality.denoisers.fitting import Fit, Recipe, statistics_of
from locality.denoisers.levels import nearest_level
from locality.denoisers.options import real
from locality.full_precision import FullPrecision
from locality.live import LIVE
from locality.posterior.engine import check_values
from locality.statistics import GaussianStats

ShareTable = Mapping[float, Mapping[str, float]]  # noise level -> member -> its share
ROUNDED = 1e-3  # shares that sum to 1 but for this are rounded ones, and made to


class Stacked(Denoiser, ClosedFormJacobian):
    """A convex combination of denoisers, `D(x) = sum_k share_k(sigma) D_k(x)` (Breiman 1996).

    Shares are not negative and sum to 1. Denoisers that err in unlike ways have less error together than the
    best of them; `locality.calibration.calibrate_shares` finds the shares on images that no member was fitted
    to. Between the noise levels of the table the nearest in log sigma holds. A member without a share at a
    level is not computed there. The Jacobian is the same sum, of closed forms where members have them.

    Raises ValueError for a member that is no denoiser, for members of unlike images, and for wrong shares.
    """

    def __init__(
        self,
        members: Mapping[str, Denoiser],
        shares: ShareTable | None = None,  # those left out have none; None: equal shares
    ) -> None:
        super().__init__()
        wrong = [name for name, one in members.items() if not isinstance(one, Denoiser)]
        if wrong or not members:
            got = f"{wrong[0]!r}: {type(members[wrong[0]]).__name__}" if wrong else "none"
            raise ValueError(f"members: want one or more denoisers by name, got {got}")
        shapes = {name: one.image_shape for name, one in members.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"members: want denoisers of the same images, got {shapes}")
        self.image_shape = next(iter(shapes.values()))
        self.shares = Shares(list(members), shares)
        self.members = nn.ModuleDict(members)

    @classmethod
    def fit(
        cls,
        bank: ImageBank,
        members: Mapping[str, Fit],  # each waiting for the bank
        shares: ShareTable | None = None,
        counts: Mapping[str, int] | None = None,  # training images, evenly spread, for costly members
        stats: GaussianStats | None = None,  # the bank's statistics, where they are known already
        cache: str | Path | None = None,  # a folder for what takes members long to compute
    ) -> Stacked:
        """All members fitted to the bank, its statistics measured once if any wants them.

        Raises ValueError for counts of what is no member.
        """
        Shares(list(members), shares)  # before minutes of fitting
        fewer = counts or {}
        for name, count in fewer.items():
            if name not in members or not is_count(count):
                raise ValueError(f"counts: want whole numbers from 1, of members, got {name}: {count!r}")
        known = stats

        def measured() -> GaussianStats:
            nonlocal known
            known = statistics_of(bank, known, None, cache)
            return known

        found = {}
        for name, fit in members.items():
            own = thinned(bank, min(fewer.get(name, len(bank)), len(bank)))
            found[name] = Recipe.of(fit).keeping(cache).fit(own, measured)
        return cls(found, shares)

    @property
    def bank_count(self) -> int | None:
        """The largest number of training images of any member; None if none keeps count."""
        counts = [count for _, one in self._each() if (count := training_images(one)) is not None]
        return max(counts, default=None)

    def estimates(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: float | Tensor,  # [B] or one for all
    ) -> Tensor:  # [K, B, C, H, W]
        """What each member says, whatever its share."""
        return torch.stack([one(x, sigma) for _, one in self._each()])

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """`sum_k share_k(sigma) D_k(x)`."""
        check_values(x, sigma)
        out = torch.zeros_like(x)
        for some, share, member in self._with_a_share(sigma):
            own = member(x[some], sigma[some]) * per_image(share.to(x))
            out = out.index_put((some,), own, accumulate=True)
        return out

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """The sum of the members' Jacobians by their shares."""
        out = x.new_zeros(len(x), len(pixels), *x.shape[1:])
        for some, share, member in LIVE.parts(list(self._with_a_share(sigma))):
            out[some] += member.jacobian(x[some], sigma[some], pixels) * per_image(share.to(x))[:, None]
        return out

    def _with_a_share(self, sigma: Tensor) -> Iterator[tuple[Tensor, Tensor, Denoiser]]:
        """Each member that has a share: of which images [B] bool, what share of them, and the member."""
        for share, (_, member) in zip(self.shares.at(sigma).unbind(1), self._each(), strict=True):
            some = share > 0
            if bool(some.any()):
                yield some, share[some], member

    def _each(self) -> list[tuple[str, Denoiser]]:
        return [(name, one) for name, one in self.members.items() if isinstance(one, Denoiser)]


class Shares(FullPrecision):
    """The share of each member at some noise levels; elsewhere those of the nearest in log sigma.

    Kept in buffers by the members' names, so that what a calibration found is saved with the denoiser.
    """

    sigmas: Tensor  # [S]

    def __init__(self, names: Sequence[str], given: ShareTable | None) -> None:
        super().__init__()
        self.names = tuple(names)
        taken = dir(nn.ModuleDict())
        unfit = [name for name in names if not str(name).isidentifier() or name in taken]
        if unfit:
            raise ValueError(
                f"members: want names of letters, digits and _, got {unfit[0]!r}; choose another"
            )
        rows = {1.0: dict.fromkeys(names, 1 / len(self.names))} if given is None else given
        if not isinstance(rows, Mapping) or not rows:
            raise ValueError(f"shares: want {{sigma: {{member: share}}}}, or None, got {given!r}")
        checked = {
            real("shares", sigma, lambda s: 0 < s < math.inf, "noise levels above 0 as keys"): self._row(row)
            for sigma, row in rows.items()
        }
        table = torch.tensor([checked[sigma] for sigma in sorted(checked)], dtype=torch.float64)
        self.register_buffer("sigmas", torch.tensor(sorted(checked), dtype=torch.float64))
        for name, column in zip(self.names, table.unbind(1), strict=True):
            self.register_buffer(f"of_{name}", column.clone())

    def extra_repr(self) -> str:
        rows = zip(self.sigmas.tolist(), self._table().tolist(), strict=True)
        return "; ".join(f"{s:.4g}: {in_words(dict(zip(self.names, row, strict=True)))}" for s, row in rows)

    def at(
        self,
        sigma: Tensor,  # [B]
    ) -> Tensor:  # [B, K] float64
        """The shares for each image."""
        return self._table()[nearest_level(self.sigmas, sigma)]

    def _table(self) -> Tensor:  # [S, K]
        return torch.stack([self.get_buffer(f"of_{name}") for name in self.names], dim=1)

    def _row(self, given: Mapping[str, float]) -> list[float]:
        if not isinstance(given, Mapping) or not given.keys() <= set(self.names):
            raise ValueError(f"shares: want those of members ({', '.join(self.names)}), got {given!r}")
        row = [real("shares", given.get(name, 0.0), _is_share, "numbers from 0 to 1") for name in self.names]
        total = sum(row)
        if abs(total - 1) > ROUNDED:
            raise ValueError(f"shares: want a sum of 1 at each noise level, got {total:g} of {dict(given)}")
        return [share / total for share in row]


def _is_share(share: float) -> bool:
    return 0 <= share <= 1 + ROUNDED


def in_words(shares: Mapping[str, float]) -> str:
    """Shares, the largest first; what has none is left out."""
    ordered = sorted(shares.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {share:.2f}" for name, share in ordered if share > 0)
