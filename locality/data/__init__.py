"""Images for training and testing: sources, pattern injection, and the module that serves them in batches.

A *source* is a function `(split, seed, ...) -> Tensor [N, C, H, W]`, uint8 or float in [-1, 1], with split
one of "train", "val" and "test"; it gives the same images on every rank. Any callable will do:

    datamodule = ImageDataModule(source=partial(photos, size=32), batch_size=64)

Names are imported when first used, so that `import locality.data` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locality.data.batch import Batch
    from locality.data.cifar_files import cifar
    from locality.data.errors import DataDamaged, DataError, DataNotFound
    from locality.data.gaussian_source import GaussianSource
    from locality.data.handwriting import digits
    from locality.data.idx_files import fashion_mnist, mnist
    from locality.data.image_folders import afhq, celeba_hq
    from locality.data.module import ImageDataModule
    from locality.data.pattern import PatternInjection
    from locality.data.pattern_masks import cross, letter_w, two_points
    from locality.data.photo_crops import photos

_HOMES = {
    "Batch": "locality.data.batch",
    "DataDamaged": "locality.data.errors",
    "DataError": "locality.data.errors",
    "DataNotFound": "locality.data.errors",
    "GaussianSource": "locality.data.gaussian_source",
    "ImageDataModule": "locality.data.module",
    "PatternInjection": "locality.data.pattern",
    "afhq": "locality.data.image_folders",
    "celeba_hq": "locality.data.image_folders",
    "cifar": "locality.data.cifar_files",
    "cross": "locality.data.pattern_masks",
    "digits": "locality.data.handwriting",
    "fashion_mnist": "locality.data.idx_files",
    "letter_w": "locality.data.pattern_masks",
    "mnist": "locality.data.idx_files",
    "photos": "locality.data.photo_crops",
    "two_points": "locality.data.pattern_masks",
}
__all__ = [
    "Batch",
    "DataDamaged",
    "DataError",
    "DataNotFound",
    "GaussianSource",
    "ImageDataModule",
    "PatternInjection",
    "afhq",
    "celeba_hq",
    "cifar",
    "cross",
    "digits",
    "fashion_mnist",
    "letter_w",
    "mnist",
    "photos",
    "two_points",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'locality.data' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
