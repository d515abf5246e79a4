"""On disk, what takes seconds to minutes to compute: statistics, by the images' fingerprint, and mixtures."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from locality.disk import write_atomically
from locality.paths import cache_folder

_FORMAT = "locality.statistics/1"
CachedTensors = tuple[dict[str, Tensor], dict[str, str]]  # tensors, and what else is noted of them
DEFAULT = "default"  # in place of a folder: the one that commands use, for what takes a second or more
_WORTHWHILE = 1e11  # multiplications


def folder_of(
    cache: str | Path | None,  # None: nowhere
    work: float,  # multiplications that it would save
) -> Path | None:
    """Where something is kept: `DEFAULT` is `cache_folder()`, for much work."""
    if cache != DEFAULT:
        return None if cache is None else Path(cache)
    return Path(cache_folder()) if work > _WORTHWHILE else None


def say_where(folder: Path) -> None:
    """One line, once for all ranks: what nobody asked for is told."""
    if os.environ.get("RANK", "0") == "0":
        print(f"statistics: kept in {folder} for the next time (cache=None: nowhere)", file=sys.stderr)


def cached(fingerprint: str, folder: Path, measure: Callable[[], CachedTensors]) -> CachedTensors:
    """The statistics of the images with this fingerprint: read from a sound file, else measured and kept."""
    path = statistics_file(fingerprint, folder)
    return kept_tensors(path, {"format": _FORMAT, "fingerprint": fingerprint}, measure, ["image_shape"])


def statistics_file(fingerprint: str, folder: Path) -> Path:
    """Where the statistics of these images are kept, once they are."""
    return folder.expanduser() / f"statistics-{fingerprint}.safetensors"


def kept_tensors(
    path: Path,
    known: Mapping[str, str],  # what the file must say of itself: its format, and what it was computed from
    compute: Callable[[], CachedTensors],
    notes: Sequence[str] = (),  # the names of what else is noted
) -> CachedTensors:
    """Tensors of a sound file, else computed and kept there.

    A file that is damaged, or was written for something else, is recomputed with one warning, never trusted.
    Where a folder has its name, the result is not kept, with one warning.
    """
    if path.is_file():
        try:
            return _read(path, known, notes)
        except (_UnsoundError, SafetensorError, OSError, KeyError, ValueError) as reason:
            warnings.warn(f"{path}: {reason}; computing it anew", stacklevel=5)
    tensors, noted = compute()
    tensors = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
    try:
        _write(path, tensors, {**noted, **known, "digest": _digest(tensors), "noted": _of_notes(noted)})
    except (OSError, SafetensorError) as reason:
        warnings.warn(f"cache={path.parent}: {reason}; the result is not kept", stacklevel=5)
    return tensors, noted


class _UnsoundError(Exception):
    """A cache file that must not be trusted."""


def _write(path: Path, tensors: dict[str, Tensor], meta: dict[str, str]) -> None:
    write_atomically(path, save(tensors, meta))


def _read(path: Path, known: Mapping[str, str], notes: Sequence[str]) -> CachedTensors:
    with safe_open(path, framework="pt") as file:
        meta = dict(file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    if any(meta.get(name) != value for name, value in known.items()):
        raise _UnsoundError("of other images or settings")
    if meta.pop("digest", None) != _digest(tensors):
        raise _UnsoundError("damaged")
    if any(name not in meta for name in notes):
        raise _UnsoundError("damaged")
    # Files of before notes had a digest have none.
    if "noted" in meta and meta.pop("noted") != _of_notes({name: meta[name] for name in notes}):
        raise _UnsoundError("damaged")
    return tensors, meta


def _of_notes(noted: Mapping[str, str]) -> str:
    return hashlib.blake2b(json.dumps(dict(noted), sort_keys=True).encode(), digest_size=16).hexdigest()


def _digest(tensors: dict[str, Tensor]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        digest.update(tensors[name].contiguous().numpy().data)
    return digest.hexdigest()
