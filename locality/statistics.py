"""The mean and covariance of the data: streamed, mergeable over chunks and ranks, with their eigenbasis."""

from __future__ import annotations

import json
import warnings
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor

from locality.bank import ImageBank
from locality.live import LIVE
from locality.power_sums import Sums, measure
from locality.statistics_cache import DEFAULT, CachedTensors, cached, folder_of, say_where

SHRINKAGES = ("ledoit_wolf",)
_SWEEPS = 10  # an eigenbasis takes about so many products of the matrix


def check_shrinkage(shrinkage: str | None) -> None:
    """Raises ValueError for a shrinkage that there is not."""
    if shrinkage is not None and shrinkage not in SHRINKAGES:
        raise ValueError(f"shrinkage: want None or one of {SHRINKAGES}, got {shrinkage!r}")


class GaussianStats:
    """The mean and covariance of a set of images, with the covariance's eigenbasis; float64, on the CPU.

    `covariance = U diag(lam) U^T` has the N - 1 normalisation; eigenvalues ascend and are clamped at 0.
    Built from true moments, it has no `count` and cannot be merged.
    """

    def __init__(
        self,
        mean: Tensor,  # [n] or any image shape
        covariance: Tensor,  # [n, n] symmetric positive semi-definite
        image_shape: tuple[int, ...] | torch.Size | None = None,  # (C, H, W); needed by denoisers
        sums: Sums | None = None,  # about the mean, where the moments come from data
    ) -> None:
        image_shape = tuple(mean.shape) if image_shape is None and mean.ndim > 1 else image_shape
        self.image_shape = torch.Size(image_shape) if image_shape is not None else None
        self.mean = mean.detach().double().cpu().reshape(-1)
        self.covariance = covariance.detach().double().cpu()
        self.sums = sums
        n = len(self.mean)
        if self.covariance.shape != (n, n):
            raise ValueError(
                f"covariance: want {(n, n)} for a mean of {n} coordinates, got {tuple(covariance.shape)}"
            )
        if self.image_shape is not None and self.image_shape.numel() != n:
            raise ValueError(f"image_shape: want {n} coordinates, got {tuple(self.image_shape)}")

    @classmethod
    def from_bank(
        cls,
        bank: ImageBank,
        shrinkage: str | None = None,  # "ledoit_wolf" pulls the covariance towards a multiple of the identity
        cache: str | Path | None = DEFAULT,  # a folder to keep them in, by the bank's fingerprint
        chunk_size: int = 1024,  # images; changes nothing but memory
    ) -> GaussianStats:
        """The statistics of a bank in one pass. Warns when there are fewer images than coordinates."""
        check_shrinkage(shrinkage)
        return cls.measured(bank, cache, chunk_size).shrunk_by(shrinkage)

    @classmethod
    def measured(
        cls, bank: ImageBank, cache: str | Path | None = DEFAULT, chunk_size: int = 1024
    ) -> GaussianStats:
        """The statistics as `from_bank` measures or finds them, before it shrinks them or warns."""
        n = bank.image_shape.numel()
        folder = folder_of(cache, n**2 * (len(bank) + _SWEEPS * n))
        if folder is None:
            return cls._of(bank, chunk_size)

        def measured() -> CachedTensors:
            if cache == DEFAULT:
                say_where(folder)
            return _packed(cls._of(bank, chunk_size))

        return _unpacked(*bank.shard.once(partial(cached, bank.fingerprint, folder), measured))

    @classmethod
    def _of(cls, bank: ImageBank, chunk_size: int) -> GaussianStats:
        with LIVE.task(f"statistics of {len(bank):,} images"):
            return cls.from_sums(*measure(bank, chunk_size), bank.image_shape)

    def shrunk_by(self, shrinkage: str | None) -> GaussianStats:
        """These statistics for a denoiser: shrunk, or as they are, with a warning where they lack rank."""
        check_shrinkage(shrinkage)
        if shrinkage is not None:
            return self.shrunk()
        if self.count is not None and self.count < len(self.mean):
            warnings.warn(
                f"{self.count} images for {len(self.mean)} coordinates: the covariance lacks rank, and "
                "Wiener erases what the images do not span; take more images or shrinkage='ledoit_wolf'",
                stacklevel=4,
            )
        return self

    @classmethod
    def from_sums(
        cls,
        sums: Sums,
        point: Tensor,  # [n] what the sums are about
        image_shape: tuple[int, ...] | torch.Size,
    ) -> GaussianStats:
        """The statistics of data whose power sums are known."""
        if sums.count <= 0:
            raise ValueError("sums: want the sums of at least one image, got none")
        offset = sums.first / sums.count
        central = sums.moved(offset)
        covariance = central.second / (sums.count - 1).clamp(min=1)
        return cls(point + offset, (covariance + covariance.T) / 2, image_shape, central)

    @property
    def count(self) -> int | None:
        """How many images were measured; None for true moments."""
        return None if self.sums is None else round(self.sums.count.item())

    def merge(self, other: GaussianStats) -> GaussianStats:
        """The statistics of both sets of images together, as if measured in one pass."""
        if self.sums is None or other.sums is None:
            raise ValueError(
                "merge: want statistics measured on images; true or shrunk moments carry no count"
            )
        if self.image_shape != other.image_shape or len(self.mean) != len(other.mean):
            raise ValueError(f"merge: want images {self.image_shape}, got {other.image_shape}")
        total = self.sums.count + other.sums.count
        point = self.mean + (other.mean - self.mean) * (other.sums.count / total)
        sums = self.sums.moved(point - self.mean).add(other.sums.moved(point - other.mean))
        return GaussianStats.from_sums(sums, point, self.image_shape or (len(point),))

    @cached_property
    def _eigenbasis(self) -> tuple[Tensor, Tensor]:
        with LIVE.task(f"eigenvectors of {len(self.mean):,} coordinates"):
            values, vectors = torch.linalg.eigh(self.covariance)
        return values.clamp(min=0), vectors

    @property
    def eigenvalues(self) -> Tensor:
        """[n] variances along the eigenvectors, ascending, at least 0."""
        return self._eigenbasis[0]

    @property
    def eigenvectors(self) -> Tensor:
        """[n, n] orthonormal columns, in the order of the eigenvalues."""
        return self._eigenbasis[1]

    def shrinkage_intensity(self) -> float:
        """The weight in [0, 1] that Ledoit & Wolf 2004 (lemma 3.2) give to the multiple of the identity."""
        if self.sums is None:
            raise ValueError("shrinkage: want statistics measured on images; true moments need none")
        n, count = len(self.mean), self.sums.count
        empirical = self.sums.second / count
        energy = empirical.square().sum()
        scale = empirical.trace() / n
        spread = (energy - n * scale**2) / n
        error = (self.sums.quartic / count - energy) / (n * count)
        return 0.0 if spread <= 0 else float((error / spread).clamp(0, 1))

    def of_full_rank(self) -> GaussianStats:
        """These statistics, shrunk where there are fewer images than coordinates."""
        return self.shrunk() if self.count is not None and self.count < len(self.mean) else self

    def shrunk(self) -> GaussianStats:
        """The statistics with the Ledoit-Wolf covariance; the eigenvectors stay what they are."""
        weight, scale = self.shrinkage_intensity(), self.covariance.trace() / len(self.mean)
        covariance = (1 - weight) * self.covariance
        covariance.diagonal().add_(weight * scale)
        result = GaussianStats(self.mean, covariance, self.image_shape)
        result.__dict__["_eigenbasis"] = ((1 - weight) * self.eigenvalues + weight * scale, self.eigenvectors)
        return result


def _packed(stats: GaussianStats) -> CachedTensors:
    assert stats.sums is not None  # measured on a bank
    tensors = {name: getattr(stats, name) for name in ("mean", "covariance", "eigenvalues", "eigenvectors")}
    tensors |= {name: getattr(stats.sums, name) for name in ("count", "cubic", "quartic")}
    return tensors, {"image_shape": json.dumps(list(stats.image_shape or ()))}


def _unpacked(kept: dict[str, Tensor], notes: dict[str, str]) -> GaussianStats:
    second, first = kept["covariance"] * (kept["count"] - 1), torch.zeros_like(kept["mean"])
    sums = Sums(kept["count"], first, second, kept["cubic"], kept["quartic"])
    stats = GaussianStats(kept["mean"], kept["covariance"], json.loads(notes["image_shape"]), sums)
    stats.__dict__["_eigenbasis"] = (kept["eigenvalues"], kept["eigenvectors"])
    return stats
