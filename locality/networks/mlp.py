"""A network that does not know what a neighbour is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from einops import rearrange
from torch import Tensor, nn


def mlp(
    image_shape: Sequence[int],  # (C, H, W)
    width: int = 256,  # of the hidden state
    depth: int = 3,  # residual blocks
    expansion: int = 2,  # width inside a block, over that of the state
    dropout: float = 0.0,
) -> nn.Module:
    """Fully connected layers that predict the noise: `net(x_vp, t)` is `[B, C, H, W]`.

    No convolution, no patches, no position: the image is a list of numbers in no particular order.
    """
    n = torch.Size(image_shape).numel()
    if width < 8 or width % 2 or depth < 1:
        raise ValueError(
            f"width, depth: want an even width from 8 and at least 1 block, got {width}, {depth}"
        )
    return FullyConnected(n, width, depth, expansion, dropout)


class Stack(nn.Module, ABC):
    """`gain(t) x + whole(out(blocks(in(parts(x)), t)))`: what networks of dense layers have in common."""

    def __init__(
        self,
        numbers: int,  # that a state is read from
        width: int,  # of a state
        blocks: Iterable[nn.Module],  # block(state, time [B, width]) -> state
    ) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.gain = nn.Linear(width, 1)
        self.inward, self.outward = nn.Linear(numbers, width), nn.Linear(width, numbers)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        nn.init.zeros_(self.outward.weight)

    @abstractmethod
    def parts(self, x: Tensor) -> Tensor:  # [B, C, H, W] -> [B, ..., numbers]
        """What states are read from."""

    @abstractmethod
    def whole(self, parts: Tensor, x: Tensor) -> Tensor:  # [B, ..., numbers] -> [B, C, H, W], the shape of x
        """The image that parts make up."""

    def forward(
        self,
        x: Tensor,  # [B, C, H, W] in DDPM's coordinates
        t: Tensor,  # [B] time-steps
    ) -> Tensor:  # [B, C, H, W] the noise
        """The network's prediction."""
        time = self.time(waves(t, self.norm.normalized_shape[0]).to(x))
        state = self.inward(self.parts(x))
        for block in self.blocks:
            state = block(state, time)
        return self.gain(time)[:, :, None, None] * x + self.whole(self.outward(self.norm(state)), x)


class FullyConnected(Stack):
    """`eps = gain(t) x + out(blocks(in(x), t))`, all of it dense.

    The gain is one number for the whole image, and without it a state narrower than the image could not
    predict noise, which fills every direction. It commutes with any rotation of the space of images, and
    `in` and `out` are dense. So the network can learn the same in every basis. That it is more sensitive to
    near pixels than to far ones is not built in.
    """

    def __init__(self, n: int, width: int, depth: int, expansion: int, dropout: float) -> None:
        super().__init__(n, width, (Block(width, expansion, dropout) for _ in range(depth)))

    def parts(self, x: Tensor) -> Tensor:  # [B, n]
        """The image as one list of numbers."""
        return rearrange(x, "b c h w -> b (c h w)")

    def whole(self, parts: Tensor, x: Tensor) -> Tensor:
        """The list as an image."""
        return parts.reshape(x.shape)


class Block(nn.Module):
    """`h + W2 silu(W1 (norm(h) (1 + scale(t)) + shift(t)))`."""

    def __init__(self, width: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 2 * width)
        self.layers = nn.Sequential(
            nn.Linear(width, expansion * width),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
        )

    def forward(
        self,
        state: Tensor,  # [B, width]
        time: Tensor,  # [B, width]
    ) -> Tensor:  # [B, width]
        """The state, changed a little."""
        scale, shift = self.modulation(nn.functional.silu(time)).chunk(2, dim=-1)
        return state + self.layers(self.norm(state) * (1 + scale) + shift)


def waves(
    t: Tensor,  # [B] time-steps
    width: int,  # even
) -> Tensor:  # [B, width] float32
    """Sines and cosines of the time-step, wavelengths from 2 pi to 20,000 pi (Vaswani et al. 2017)."""
    rates = torch.exp(-math.log(1e4) * torch.arange(width // 2, device=t.device) / (width // 2))
    angles = t.float()[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
