"""The shares of stacked denoisers that serve best, noise level by noise level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import torch
from einops import einsum
from scipy.optimize import nnls
from torch import Tensor

from locality.bank import ImageBank
from locality.calibration.kept import Kept, check_target, distinct, short
from locality.calibration.steps import Steps
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, fitted
from locality.denoisers.stacked import ROUNDED, Stacked
from locality.live import LIVE
from locality.statistics import GaussianStats

LEAST = 0.02  # a smaller share is left out if that costs next to nothing: its member is not computed then
COST = 0.005  # of the error, which leaving shares out may add


@dataclass(frozen=True)
class Stacking(Kept):
    """The share of each member at each noise level, and how the members erred on the images it was found on.

    `products[s][k][l]` is the mean product of the errors of members k and l at `sigmas[s]`, over pixels and
    images: on the diagonal the squared error of each alone. Raises ValueError for parts that do not fit
    together.
    """

    FORMAT: ClassVar[str] = "locality.stacking/1"
    sigmas: tuple[float, ...]  # S
    members: tuple[str, ...]  # K
    shares: tuple[tuple[float, ...], ...]  # S x K, from 0, of sum 1
    products: tuple[tuple[tuple[float, ...], ...], ...]  # S x K x K, pixel units squared
    target: str  # NETWORK, CLEAN or SAMPLES
    images: int  # how many were denoised
    bank: str  # fingerprint of the training images
    bank_count: int  # how many they are
    seed: int  # of the noise

    def __post_init__(self) -> None:
        distinct("sigmas", self.sigmas)
        check_target(self.target)
        if len(set(self.members)) < len(self.members) or min(self.sigmas) <= 0 or self.images < 1:
            raise ValueError("want distinct members, noise levels above 0 and at least 1 image")
        levels, count = len(self.sigmas), len(self.members)
        if self._shares.shape != (levels, count) or self._products.shape != (levels, count, count):
            raise ValueError(f"shares, products: want {levels} levels of {count} members")
        if not bool(((self._shares.sum(1) - 1).abs() <= ROUNDED).all() & (self._shares >= 0).all()):
            raise ValueError("shares: want numbers from 0, of sum 1 at each noise level")
        if not bool(self._products.isfinite().all()):
            raise ValueError("products: want finite numbers")

    @cached_property
    def _shares(self) -> Tensor:  # [S, K] float64
        return torch.tensor(self.shares, dtype=torch.float64)

    @cached_property
    def _products(self) -> Tensor:  # [S, K, K] float64
        return torch.tensor(self.products, dtype=torch.float64)

    @property
    def alone(self) -> Tensor:  # [S, K] float64
        """The squared error of each member by itself, mean over pixels and images, pixel units squared."""
        return self._products.diagonal(dim1=1, dim2=2)

    @property
    def together(self) -> Tensor:  # [S] float64
        """The squared error of the sum by the shares, in the same units."""
        return einsum(self._shares, self._products, self._shares, "s k, s k l, s l -> s")

    @property
    def setting(self) -> str:
        """`shares`, of a fit that makes a `Stacked`."""
        return "shares"

    @property
    def count(self) -> int:
        """How many images were denoised."""
        return self.images

    def mapping(self) -> dict[float, dict[str, float]]:
        """{sigma: {member: share}}."""
        rows = [dict(zip(self.members, row, strict=True)) for row in self.shares]
        return dict(zip(self.sigmas, rows, strict=True))

    def told(self) -> dict[str, Any]:
        """The errors, alone and together."""
        return {"alone": short(self.alone.tolist()), "together": short(self.together.tolist())}


def calibrate_shares(
    fit: Fit,
    bank: ImageBank,
    images: Tensor | int,  # [I, C, H, W] uint8 or float, not to evaluate on; or how many samples
    sigmas: Sequence[float] | Tensor,  # [S] noise levels
    *,
    target: Denoiser | None = None,  # whose estimates to come close to; None: the clean images
    seed: int = 0,  # of the noise
    stats: GaussianStats | None = None,  # the bank's, for a `fit` that takes them; None: measured
    batch_size: int = 64,  # images denoised at once; changes no result
) -> Stacking:
    """For each noise level, the convex combination of members with the least squared error.

    `argmin_a mean_i |sum_k a_k D_k(x_i, sigma) - target(x_i, sigma)|^2` over `a_k >= 0, sum_k a_k = 1`
    (Breiman 1996), `x_i = X_i + sigma eps_i`; see `best_shares` for small ones. With a count for `images`,
    x_i are instead what the target meets on its own way from noise to as many samples. All members are alive
    together. Their estimates of all images at one level are kept, in float64, and the target's at all levels.
    Raises ValueError for a fit that makes no `Stacked`, for estimates that are not finite, and for arguments
    that do not fit.
    """
    levels = torch.as_tensor(sigmas, dtype=torch.float64).tolist()
    distinct("sigmas", levels)
    steps = Steps(bank, images, levels, target, seed, batch_size)
    stack = fitted(fit, bank, lambda: GaussianStats.from_bank(bank) if stats is None else stats)
    if not isinstance(stack, Stacked):
        raise ValueError(f"fit: want one of a Stacked, got one of a {type(stack).__name__}")
    names, found = tuple(stack.shares.names), []
    total = len(levels) * (1 + (target is not None))
    with torch.no_grad(), LIVE.task("calibrating shares", total) as task:
        for sigma, wanted in zip(levels, steps.wanted(task), strict=True):
            errors = (steps.estimates(stack.estimates, sigma, task) - wanted).double().flatten(1)
            for name, one in zip(names, errors, strict=True):
                if not bool(one.isfinite().all()):
                    raise ValueError(f"members.{name}: want finite estimates, got others at sigma {sigma:g}")
            products = (einsum(errors, errors, "k n, l n -> k l") / errors.shape[1]).cpu()
            found.append((best_shares(products), products))
    return Stacking(
        tuple(levels), names,
        tuple(tuple(round(share, 4) for share in shares.tolist()) for shares, _ in found),
        tuple(short(products.tolist()) for _, products in found),
        steps.against, steps.count, bank.fingerprint, len(bank), seed,
    )  # fmt: skip


def best_shares(
    products: Tensor,  # [K, K] float64, mean products of the members' errors
) -> Tensor:  # [K] float64, from 0, of sum 1
    """The shares a with the least `a^T products a`, without small ones that hardly matter.

    One after the other the smallest share below LEAST is left out and the others are found anew, as long as
    the error stays within COST of the least.
    """
    products = products.cpu().double()
    kept = torch.arange(len(products))
    shares = _best(products)
    least = shares @ products @ shares
    while True:
        out = torch.zeros(len(products), dtype=torch.float64).index_copy(0, kept, shares)
        if not bool((shares < LEAST).any()):
            return out
        kept = kept[torch.arange(len(kept)) != shares.argmin()]
        shares = _best(products[kept][:, kept])
        error = shares @ products[kept][:, kept] @ shares
        if error > least * (1 + COST) + torch.finfo(torch.float64).tiny:
            return out


def _best(products: Tensor) -> Tensor:
    """The least `a^T products a` over the simplex, by non-negative least squares.

    `min |root a|^2 + (sum a - 1)^2` over `a >= 0` has the same solution up to scale: along any direction u of
    sum 1 its least value is `q / (1 + q)` with `q = u^T products u`, which rises with q.
    """
    values, vectors = torch.linalg.eigh(products / products.diagonal().mean().clamp_min(1e-300))
    root = vectors.T * values.clamp_min(0).sqrt()[:, None]
    system = torch.cat([root, torch.ones(1, len(products), dtype=torch.float64)])
    found, _ = nnls(system.numpy(), [0.0] * len(products) + [1.0])
    return torch.from_numpy(found / found.sum())
