"""What a source gives, checked: errors name the source and the split, and likely slips are told."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from torch import Size, Tensor

from locality.bank import check_images
from locality.data.errors import DataError
from locality.live import one_line

CHANNELS = (1, 3, 4)  # of most images: a last axis of so many, where the second has another number, is a slip


def read_checked(
    read: Callable[[], Tensor],
    split: str,
    bound: float,  # how far floats may go
    ours: bool,  # a source of this package: slips are not looked for
    shape: Size | None,  # [C, H, W] of the images of another split, where they are known
) -> Tensor:  # [N, C, H, W]
    """The images of a split. Raises ValueError for what the source raises, and for what cannot be images."""
    try:
        images = read()
    except (LookupError, TypeError, AttributeError) as error:
        raise DataError(f"source, {split}: {one_line(error)}") from error
    try:
        check_images(images, bound)
    except ValueError as error:
        raise ValueError(f"source, {split}: {error}") from error
    if shape is not None and images.shape[1:] != shape:
        want, got = tuple(shape), tuple(images.shape[1:])
        raise DataError(f"source, {split}: want images {want}, as in the other splits, got {got}")
    if not ours:
        for slip in _slips(images):
            warnings.warn(f"source, {split}: {slip}", stacklevel=2)
    return images


def _slips(images: Tensor) -> list[str]:
    told = []
    if images.is_floating_point() and 0 <= images.min().item() < images.max().item() <= 1:
        told.append("all values are in [0, 1], where [-1, 1] is wanted; 2 * images - 1 makes it so")
    if images.shape[1] not in CHANNELS and images.shape[3] in CHANNELS:
        told.append(
            f"images {tuple(images.shape[1:])} are read as [C, H, W]; where channels are last, permute them"
        )
    return told
