"""Mixtures of Gaussians: fitted by expectation maximisation, and the posterior mean under them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from einops import einsum, rearrange
from torch import Tensor
from torch.nn.functional import one_hot

STEPS = 8  # of expectation maximisation; the likelihood changes little after them
FLOOR = 0.05  # pixel units: components nearer to one another than this noise are not told apart while fitting
_TELLING = 32  # principal components that tell the parts of a mixture apart
_ENOUGH = 10_000  # vectors that say which parts there are, at least
_EACH = 150  # of them for each part
_LLOYD = 8  # steps of k-means, from which expectation maximisation starts
_TOGETHER = 4096  # vectors multiplied at once
_IN_CACHE = 256  # vectors weighed at once


class Mixture(NamedTuple):
    """P mixtures of K Gaussians each, of vectors of d coordinates.

    In the eigenbasis `u = basis^T (w - mean)` of all vectors, the m leading coordinates are of the mixture
    `sum_k weights_k N(means_k, U_k diag(lam_k) U_k^T)`, and the others, of small variance, are Gaussian with
    the variance `common`, and independent.
    """

    mean: Tensor  # [P, d]
    basis: Tensor  # [P, d, d] columns, the largest variance first
    common: Tensor  # [P, d] variances of the coordinates, descending
    weights: Tensor  # [P, K]
    means: Tensor  # [P, K, m]
    eigenvalues: Tensor  # [P, K, m]
    eigenvectors: Tensor  # [P, K, m, m]

    def posterior_mean(
        self,
        y: Tensor,  # [B, d] vectors w + sigma * noise
        sigma: Tensor,  # [B]
        place: int = 0,  # which mixture
    ) -> Tensor:  # [B, d]
        """`E[w | y]`: the Wiener filter of each part, weighed by the chance that w is of that part.

        `sum_k r_k (mu_k + U_k lam_k / (lam_k + sigma^2) U_k^T (u - mu_k))` for the leading coordinates, r_k
        proportional to `weights_k N(u; mu_k, Sigma_k + sigma^2 I)`.
        """
        given, exact = y.dtype, torch.promote_types(y.dtype, torch.float32)  # squares overflow 16 bits
        with torch.autocast(y.device.type, enabled=False):
            return self._posterior_mean(y.to(exact), sigma.to(exact), place).to(given)

    def expected_error(
        self,
        sigma: Tensor,  # [B]
        place: int = 0,  # which mixture
    ) -> Tensor:  # [B, d] above 0
        """Mean square error of each coordinate's Wiener estimate, over sigma^2, if the vectors were Gaussian.

        `diag U lam / (lam + sigma^2) U^T`, of the covariance of all vectors.
        """
        exact = torch.promote_types(sigma.dtype, torch.float32)
        with torch.autocast(sigma.device.type, enabled=False):
            lam, noise = self.common[place].to(exact), sigma[:, None].to(exact) ** 2
            shrunk = lam / (lam + noise)
            parts = [shrunk @ some.to(exact).square().T for some in self.basis[place].split(_IN_CACHE)]
            return torch.cat(parts, dim=1).clamp_min(torch.finfo(exact).tiny)

    def _posterior_mean(self, y: Tensor, sigma: Tensor, place: int) -> Tensor:
        mean, basis, common, weights, means, lam, parts = (one[place].to(y) for one in self)
        u = (y - mean) @ basis
        lead, rest = u.split([means.shape[1], u.shape[1] - means.shape[1]], dim=1)
        noise, lam = sigma[:, None] ** 2, lam[:, None]
        z = (lead - means[:, None]) @ parts  # [K, B, m]
        much = noise[:, 0] * means.shape[1] > common[: means.shape[1]].sum()
        near = far = z.new_zeros(())
        if not bool(much.all()):
            near = -0.5 * (z.square() / (lam + noise) + (lam + noise).log()).sum(-1)
        if bool(much.any()):  # less what all parts share, which is large, and would leave its rounding
            far = 0.5 * (z.square() * lam / (lam + noise) / noise - (lam / noise).log1p()).sum(-1)
            far = far + ((lead @ means.T - means.square().sum(1) / 2) / noise).T
        chances = (torch.where(much, far, near) + weights.log()[:, None]).softmax(0)
        # What is lost in rounding is 0: products with denormal numbers take a processor ten times as long.
        chances = torch.where(chances > torch.finfo(chances.dtype).eps ** 2, chances, 0)
        shrunk = (z * (lam / (lam + noise)) * chances[..., None]) @ parts.mT
        lead = einsum(chances, means, "k b, k m -> b m") + shrunk.sum(0)
        small = common[lead.shape[1] :]
        return mean + torch.cat([lead, rest * (small / (small + noise))], dim=1) @ basis.T


def stacked(mixtures: Sequence[Mixture]) -> Mixture:
    """Several, one after the other."""
    return Mixture(*(torch.cat(parts) for parts in zip(*mixtures, strict=True)))


def fit_mixture(
    vectors: Tensor,  # [N, d] float32
    components: int,  # K
    rank: int,  # leading coordinates that are mixed, at most
    pseudo_count: float,  # vectors' worth of the common covariance in that of each part
    generator: torch.Generator,
) -> Mixture:
    """One mixture that makes the vectors likely: expectation maximisation, from k-means.

    Which parts there are is found from some of the vectors and few leading coordinates; the moments are then
    those of all vectors. A part's covariance is `(n_k S_k + pseudo_count S) / (n_k + pseudo_count)`; K = 1 is
    the mean and the covariance.
    """
    components = min(components, len(vectors))
    mean = vectors.mean(0, dtype=torch.float64)
    lam, basis = torch.linalg.eigh(_second(vectors - mean.float()) / len(vectors))
    lam, basis = lam.flip(0).clamp_min(0), basis.flip(1)
    u = (vectors - mean.float()) @ basis[:, :rank].float()
    common = lam[:rank].diag()
    telling, coarse = u[:, :_TELLING], common[:_TELLING, :_TELLING]
    some = telling[torch.randperm(len(u), generator=generator)[: max(_ENOUGH, _EACH * components)]]
    parts = _fitted(some, _k_means(some, components, generator), coarse, pseudo_count)
    for _ in range(STEPS):
        parts = _fitted(some, _expected(some, *parts), coarse, pseudo_count)
    parts = _fitted(u, _expected(telling, *parts), common, pseudo_count)
    return Mixture(*(one.float()[None] for one in (mean, basis, lam, *parts)))


def _fitted(u: Tensor, chances: Tensor, common: Tensor, pseudo_count: float) -> tuple[Tensor, ...]:
    """Weights, means, and the covariances' eigenvalues and eigenvectors; chances [K, N]."""
    counts = chances.double().sum(1)
    means = (chances @ u) / counts[:, None].clamp_min(1e-12).float()
    seconds = torch.stack(
        [
            _second((u[own > 0] - mean) * own[own > 0, None].sqrt())
            for own, mean in zip(chances, means, strict=True)
        ]
    )
    total = (counts + pseudo_count).clamp_min(1e-12)[:, None, None]
    lam, vectors = torch.linalg.eigh((seconds + pseudo_count * common) / total)
    return counts / counts.sum(), means, lam.clamp_min(0), vectors


def _expected(u: Tensor, weights: Tensor, means: Tensor, lam: Tensor, vectors: Tensor) -> Tensor:  # [K, N]
    deviation = (lam + FLOOR**2).sqrt()
    whitened = (vectors / deviation[:, None]).float()  # [K, m, m]: |white|^2 is Mahalanobis' distance
    together = rearrange(whitened, "k m j -> m (k j)")
    offset = rearrange(means[:, None] @ whitened, "k 1 j -> (k j)")
    constant = (weights.log() - deviation.log().sum(1)).float()
    parts = []
    for some in u.split(_IN_CACHE):
        white = torch.addmm(-offset, some, together)
        distance = rearrange(white.square_(), "n (k j) -> n k j", k=len(means)).sum(-1)
        parts.append((constant - distance / 2).softmax(1))
    chances = torch.cat(parts).T
    enough = min(1e-2, 0.99 / len(chances))  # the largest of K chances is at least 1 / K
    chances = chances * (chances > enough)  # so that a part reads its own vectors alone
    return chances / chances.sum(0)


def _second(vectors: Tensor) -> Tensor:  # [N, d] -> [d, d] float64
    total = torch.zeros(vectors.shape[1], vectors.shape[1], dtype=torch.float64)
    for some in vectors.split(_TOGETHER):
        total += (some.T @ some).double()
    return total


def _k_means(u: Tensor, components: int, generator: torch.Generator) -> Tensor:  # [K, N] of 0 and 1
    centres = u[torch.randint(len(u), (1,), generator=generator)]
    while len(centres) < components:  # far from the others is likely: k-means++ (Arthur & Vassilvitskii 2007)
        far = torch.cdist(u, centres).amin(1).square() + 1e-12
        chosen = torch.searchsorted(
            far.double().cumsum(0), far.double().sum() * torch.rand(1, generator=generator)
        )
        centres = torch.cat([centres, u[chosen.clamp_max(len(u) - 1)]])
    for _ in range(_LLOYD):
        nearest = torch.cdist(u, centres).argmin(1)
        chances = rearrange(one_hot(nearest, components), "n k -> k n").float()
        held = chances.sum(1, keepdim=True)
        centres = torch.where(held > 0, chances @ u / held.clamp_min(1), centres)
    return chances
