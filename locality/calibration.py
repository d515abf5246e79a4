"""Calibration: the value of a setting that serves best, noise level by noise level."""

from __future__ import annotations

import inspect
import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import torch
from einops import reduce
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Fit, fitted
from locality.noise import image_noise
from locality.statistics import GaussianStats

NETWORK, CLEAN = "network", "clean images"  # what estimates are measured against
_FORMAT = "locality.calibration/1"
# Errors closer than this are the rounding of float32 estimates, and no reason for a costlier value.
_RELATIVE, _ABSOLUTE = 1e-6, 1e-12


@dataclass(frozen=True)
class Calibration:
    """What each value of a setting costs at each noise level, and so which one to take.

    `image_errors[s][v][i]` is the squared error, mean over pixels, of one denoising step of image i at
    `sigmas[s]` with the setting at `values[v]`. Chosen is the least mean over images, ties going to the
    earlier value; nothing makes the choices rise or fall with the noise. Raises ValueError for parts that do
    not fit together.
    """

    parameter: str  # the setting
    sigmas: tuple[float, ...]  # S
    values: tuple[float, ...]  # V, the cheapest first
    image_errors: tuple[tuple[tuple[float, ...], ...], ...]  # S x V x I, pixel units squared
    target: str  # "network" | "clean images"
    bank: str  # fingerprint of the training images
    bank_count: int  # how many they are
    seed: int  # of the noise

    def __post_init__(self) -> None:
        _distinct("sigmas", self.sigmas)
        if min(self.sigmas) <= 0:
            raise ValueError(f"sigmas: want noise levels above 0, got {min(self.sigmas)}")
        _distinct("values", self.values)
        if self.target not in (NETWORK, CLEAN):
            raise ValueError(f"target: want {NETWORK!r} or {CLEAN!r}, got {self.target!r}")
        lengths = {len(row) for level in self.image_errors for row in level}
        shape = (len(self.image_errors), {len(level) for level in self.image_errors})
        if shape != (len(self.sigmas), {len(self.values)}) or len(lengths) != 1 or lengths == {0}:
            want = f"{len(self.sigmas)} x {len(self.values)}"
            raise ValueError(f"image_errors: want {want} lists, all of one length from 1")
        if not bool((self._table.isfinite() & (self._table >= 0)).all()):
            raise ValueError("image_errors: want finite numbers from 0; a denoiser gave NaN or infinity")

    @cached_property
    def _table(self) -> Tensor:  # [S, V, I] float64
        return torch.tensor(self.image_errors, dtype=torch.float64)

    @property
    def errors(self) -> Tensor:  # [S, V] float64
        """The mean squared errors, in pixel units squared."""
        return self._table.mean(-1)

    @property
    def images(self) -> int:
        """How many images were denoised."""
        return self._table.shape[-1]

    @property
    def choices(self) -> Tensor:  # [S] int64, places in `values`
        """The first value that is as good as the best, at each noise level."""
        least = self.errors.amin(1, keepdim=True)
        return (self.errors <= least * (1 + _RELATIVE) + _ABSOLUTE).int().argmax(1)

    @property
    def chosen(self) -> tuple[float, ...]:  # S
        """The value to take at each noise level."""
        return tuple(self.values[v] for v in self.choices.tolist())

    def mapping(self) -> dict[float, float]:
        """{sigma: value}: what denoisers take for the setting."""
        return dict(zip(self.sigmas, self.chosen, strict=True))

    def apply(self, fit: Fit) -> Fit:
        """The recipe with the calibrated setting."""
        return bind(fit, self.parameter, self.mapping())

    def is_of(self, bank: ImageBank) -> bool:
        """Whether these, or evenly spread ones of these, are the training images that it was made with."""
        return self.bank_count <= len(bank) and thinned(bank, self.bank_count).fingerprint == self.bank

    def save(self, path: str | Path) -> None:
        """Write the calibration as JSON, with what was chosen and the mean errors for people to read."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}-{os.getpid()}")  # a reader never meets half a file
        aside.write_text(json.dumps(self._content(), separators=(",", ":")) + "\n")
        os.replace(aside, path)

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote. Raises ValueError for any other content, edited files included."""
        try:
            content = json.loads(Path(path).read_text())
            errors = tuple(tuple(map(tuple, level)) for level in content["image_errors"])
            sigmas, values = tuple(content["sigmas"]), tuple(content["values"])
            rest = [content[name] for name in ("target", "bank", "bank_count", "seed")]
            found = cls(content["parameter"], sigmas, values, errors, *rest)
            good = content == found._content()
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: not a calibration ({error!r}); calibrate again") from error
        if not good:
            raise ValueError(f"{path}: edited, damaged or of another version; calibrate again")
        return found

    def _content(self) -> dict[str, Any]:
        summary = {"chosen": self.chosen, "errors": self.errors.tolist(), "images": self.images}
        content: dict[str, Any] = json.loads(json.dumps({"format": _FORMAT, **summary, **asdict(self)}))
        return content


def calibrate(
    fit: Fit,
    bank: ImageBank,
    images: Tensor,  # [I, C, H, W] uint8 or float; neither of the bank nor of the images to evaluate on
    sigmas: Sequence[float] | Tensor,  # [S] noise levels
    values: Sequence[float] | Tensor,  # candidates for the setting
    *,
    target: Denoiser | None = None,  # whose estimates to come close to; None: the clean images
    parameter: str = "patch_size",  # the setting, an argument of `fit`
    seed: int = 0,  # of the noise
    stats: GaussianStats | None = None,  # the bank's, for a `fit` that takes them; None: measured
    batch_size: int = 64,  # images denoised at once; changes no result
) -> Calibration:
    """For each noise level, the value with the least squared error of one step on noised images.

    `argmin_v mean_i |D_v(x_i, sigma) - target(x_i, sigma)|^2`, `x_i = X_i + sigma eps_i`, the same noise for
    all levels and values. Ties go to the cheaper value: the smaller one, of tau the larger. One denoiser is
    alive at a time; the target's estimates, as many floats as S times the images, are kept meanwhile. Raises
    ValueError for arguments that do not fit.
    """
    levels = torch.as_tensor(sigmas, dtype=torch.float64).tolist()
    candidates = [value.item() if hasattr(value, "item") else value for value in values]  # numpy's, torch's
    ordered = tuple(sorted(_distinct("values", candidates), reverse=parameter == "tau"))
    steps = _Steps(bank, images, seed, batch_size)
    known = cache(lambda: GaussianStats.from_bank(bank) if stats is None else stats)
    errors = torch.empty(len(_distinct("sigmas", levels)), len(ordered), len(images), dtype=torch.float64)
    with torch.no_grad(), _progress(parameter, len(levels) * (len(ordered) + (target is not None))) as bar:
        wanted = [steps.clean if target is None else steps.estimates(target, s, bar) for s in levels]
        for v, value in enumerate(ordered):
            denoiser = fitted(bind(fit, parameter, value), bank, known)
            for s, sigma in enumerate(levels):
                difference = steps.estimates(denoiser, sigma, bar).double() - wanted[s]
                errors[s, v] = reduce(difference.square(), "i c h w -> i", "mean")
    # Seven digits: more are noise, and make files long.
    table = tuple(tuple(tuple(float(f"{e:.6e}") for e in row) for row in level) for level in errors.tolist())
    against = CLEAN if target is None else NETWORK
    return Calibration(parameter, tuple(levels), ordered, table, against, bank.fingerprint, len(bank), seed)


def bind(fit: Fit, parameter: str, value: object) -> Fit:
    """The recipe with a setting. Raises ValueError if it has none of that name."""
    if parameter not in inspect.signature(fit).parameters:
        raise ValueError(f"parameter: want a setting of the denoiser's fit, got {parameter!r}")
    return partial(fit, **{parameter: value})


def thinned(bank: ImageBank, count: int) -> ImageBank:
    """Evenly spread images of a bank, for what would take too long with all of them."""
    if not 1 <= count <= len(bank):
        raise ValueError(f"count: want 1 to {len(bank)} images, got {count}")
    return bank if count == len(bank) else bank.subset(torch.arange(count) * len(bank) // count)


class _Steps:
    """One denoising step of the same noised images, at any level and by any denoiser."""

    def __init__(self, bank: ImageBank, images: Tensor, seed: int, batch_size: int) -> None:
        if not isinstance(bank, ImageBank):
            raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
        want = f"[I, {', '.join(map(str, bank.image_shape))}]"
        if not isinstance(images, Tensor):
            raise ValueError(f"images: want a tensor {want}, got {type(images).__name__}")
        if images.ndim != 4 or images.shape[1:] != bank.image_shape or len(images) == 0:
            raise ValueError(f"images: want {want}, as the bank's, got {tuple(images.shape)}")
        if images.dtype != torch.uint8 and not images.is_floating_point():
            raise ValueError(f"images: want uint8 or floats in [-1, 1], got {images.dtype}")
        if batch_size < 1:
            raise ValueError(f"batch_size: want at least 1 image, got {batch_size}")
        images = images if images.is_floating_point() else to_float(images)
        self.clean = images.to(bank.images.device)
        noise = image_noise(range(len(images)), images.shape[1:], seed, "calibration")
        self.noise = noise.to(self.clean)
        self.batch_size = batch_size

    def estimates(self, denoiser: Denoiser, sigma: float, bar: Any) -> Tensor:  # [I, C, H, W]
        """The estimates, batch by batch."""
        parts = [denoiser(x, sigma) for x in self._noised(sigma)]
        bar.update()
        return torch.cat(parts)

    def _noised(self, sigma: float) -> Iterator[Tensor]:
        batches = zip(self.clean.split(self.batch_size), self.noise.split(self.batch_size), strict=True)
        return (clean + sigma * noise for clean, noise in batches)


def _progress(parameter: str, total: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=f"calibrating {parameter}", unit="step", delay=2, leave=False)


def _distinct(name: str, numbers: Sequence[float]) -> Sequence[float]:
    good = all(isinstance(k, int | float) and not isinstance(k, bool) and math.isfinite(k) for k in numbers)
    if not good or not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"{name}: want distinct finite numbers, at least one, got {list(numbers)}")
    return numbers
