"""The rows of a precision: one softmax each, and the outputs that it serves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from locality.full_precision import SHORT

_EXACT_IN_FLOAT32 = (torch.float32, *SHORT)


@dataclass(frozen=True)
class Rows:
    """A precision A without its repetitions.

    Outputs with equal rows share one. Where every row looks at all channels alike, the row says so once
    (P = H W places instead of n), and squared differences are added over channels first.
    """

    mask: Tensor  # [R, P] bool, or non-negative real
    row_of_output: Tensor  # [n] which row serves each output
    image_shape: torch.Size  # (C, H, W)

    @property
    def real(self) -> bool:
        """Whether the rows have weights, and not only members."""
        return self.mask.dtype != torch.bool

    @property
    def places(self) -> int:
        """How many places a row looks at or not."""
        return self.mask.shape[1]

    @property
    def bits(self) -> np.ndarray:  # [R, P] uint8
        """The mask, as compiled code takes it."""
        return self.mask.numpy().view(np.uint8)

    @property
    def repeats(self) -> int:
        """How many channels one place stands for."""
        return self.image_shape.numel() // self.mask.shape[1]

    @cached_property
    def own(self) -> Tensor:  # [n]
        """How much each output looks at its own place: `A[q, q]`."""
        places = torch.arange(len(self.row_of_output), device=self.mask.device) % self.mask.shape[1]
        return self.mask[self.row_of_output, places]

    def to(self, device: torch.device) -> Rows:
        """The rows on a device."""
        return Rows(self.mask.to(device), self.row_of_output.to(device), self.image_shape)

    @classmethod
    def of_windows(
        cls,
        patch_size: int,  # pixels, odd
        image_shape: torch.Size,
    ) -> Rows:
        """A row for each pixel: the square around it, cut at the border, in all channels."""
        channels, height, width = image_shape
        radius = patch_size // 2
        down, right = torch.arange(height), torch.arange(width)
        near_rows = (down[:, None] - down).abs() <= radius
        near_columns = (right[:, None] - right).abs() <= radius
        mask = rearrange(near_rows, "q p -> q 1 p 1") & rearrange(near_columns, "q p -> 1 q 1 p")
        return cls(
            rearrange(mask, "h w y x -> (h w) (y x)"),
            torch.arange(height * width).repeat(channels),
            image_shape,
        )

    def sums(
        self,
        values: Tensor,  # [B, P]
    ) -> Tensor:  # [B, R] float64
        """`sum_p A[u, p] values_p`, a few rows at a time."""
        parts = [values.double() @ part.double().T for part in self.mask.split(256)]
        return torch.cat(parts, dim=1)

    @classmethod
    def of_precision(
        cls,
        precision: Tensor,  # [n, n] bool or non-negative real, entry [q, p] = A[q, p]
        image_shape: torch.Size,
    ) -> Rows:
        """The distinct rows of a precision.

        Raises ValueError unless it is a finite, non-negative [n, n].
        """
        mask = _checked(precision, image_shape.numel())
        distinct, row_of_output = mask, torch.arange(len(mask))
        if mask.dtype == torch.bool:
            distinct, row_of_output = _distinct(mask)
        planes = rearrange(distinct, "r (c p) -> r c p", c=image_shape[0])
        if bool((planes == planes[:, :1]).all()):
            distinct = planes[:, 0].contiguous()
        return cls(distinct, row_of_output.to(mask.device), image_shape)


def _checked(precision: Tensor, n: int) -> Tensor:
    if not isinstance(precision, Tensor) or precision.shape != (n, n):
        got = tuple(precision.shape) if isinstance(precision, Tensor) else type(precision).__name__
        raise ValueError(f"precision: want [{n}, {n}], entry [q, p] for output q and input p, got {got}")
    if precision.dtype == torch.bool:
        return precision
    precision = precision.detach()
    if not bool((torch.isfinite(precision) & (precision >= 0)).all()):
        raise ValueError("precision: want finite entries from 0, got NaN, infinite or negative ones")
    mask = precision != 0
    if bool((precision == mask).all()):
        return mask
    # A copy, as plans outlive the caller's tensor; float32 is kept, as sums are in float64 whatever it is.
    return precision.to(torch.float32 if precision.dtype in _EXACT_IN_FLOAT32 else torch.float64, copy=True)


def _distinct(mask: Tensor) -> tuple[Tensor, Tensor]:
    packed = np.packbits(mask.cpu().numpy(), axis=1)
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # rows in the order of the outputs: neighbours read the same table rows
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    chosen = torch.from_numpy(first[order]).to(mask.device)
    return mask[chosen], torch.from_numpy(rank[inverse.reshape(-1)])
