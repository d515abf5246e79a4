"""Softmaxes over every patch at every location, and the kernels that there are for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import pad, unfold


@dataclass(frozen=True)
class Patches:
    """A softmax for each pixel: the patch around it, compared with patches of the bank by their centres."""

    image_shape: torch.Size
    radius: int  # half the patch, without its centre
    wraps: bool  # images wrap around; else only patches that the border cuts in the same way
    device: torch.device

    @property
    def side(self) -> int:
        """The patch size, in pixels."""
        return 2 * self.radius + 1

    @property
    def places(self) -> int:
        """H W."""
        return self.image_shape[1] * self.image_shape[2]

    @cached_property
    def row_of_output(self) -> Tensor:  # [n]
        """The pixel of each output."""
        return torch.arange(self.image_shape.numel(), device=self.device) % self.places

    def sums(
        self,
        values: Tensor,  # [B, H W]
    ) -> Tensor:  # [B, H W] float64
        """The sum of a plane over the patch of each pixel."""
        channels = self.image_shape[0]
        return self.cut(values.double().repeat(1, channels)).sum(-1) / channels

    def cut(
        self,
        flat: Tensor,  # [i, n]
    ) -> Tensor:  # [i, H W, k k C]
        """The patch around each pixel; zeros outside the image, unless it wraps around."""
        c, h, w = self.image_shape
        images = rearrange(flat, "i (c h w) -> i c h w", c=c, h=h, w=w)
        if self.wraps:
            down, right = (
                torch.arange(-self.radius, size + self.radius, device=flat.device) % size for size in (h, w)
            )
            padded = images[:, :, down][:, :, :, right]
        else:
            padded = pad(images, (self.radius,) * 4)
        return rearrange(unfold(padded, self.side), "i k q -> i q k")
