"""A network of dense layers over patches, and over what each patch holds."""

from __future__ import annotations

from collections.abc import Sequence

from einops import rearrange
from torch import Tensor, nn

from locality.networks.mlp import Stack


def mixer(
    image_shape: Sequence[int],  # (C, H, W)
    width: int = 128,  # numbers of a token
    depth: int = 6,  # blocks
    mixing: int = 256,  # hidden width of the layers over tokens
    expansion: int = 3,  # hidden width of the layers over a token, over its own
    patch_size: int = 2,  # pixels, side of the square that a token stands for
    dropout: float = 0.0,
) -> nn.Module:
    """An MLP-Mixer that predicts the noise (Tolstikhin et al. 2021): `net(x_vp, t)` is `[B, C, H, W]`.

    No convolution and no attention. A dense layer over the tokens is told neither which of them are near nor
    where they lie: beyond a patch it knows no neighbour. Raises ValueError for sizes that do not divide.
    """
    count, height, side = image_shape
    if height % patch_size or side % patch_size:
        raise ValueError(f"patch_size: want an image in whole patches of {patch_size}, got {height} x {side}")
    if width < 8 or width % 2 or depth < 1 or mixing < 1:
        raise ValueError(
            "width, depth, mixing: want an even width from 8, at least 1 block and 1 hidden number, "
            f"got {width}, {depth}, {mixing}"
        )
    tokens = (height // patch_size) * (side // patch_size)
    return Mixer(tokens, count, patch_size, width, depth, mixing, expansion, dropout)


class Mixer(Stack):
    """`gain(t) x + out(blocks(in(patches of x), t))`.

    The gain is one number for the whole image. The skip is no part of what is mixed, so that a state of few
    numbers need not carry the noise of all pixels.
    """

    def __init__(
        self, tokens: int, count: int, patch: int, width: int, depth: int, mixing: int, expansion: int,
        dropout: float,
    ) -> None:  # fmt: skip
        blocks = (MixerBlock(tokens, width, mixing, expansion, dropout) for _ in range(depth))
        super().__init__(count * patch**2, width, blocks)
        self.patch = patch

    def parts(self, x: Tensor) -> Tensor:  # [B, tokens, C * patch^2]
        """The patches."""
        return rearrange(x, "b c (h p) (w q) -> b (h w) (c p q)", p=self.patch, q=self.patch)

    def whole(self, parts: Tensor, x: Tensor) -> Tensor:
        """The patches in their places."""
        rows = x.shape[-2] // self.patch
        return rearrange(parts, "b (h w) (c p q) -> b c (h p) (w q)", h=rows, p=self.patch, q=self.patch)


class MixerBlock(nn.Module):
    """A dense layer over the tokens of each number, then one over the numbers of each token."""

    def __init__(self, tokens: int, width: int, mixing: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.modulation = nn.Linear(width, 4 * width)
        self.over_tokens = _layers(tokens, mixing, dropout)
        self.over_numbers = _layers(width, expansion * width, dropout)

    def forward(
        self,
        state: Tensor,  # [B, tokens, width]
        time: Tensor,  # [B, width]
    ) -> Tensor:  # [B, tokens, width]
        """The state, changed a little."""
        steps = self.modulation(nn.functional.silu(time))[:, None].chunk(4, dim=-1)
        mixed = self.norms[0](state) * (1 + steps[0]) + steps[1]
        state = state + self.over_tokens(mixed.mT).mT
        mixed = self.norms[1](state) * (1 + steps[2]) + steps[3]
        change: Tensor = self.over_numbers(mixed)
        return state + change


def _layers(width: int, hidden: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, width))
