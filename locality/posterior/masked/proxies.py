"""The choice of a golden subset: the images nearest to x after pooling, and of these the nearest in full."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import torch
from einops import rearrange
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d

from locality.posterior.view import View


class Lengths(NamedTuple):
    """Half the squared lengths of images, which no noisy image changes; [N] float64, as `Blocks` has them."""

    full: Tensor
    pooled: Tensor

    def pick(self, which: Tensor) -> Lengths:
        """The lengths of some of the images."""
        return Lengths(*(part[which] for part in self))


@dataclass(frozen=True)
class Pooling:
    """The mean over the cells of a grid, in each channel: `P v`."""

    image_shape: torch.Size  # (C, H, W)
    size: int  # pixels, the side of pooled images; smaller images stay as they are

    def __call__(
        self,
        flat: Tensor,  # [i, C H W]
    ) -> Tensor:  # [i, C S S]
        """`P v` of each line."""
        down, right = (matrix.to(flat) for matrix in self._sides)
        return self._along(flat, self.image_shape[1], down, right.T)

    def transposed(
        self,
        flat: Tensor,  # [i, C S S]
    ) -> Tensor:  # [i, C H W]
        """`P^T u` of each line."""
        down, right = (matrix.to(flat) for matrix in self._sides)
        return self._along(flat, len(down), down.T, right)

    def _along(self, flat: Tensor, height: int, down: Tensor, right: Tensor) -> Tensor:
        planes = rearrange(flat, "i (c h w) -> (i c) h w", c=self.image_shape[0], h=height)
        return rearrange(down @ (planes @ right), "(i c) h w -> i (c h w)", c=self.image_shape[0])

    @cached_property
    def _sides(self) -> tuple[Tensor, Tensor]:
        """What averages along columns, [S, H], and along lines, [S, W]."""
        down, right = (adaptive_avg_pool1d(torch.eye(k), min(k, self.size)) for k in self.image_shape[1:])
        return down.T, right.T


@dataclass(frozen=True)
class Proxies:
    """Images, and what is known of them before a noisy one comes."""

    view: View  # with one centre
    pooling: Pooling
    lengths: Lengths  # of the images that are here

    @staticmethod
    def measured(view: View, pooling: Pooling) -> Lengths:
        """The lengths, in one pass."""
        full: list[Tensor] = []
        pooled: list[Tensor] = []
        for block in (block for part in view.parts() for block in part.blocks):
            for part, found in ((block, full), (pooling(block), pooled)):
                found.append(part.square().sum(1, dtype=torch.float64) / 2)
        return Lengths(torch.cat(full), torch.cat(pooled))

    def pick(
        self,
        which: Tensor,  # positions, ascending
    ) -> Proxies:
        """Some of the images."""
        mine, _ = self.view.mine(which)
        return replace(self, view=self.view.pick(which), lengths=self.lengths.pick(mine))

    def nearest(
        self,
        x: Tensor,  # [B, n]
        coarse: int,  # images that pooling keeps
        fine: int,  # of these, those that are kept in the end
    ) -> Tensor:  # [B, fine] positions, ascending
        """The candidates of each image; of those that float32 cannot tell apart, any."""
        full, *pooled = self._half_distances(x, coarse < self.view.here.total)
        if not pooled:
            return full.topk(fine, largest=False).indices.sort().values
        near = pooled[0].topk(coarse, largest=False, sorted=False).indices
        nearest = full.gather(1, near).topk(fine, largest=False).indices
        return near.gather(1, nearest).sort().values

    def _half_distances(self, x: Tensor, pooled: bool) -> list[Tensor]:  # [B, N] in full, and after pooling
        q = self.view.blocks.coordinates(x)
        # (P q).(P v) = (P^T P q).v: one reading of the images serves both distances.
        asked = [q, self.pooling.transposed(self.pooling(q))] if pooled else [q]
        products = torch.cat([part.blocks.products(torch.cat(asked)) for part in self.view.parts()], 1)
        halves = [one - two for one, two in zip(self.lengths, products.chunk(len(asked)), strict=False)]
        shard = self.view.shard
        if shard is None:
            return halves
        # Ranks may have centres of their own: what is sent holds the length of x about them, too.
        halves = [half + (one * q).sum(1, keepdim=True) / 2 for half, one in zip(halves, asked, strict=True)]
        every = shard.gather_rows(rearrange(torch.stack(halves), "k b i -> i k b"), shard.counts)
        return list(rearrange(torch.cat(every), "i k b -> k b i"))
