"""Statistics on disk, by the images' fingerprint: an eigenbasis takes seconds to minutes, reading it none."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from locality.statistics import GaussianStats, Sums

_FORMAT = "locality.statistics/1"


def cached(fingerprint: str, folder: Path, measure: Callable[[], GaussianStats]) -> GaussianStats:
    """The statistics of the images with this fingerprint: read from a sound file, else measured and kept.

    A file that is damaged, or was written for other images, is recomputed with one warning, never trusted.
    """
    path = folder.expanduser() / f"statistics-{fingerprint}.safetensors"
    if path.exists():
        try:
            return _read(path, fingerprint)
        except (_UnsoundError, SafetensorError, OSError, KeyError, ValueError) as reason:
            warnings.warn(f"{path}: {reason}; measuring the statistics anew", stacklevel=4)
    stats = measure()
    try:
        _write(path, fingerprint, stats)
    except OSError as reason:
        warnings.warn(f"cache={folder}: {reason}; the statistics are not kept", stacklevel=4)
    return stats


class _UnsoundError(Exception):
    """A cache file that must not be trusted."""


def _write(path: Path, fingerprint: str, stats: GaussianStats) -> None:
    assert stats.sums is not None  # measured on a bank
    assert stats.image_shape is not None
    tensors = {
        "mean": stats.mean, "covariance": stats.covariance,
        "eigenvalues": stats.eigenvalues, "eigenvectors": stats.eigenvectors,
        "count": stats.sums.count, "cubic": stats.sums.cubic, "quartic": stats.sums.quartic,
    }  # fmt: skip
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    meta = {
        "format": _FORMAT, "fingerprint": fingerprint,
        "image_shape": json.dumps(list(stats.image_shape)), "digest": _digest(tensors),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and moved into place, so that a reader or a second rank never meets half a file.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    save_file(tensors, aside, meta)
    os.replace(aside, path)


def _read(path: Path, fingerprint: str) -> GaussianStats:
    with safe_open(path, framework="pt") as file:
        meta = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    if meta.get("format") != _FORMAT or meta.get("fingerprint") != fingerprint:
        raise _UnsoundError("not the statistics of these images")
    if meta.get("digest") != _digest(tensors):
        raise _UnsoundError("damaged")
    count, covariance = tensors["count"], tensors["covariance"]
    sums = Sums(
        count,
        torch.zeros_like(tensors["mean"]),
        covariance * (count - 1),
        tensors["cubic"],
        tensors["quartic"],
    )
    stats = GaussianStats(tensors["mean"], covariance, json.loads(meta["image_shape"]), sums)
    stats.__dict__["_eigenbasis"] = (tensors["eigenvalues"], tensors["eigenvectors"])
    return stats


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()
