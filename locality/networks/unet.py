"""DDPM U-Nets, built by diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from einops import rearrange
from torch import Tensor, nn

Attention = Literal["none", "middle", "all"]


def unet(
    image_shape: Sequence[int],  # (C, H, W)
    channels: Sequence[int] = (32, 64, 64),  # width of each level, high to low resolution
    layers: int = 2,  # residual blocks a level
    attention: Attention = "middle",  # where self-attention sits; "middle" is the paper's choice
    dropout: float = 0.0,  # in the residual blocks
    groups: int = 32,  # of the group normalisation; divides every width
    classes: int = 0,  # that it can be told; 0: none
    patch_size: int = 1,  # pixels, side of the square that the U-Net sees as one pixel
) -> nn.Module:
    """A U-Net that predicts the noise, as in Ho et al. 2020: `net(x_vp, t).sample` is `[B, C, H, W]`.

    With classes it is a `ClassUNet`, which is called `net(x_vp, t, labels)`, too. With a `patch_size` above 1
    it is a `PatchUNet`: at equal widths a step has `patch_size^2` times fewer operations, and its fields may
    show a grid that the data do not have.

    Raises ValueError where the image is too small for the levels, or in no whole patches, or a width is no
    multiple of the groups.
    """
    from diffusers import UNet2DModel

    height, width = _in_patches(image_shape, patch_size)
    count = image_shape[0] * patch_size**2
    _check(height, width, channels, groups, attention)
    if not isinstance(classes, int) or isinstance(classes, bool) or classes < 0:
        raise ValueError(f"classes: want a whole number from 0, got {classes!r}")
    plain, attentive = ("DownBlock2D", "UpBlock2D"), ("AttnDownBlock2D", "AttnUpBlock2D")
    down, up = attentive if attention == "all" else plain
    net = UNet2DModel(
        sample_size=(height, width),
        in_channels=count,
        out_channels=count,
        block_out_channels=tuple(channels),
        down_block_types=(down,) * len(channels),
        up_block_types=(up,) * len(channels),
        layers_per_block=layers,
        add_attention=attention != "none",
        dropout=dropout,
        norm_num_groups=groups,
        attention_head_dim=None,
        num_class_embeds=classes + 1 if classes else None,
    )
    module = cast(nn.Module, net)
    told = ClassUNet(module, classes) if classes else module
    return told if patch_size == 1 else PatchUNet(told, patch_size)


class ClassUNet(nn.Module):
    """A U-Net that is told the class of each image, or the number after the last: no class."""

    def __init__(
        self,
        unet: nn.Module,  # a UNet2DModel of diffusers, with `classes + 1` class embeddings
        classes: int,
    ) -> None:
        super().__init__()
        self.unet, self.classes = unet, classes

    def forward(
        self,
        x: Tensor,  # [B, C, H, W]
        t: Tensor,  # [B]
        labels: Tensor | None = None,  # [B] int64, to `classes`, which is no class; None: no class for all
    ) -> Tensor:  # [B, C, H, W]
        """The network's output."""
        if labels is None:
            labels = torch.full((len(x),), self.classes, device=x.device)
        return cast(Tensor, self.unet(x, t, class_labels=labels).sample)


class PatchUNet(nn.Module):
    """A U-Net on patches: the numbers of a square of pixels are the channels of one pixel."""

    def __init__(
        self,
        unet: nn.Module,  # for images of `[C side^2, H / side, W / side]`
        side: int,  # of a square, in pixels
    ) -> None:
        super().__init__()
        self.unet, self.side = unet, side
        self.classes = int(getattr(unet, "classes", 0))

    def forward(
        self,
        x: Tensor,  # [B, C, H, W]
        t: Tensor,  # [B]
        labels: Tensor | None = None,  # of a U-Net that is told them
    ) -> Tensor:  # [B, C, H, W]
        """The network's output."""
        patches = rearrange(x, "b c (h r) (w s) -> b (c r s) h w", r=self.side, s=self.side)
        out = self.unet(patches, t) if labels is None else self.unet(patches, t, labels)
        noise = out if isinstance(out, Tensor) else out.sample
        return rearrange(noise, "b (c r s) h w -> b c (h r) (w s)", r=self.side, s=self.side)


def _in_patches(image_shape: Sequence[int], side: int) -> tuple[int, int]:
    """(height, width) in patches."""
    _, height, width = image_shape
    whole = isinstance(side, int) and not isinstance(side, bool) and side > 0
    if not whole or height % side or width % side:
        raise ValueError(
            f"patch_size: want images in whole patches of it, got {side} for {height} x {width} pixels"
        )
    return height // side, width // side


def _check(height: int, width: int, channels: Sequence[int], groups: int, attention: str) -> None:
    if attention not in ("none", "middle", "all"):
        raise ValueError(f"attention: want 'none', 'middle' or 'all', got {attention!r}")
    if not channels:
        raise ValueError("channels: want at least one width, got none")
    if any(c % groups for c in channels):
        raise ValueError(f"channels: want multiples of groups={groups}, got {list(channels)}")
    halvings = len(channels) - 1
    if height % 2**halvings or width % 2**halvings:
        raise ValueError(
            f"channels: {len(channels)} levels halve the image {halvings} times, and {height} x {width} "
            f"pixels cannot be; give fewer widths than {list(channels)}"
        )
