"""The scan over every patch as matrix products of cut-out patches, in torch, float64: any device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from torch import Tensor
from torch.nn.functional import pad, unfold

from locality.bank import to_float
from locality.posterior.patches.kernel import ShiftScan, Window
from locality.posterior.rounding import Query
from locality.posterior.softmax import State
from locality.posterior.view import Limits

_NEVER = -1e300  # a logit whose weight is 0; minus infinity times 0 would not be


@dataclass(frozen=True)
class PatchScan(ShiftScan):
    """Patches times patches, a few images at a time. Slower than running sums, but with nothing to compile.

    Also gives whole rows of the Jacobian, which the running sums do not.
    """

    images: Tensor  # [N, n] as at rest
    image_shape: torch.Size
    window: Window
    limits: Limits

    def weigh(self, query: Query) -> State:
        """One pass over all patches."""
        owner = torch.arange(query.x.shape[1], device=query.x.device) % self._places
        state = State.empty(len(query.x), self._places, owner)
        for _, values, logits in self._tiles(query):
            state = state.merge(
                State.of(logits, owner, lambda w, v=values: einsum(w, v, "b q i, i c -> b c q").flatten(1))  # type: ignore[misc]
            )
        return state

    def transpose(self, query: Query, evidence: Tensor, mean: Tensor, g: Tensor) -> Tensor:
        """Two more products for each tile; patches are laid back where they were cut out."""
        probe = rearrange(g.double(), "b (c q) -> b q c", q=self._places)
        offset = (probe * rearrange(mean, "b (c q) -> b q c", q=self._places)).sum(-1)
        collected = query.x.new_zeros(len(probe), self._places, self._where.shape[1], dtype=torch.float64)
        for patches, values, logits in self._tiles(query):
            weights = (logits - evidence[..., None]).exp()
            weights *= einsum(probe, values, "b q c, i c -> b q i") - offset[..., None]
            collected += weights @ patches
        return self._laid_back(collected)

    def fields(
        self,
        query: Query,
        evidence: Tensor,  # [B, H W] from `weigh`
        mean: Tensor,  # [B, n] likewise
        pixels: Tensor,  # [P] places
    ) -> Tensor:  # [B, P, n] float64
        """`sum_c Cov_w(q)(X_q, X_p)` for the channels of each pixel q, in its window."""
        middle = rearrange(mean, "b (c q) -> b q c", q=self._places)[:, pixels].sum(-1)
        collected = query.x.new_zeros(len(middle), len(pixels), self._where.shape[1], dtype=torch.float64)
        for patches, values, logits in self._tiles(query, pixels):
            weights = (logits - evidence[:, pixels, None]).exp()
            collected += (weights * (values.sum(-1) - middle[..., None])) @ patches
        n = self.image_shape.numel()
        out = collected.new_zeros(len(middle), len(pixels), n + 1)
        where = self._where[pixels].expand_as(collected)
        return out.scatter_add_(2, where, collected)[..., :n]

    def window_sums(
        self,
        values: Tensor,  # [B, H W]
    ) -> Tensor:  # [B, H W] float64
        """The sum of a plane over the window of each pixel."""
        channels = self.image_shape[0]
        return self._cut(values.double().repeat(1, channels)).sum(-1) / channels

    @property
    def _places(self) -> int:
        return self.image_shape[1] * self.image_shape[2]

    @property
    def _where(self) -> Tensor:  # [H W, k k C] which input each entry of a patch is; n outside the image
        n = self.image_shape.numel()
        index = torch.arange(n, dtype=torch.float64, device=self.images.device)
        cut = self._cut(index[None] - n)[0] + n  # zeros of the border become n
        return cut.round().long()

    def _cut(self, flat: Tensor) -> Tensor:  # [i, H W, k k C]
        c, h, w = self.image_shape
        radius, wraps = self.window
        images = rearrange(flat, "i (c h w) -> i c h w", c=c, h=h, w=w)
        if wraps:
            down, right = (torch.arange(-radius, size + radius, device=flat.device) % size for size in (h, w))
            padded = images[:, :, down][:, :, :, right]
        else:
            padded = pad(images, (radius,) * 4)
        return rearrange(unfold(padded, self.window.side), "i k q -> i q k")

    def _tiles(
        self, query: Query, pixels: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:  # patches [i, k], centres [i, C], logits [B, q, i]
        pixels = torch.arange(self._places, device=query.x.device) if pixels is None else pixels
        asked = self._cut(query.x.double())[:, pixels]
        shift = self.window_sums(query.shift)[:, pixels]
        kinds = self._kinds()
        each = 8 * self._places * (3 * asked.shape[2] + 4 * len(asked) * len(pixels))
        for part in self.images.split(self.limits.size(each, 3 * 8 * asked.numel())):
            flat = to_float(part, torch.float64)
            patches = rearrange(self._cut(flat), "i q k -> (i q) k")
            values = rearrange(flat, "i (c q) -> (i q) c", q=self._places)
            constant = asked.square().sum(-1, keepdim=True) + patches.square().sum(-1)
            logits = (2 * asked @ patches.T - constant) * query.scale + shift[..., None]
            if kinds is not None:
                other = kinds[pixels, None] != kinds.repeat(len(part))
                logits = logits.masked_fill_(other, _NEVER)
            yield patches, values, logits

    def _kinds(self) -> Tensor | None:  # [H W] how the border cuts the patch there, as a number
        if self.window.wraps:
            return None
        total = torch.zeros((), dtype=torch.long, device=self.images.device)
        for size in self.image_shape[1:]:
            place = torch.arange(size, device=self.images.device)
            before, after = self.window.radius - place, self.window.radius - (size - 1 - place)
            cut = before.clamp(min=0) * (self.window.radius + 1) + after.clamp(min=0)
            total = total[..., None] * (self.window.radius + 1) ** 2 + cut
        return total.flatten()

    def _laid_back(self, collected: Tensor) -> Tensor:  # [B, H W, k k C] -> [B, n]
        n = self.image_shape.numel()
        out = collected.new_zeros(len(collected), n + 1)
        return out.index_add_(1, self._where.flatten(), collected.flatten(1))[:, :n]
