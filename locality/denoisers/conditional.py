"""Denoisers that can be told the class of each image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor

from locality.denoisers.base import Denoiser
from locality.denoisers.options import real


class Conditional(Denoiser, ABC):
    """A denoiser `D(x, sigma)` that also knows `D(x, sigma, class)`; by itself it is told no class."""

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes it knows; 0: none, and it cannot be told any."""

    @abstractmethod
    def conditioned(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: Tensor,  # [B]
        labels: Tensor,  # [B] int64, from 0 to classes - 1
    ) -> Tensor:  # [B, C, H, W]
        """The estimate where each image's class is known, for arguments that are known to be good."""

    def given(
        self,
        labels: int | Sequence[int] | Tensor,  # of all images, or one for each image of a batch
        guidance: float = 1.0,  # 1: the class as it is; above 1: more of it; 0: the class forgotten
    ) -> GivenClass:
        """The denoiser of images whose classes are known; see `GivenClass`."""
        return GivenClass(self, labels, guidance)


class GivenClass(Denoiser):
    """A conditional denoiser that is told the classes: `D = D(x) + guidance (D(x, class) - D(x))`.

    Classifier-free guidance (Ho & Salimans 2022, eq. 6, whose w is `guidance - 1`). The estimate is linear in
    the noise estimate, so guiding one is guiding the other.

    Raises ValueError for a denoiser without classes and for labels beyond them.
    """

    labels: Tensor

    def __init__(
        self,
        conditional: Conditional,
        labels: int | Sequence[int] | Tensor,  # one for all images, or [B] for the images of every batch
        guidance: float = 1.0,
    ) -> None:
        super().__init__()
        if not isinstance(conditional, Conditional) or conditional.classes < 1:
            raise ValueError(f"conditional: want a denoiser with classes, got {type(conditional).__name__}")
        found = torch.as_tensor(labels)
        fits = found.dtype in (torch.int64, torch.int32, torch.uint8) and found.ndim <= 1
        if not fits or bool(((found < 0) | (found >= conditional.classes)).any()):
            want = f"whole numbers from 0 to {conditional.classes - 1}"
            raise ValueError(f"labels: want {want}, one or [B], got {labels!r:.80}")
        self.conditional = conditional
        self.autocast = conditional.autocast
        self.guidance = real("guidance", guidance, isfinite, "a finite number")
        self.image_shape = conditional.image_shape
        self.register_buffer("labels", found.long(), persistent=False)

    def extra_repr(self) -> str:
        return f"guidance={self.guidance:g}"

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The estimate that the classes lead to. Raises ValueError for a batch of another length."""
        if self.labels.ndim and len(self.labels) not in (1, len(x)):
            raise ValueError(f"x: want {len(self.labels)} images, as there are labels, got {len(x)}")
        labels = self.labels.to(x.device).expand(len(x))
        told = self.conditional.conditioned(x, sigma, labels)
        if self.guidance == 1:
            return told
        untold = self.conditional.estimate(x, sigma)
        return untold + self.guidance * (told - untold)
