"""The training images at rest."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from locality.full_precision import SHORT, FullPrecision
from locality.labels import Labels

# Resampling overshoots [-1, 1], and Gaussians of unit variance, by which denoisers are tested, lie within 8.
BOUND = 8.0
_BYTES = 16.0  # floats from 0 to more than this are 0..255 in disguise


class ImageBank(FullPrecision):
    """A set of training images, kept as uint8 or float32 or float64, read in chunks as floats in [-1, 1].

    uint8 value u reads as `u / 127.5 - 1`. A bank is a module with one buffer, so it moves and saves with the
    denoiser that holds it.

    Raises ValueError for anything but a non-empty [N, C, H, W] tensor of uint8 or finite floats, and for what
    `check_images` refuses: mistakes of scale.
    """

    images: Tensor

    def __init__(
        self,
        images: Tensor,  # [N, C, H, W] uint8, or float in [-1, 1]
        bound: float = BOUND,  # the largest magnitude that floats may have; math.inf: images of any scale
        labels: Labels | None = None,  # the class of each image, where classes are known
    ) -> None:
        super().__init__()
        check_images(images, bound)
        # A copy: loading a state dict writes into the bank's pixels, which must not be somebody else's.
        kept = images.detach().to(torch.float32) if images.dtype in SHORT else images.detach()
        self.register_buffer("images", kept.clone(memory_format=torch.contiguous_format))
        self._labels = labels
        self._fingerprint: str | None = None
        self.register_load_state_dict_post_hook(_forget_fingerprint)

    def __len__(self) -> int:
        return len(self.images)

    def extra_repr(self) -> str:
        return f"{len(self)} images {tuple(self.image_shape)}, {self.images.dtype}"

    @property
    def image_shape(self) -> torch.Size:
        """(C, H, W)."""
        return self.images.shape[1:]

    @property
    def labels(self) -> Tensor | None:  # [N] int64, on the CPU
        """The class of each image; None where classes are not known. Raises ValueError if they do not fit."""
        found = None if self._labels is None else self._labels()
        if found is not None and len(found) != len(self):
            raise ValueError(f"labels: want one for each of {len(self)} images, got {len(found)}")
        return found

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with any pixel, with the order, the shape or the type at rest.

        What changes the statistics (data, split, subset, size, flip, pattern, gamma, seed) changes pixels.
        """
        if self._fingerprint is None:
            pixels = self.images.detach().cpu().contiguous()
            digest = hashlib.blake2b(f"{tuple(pixels.shape)} {pixels.dtype}".encode(), digest_size=16)
            digest.update(pixels.numpy().data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def chunks(
        self,
        size: int,
        dtype: torch.dtype | None = None,  # float32 (torch's default) unless asked
    ) -> Iterator[Tensor]:  # [<= size, C, H, W] floats in [-1, 1]
        """The images in order, `size` at a time."""
        if size < 1:
            raise ValueError(f"size: want at least 1 image a chunk, got {size}")
        for start in range(0, len(self), size):
            yield to_float(self.images[start : start + size], dtype)

    def subset(
        self,
        indices: Sequence[int] | Tensor,  # whole numbers, or a bool mask [N]
    ) -> ImageBank:
        """A bank of the named images, in the order of the indices."""
        chosen = torch.as_tensor(indices, device=self.images.device)
        chosen = chosen if chosen.dtype == torch.bool else chosen.long()
        labels = None if self._labels is None else self._labels.at(chosen)
        # Their scale was settled for all of them together.
        return ImageBank(self.images[chosen], bound=math.inf, labels=labels)


def thinned(bank: ImageBank, count: int) -> ImageBank:
    """Evenly spread images of a bank, for what would take too long with all of them."""
    if not 1 <= count <= len(bank):
        raise ValueError(f"count: want 1 to {len(bank)} images, got {count}")
    return bank if count == len(bank) else bank.subset(torch.arange(count) * len(bank) // count)


def to_float(
    images: Tensor,  # [...] uint8 or float
    dtype: torch.dtype | None = None,
) -> Tensor:  # [...] float in [-1, 1]
    """Images as floats in [-1, 1], whatever they rest as."""
    dtype = dtype or torch.get_default_dtype()
    return images.to(dtype) / 127.5 - 1 if images.dtype == torch.uint8 else images.to(dtype)


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
    if images.is_meta:
        return  # it has no values
    low, high = images.min().item(), images.max().item()
    if not (abs(low) < math.inf and abs(high) < math.inf):
        raise ValueError("images: want finite values, got NaN or infinity")
    if images.dtype != torch.uint8 and max(-low, high) > bound:
        remedy = (
            "pass uint8 or divide by 127.5 and subtract 1" if low >= 0 and high > _BYTES
            else "scale them, or give a larger bound if they are meant to be so"
        )  # fmt: skip
        raise ValueError(f"images: want floats in [-1, 1], got {low:.4g} to {high:.4g}; {remedy}")


def _forget_fingerprint(bank: nn.Module, _: object) -> None:
    bank._fingerprint = None  # type: ignore[assignment]
