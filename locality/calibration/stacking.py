"""The shares of stacked denoisers that serve best, noise level by noise level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from einops import einsum
from scipy.optimize import nnls
from torch import Tensor

from locality.bank import ImageBank
from locality.calibration.kept import CLEAN, NETWORK, Kept, check_target, distinct
from locality.calibration.steps import Steps, progress
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, fitted
from locality.denoisers.stacked import Stacked
from locality.statistics import GaussianStats

LEAST = 0.02  # a smaller share is left out: its member would be computed for next to nothing


@dataclass(frozen=True)
class Stacking(Kept):
    """The share of each member at each noise level, and what errors the members had, alone and together.

    The errors are of the images that the shares were found on: squared, mean over pixels and images. Raises
    ValueError for parts that do not fit together.
    """

    FORMAT: ClassVar[str] = "locality.stacking/1"
    sigmas: tuple[float, ...]  # S
    members: tuple[str, ...]  # K
    shares: tuple[tuple[float, ...], ...]  # S x K, from 0, of sum 1
    alone: tuple[tuple[float, ...], ...]  # S x K, pixel units squared
    together: tuple[float, ...]  # S
    target: str  # "network" | "clean images"
    images: int  # how many were denoised
    bank: str  # fingerprint of the training images
    bank_count: int  # how many they are
    seed: int  # of the noise

    def __post_init__(self) -> None:
        distinct("sigmas", self.sigmas)
        check_target(self.target)
        lengths = {len(row) for row in (*self.shares, *self.alone)}
        counts = {len(self.shares), len(self.alone), len(self.together)}
        if lengths != {len(self.members)} or counts != {len(self.sigmas)}:
            want = f"{len(self.sigmas)} levels of {len(self.members)} members"
            raise ValueError(f"shares, alone, together: want {want}")
        if any(abs(sum(row) - 1) > 1e-3 or min(row) < 0 for row in self.shares):
            raise ValueError("shares: want numbers from 0, of sum 1 at each noise level")

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
        """Nothing more: the fields are read as they are."""
        return {}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """From the content of a file."""
        names = ("sigmas", "members", "shares", "alone", "together", "target", "images", "bank", "bank_count")
        return cls(*(_tuples(content[name]) for name in (*names, "seed")))


def _tuples(value: Any) -> Any:
    """Lists of JSON as tuples."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def calibrate_shares(
    fit: Fit,
    bank: ImageBank,
    images: Tensor,  # [I, C, H, W] uint8 or float; neither of the bank nor of the images to evaluate on
    sigmas: Sequence[float] | Tensor,  # [S] noise levels
    *,
    target: Denoiser | None = None,  # whose estimates to come close to; None: the clean images
    seed: int = 0,  # of the noise
    stats: GaussianStats | None = None,  # the bank's, for a `fit` that takes them; None: measured
    batch_size: int = 64,  # images denoised at once; changes no result
) -> Stacking:
    """For each noise level, the convex combination of members with the least squared error.

    `argmin_a mean_i |sum_k a_k D_k(x_i, sigma) - target(x_i, sigma)|^2` over `a_k >= 0, sum_k a_k = 1`
    (Breiman 1996), `x_i = X_i + sigma eps_i`. Shares below LEAST are left out, and the others found anew.
    Raises ValueError for a fit that makes no `Stacked`, and for arguments that do not fit.
    """
    levels = torch.as_tensor(sigmas, dtype=torch.float64).tolist()
    distinct("sigmas", levels)
    steps = Steps(bank, images, seed, batch_size)
    stack = fitted(fit, bank, lambda: GaussianStats.from_bank(bank) if stats is None else stats)
    if not isinstance(stack, Stacked):
        raise ValueError(f"fit: want one of a Stacked, got one of a {type(stack).__name__}")
    names, found = tuple(stack.shares.names), []
    with torch.no_grad(), progress("shares", len(levels) * (1 + (target is not None))) as bar:
        for sigma in levels:
            wanted = steps.clean if target is None else steps.estimates(target, sigma, bar)
            errors = (steps.estimates(stack.estimates, sigma, bar) - wanted).double().flatten(1)
            products = einsum(errors, errors, "k n, l n -> k l") / errors.shape[1]
            shares = best_shares(products)
            found.append((shares, products.diagonal(), shares @ products @ shares))
    shares_of, alone, together = zip(*found, strict=True)
    return Stacking(
        tuple(levels), names,
        tuple(tuple(round(share, 4) for share in row.tolist()) for row in shares_of),
        tuple(tuple(_short(error) for error in row.tolist()) for row in alone),
        tuple(_short(error.item()) for error in together),
        CLEAN if target is None else NETWORK, len(images), bank.fingerprint, len(bank), seed,
    )  # fmt: skip


def best_shares(
    products: Tensor,  # [K, K] float64, mean products of the members' errors
) -> Tensor:  # [K] float64, from 0, of sum 1
    """The shares a with the least `a^T products a`, none of them between 0 and LEAST.

    Without the bound on the sum that is `min |root a|^2 + (sum a - 1)^2` over `a >= 0`, up to scale: along
    any direction u of sum 1 its least value is `q / (1 + q)` with `q = u^T products u`, which rises with q.
    """
    kept = torch.arange(len(products))
    while True:
        part = products[kept][:, kept]
        values, vectors = torch.linalg.eigh(part / part.diagonal().mean().clamp_min(1e-300))
        root = vectors.T * values.clamp_min(0).sqrt()[:, None]
        system = torch.cat([root, torch.ones(1, len(kept), dtype=torch.float64)])
        found, _ = nnls(system.numpy(force=True), [0.0] * len(kept) + [1.0])
        shares = torch.from_numpy(found) / found.sum()
        if bool(((shares == 0) | (shares >= LEAST)).all()):
            out = torch.zeros(len(products), dtype=torch.float64)
            return out.index_copy(0, kept, shares)
        kept = kept[shares >= LEAST]


def _short(error: float) -> float:
    return float(f"{error:.6e}")
