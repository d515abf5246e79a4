"""Diffusion transformers, built by diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


def dit(
    image_shape: Sequence[int],  # (C, H, W), H = W
    width: int = 128,  # of a token; a multiple of heads
    depth: int = 4,  # transformer blocks
    heads: int = 4,
    patch_size: int = 2,  # pixels, side of the square that a token stands for
    dropout: float = 0.0,
) -> nn.Module:
    """A transformer over patches that predicts the noise (Peebles & Xie 2022): `net(x_vp, t)`.

    Every token sees every other; the one prior on where a patch lies is a fixed code of its position.
    Raises ValueError for sizes that do not divide.
    """
    from diffusers import DiTTransformer2DModel

    count, height, side = image_shape
    if height != side or side % patch_size:
        raise ValueError(
            f"patch_size: want square images in whole patches of {patch_size}, got {height} x {side}"
        )
    if width % heads or width % 4:
        raise ValueError(f"width: want a multiple of heads={heads} and of 4, got {width}")
    net = DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=width // heads,
        in_channels=count,
        out_channels=count,  # the noise; not its variance, too
        num_layers=depth,
        dropout=dropout,
        sample_size=side,
        patch_size=patch_size,
        num_embeds_ada_norm=1,
    )
    return Unlabelled(cast(nn.Module, net), label=1)


class Unlabelled(nn.Module):
    """A network of classes, asked always for the class that means none.

    In training diffusers' model replaces labels by that one at random; it finds nothing to replace.
    """

    def __init__(
        self,
        net: nn.Module,  # net(x, timestep=t, class_labels=labels).sample
        label: int,  # that means no class
    ) -> None:
        super().__init__()
        self.net, self.label = net, label

    def forward(
        self,
        x: Tensor,  # [B, C, H, W] in DDPM's coordinates
        t: Tensor,  # [B] time-steps
    ) -> Tensor:  # [B, C, H, W] the noise
        """The network's prediction."""
        labels = torch.full((len(x),), self.label, dtype=torch.long, device=x.device)
        noise: Tensor = self.net(x, timestep=t, class_labels=labels).sample
        return noise
