"""Images at rest: what can be some, and how bytes read as floats."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LEVELS = 127.5  # of a byte in a unit of pixels: a value v reads as v / LEVELS - 1
# Resampling overshoots [-1, 1], and Gaussians of unit variance, by which denoisers are tested, lie within 8.
BOUND = 8.0
_BYTES = 16.0  # floats from 0 to more than this are 0..255 in disguise


def to_float(
    images: Tensor,  # [...] uint8 or float
    dtype: torch.dtype | None = None,
) -> Tensor:  # [...] float in [-1, 1]
    """Images as floats in [-1, 1], whatever they rest as."""
    dtype = dtype or torch.get_default_dtype()
    return images.to(dtype) / LEVELS - 1 if images.dtype == torch.uint8 else images.to(dtype)


def to_bytes(
    images: Tensor,  # [...] in [-1, 1]; what is beyond is cut
) -> Tensor:  # [...] uint8 on the CPU
    """Images as bytes, to be shown."""
    return ((images.detach().float().cpu().clamp(-1, 1) + 1) * LEVELS).round().byte()


def levels_of(images: Tensor) -> float:
    """How many units of images at rest are one unit of pixels: 127.5 for bytes, else 1."""
    return LEVELS if images.dtype == torch.uint8 else 1.0


def check_images(
    images: Tensor,  # [N, C, H, W]
    bound: float = BOUND,  # the largest magnitude that floats may have; math.inf: images of any scale
) -> None:
    """Raises ValueError for what cannot be images in [-1, 1], at rest as uint8 or floats.

    Refused are other shapes and types, NaN and infinity, and floats far outside [-1, 1]. A pattern leads
    beyond 1 on purpose: who makes images that go further than the bound says how far.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or 0 in images.shape:
        got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"images: want a non-empty tensor [N, C, H, W], got {got}")
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ValueError(f"images: want uint8 or floats in [-1, 1], got {images.dtype}")
    if images.is_meta or images.dtype == torch.uint8:
        return  # it has no values, or none that could be wrong
    low, high = images.min().item(), images.max().item()
    if not (abs(low) < math.inf and abs(high) < math.inf):
        raise ValueError("images: want finite values, got NaN or infinity")
    if max(-low, high) > bound:
        remedy = (
            f"pass uint8 or divide by {LEVELS} and subtract 1" if low >= 0 and high > _BYTES
            else "scale them, or give a larger bound if they are meant to be so"
        )  # fmt: skip
        raise ValueError(f"images: want floats in [-1, 1], got {low:.4g} to {high:.4g}; {remedy}")
