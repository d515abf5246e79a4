"""The kernel of products of cut-out patches, in torch, float64: any device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from einops import einsum, rearrange
from torch import Tensor

from locality.posterior.kernel import FieldKernel, Probe
from locality.posterior.patches.kernel import Patches
from locality.posterior.rounding import PixelMoments, Query
from locality.posterior.softmax import Weighed
from locality.posterior.view import View

_NEVER = -1e300  # a logit whose weight is 0; minus infinity times 0 would not be
_EACH, _PER_INPUT = 5.0, 0.04  # nanoseconds for a candidate, and for each number of its patch


@dataclass(frozen=True)
class DensePatches(FieldKernel):
    """Patches times patches, a few images at a time: slower than running sums, but nothing is compiled."""

    patches: Patches

    def usable(self, device: torch.device) -> bool:
        """It runs anywhere."""
        return True

    def cost(self, dtype: torch.dtype) -> float:
        """A product for each candidate, of all its patch; there is no float32."""
        size = self.patches.side**2 * self.patches.image_shape[0]
        return torch.inf if dtype == torch.float32 else self.patches.places * (_EACH + _PER_INPUT * size)

    def error(self, query: Query, moments: PixelMoments) -> Tensor:
        """None: there is no float32."""
        return torch.zeros_like(query.x[:, 0])

    def weigh(self, view: View, query: Query, values: bool = True, bounds: Tensor | None = None) -> Weighed:
        """One pass over all patches."""
        owner = self.patches.row_of_output
        state = Weighed.empty(len(query.x), self.patches.places, owner)
        for _, centres, logits in self._tiles(view, query):
            state = state.merge(
                Weighed.of(logits, owner, lambda w, v=centres: einsum(w, v, "b q i, i c -> b c q").flatten(1))  # type: ignore[misc]
            )
        return state

    def transpose(
        self, view: View, query: Query, evidence: Tensor, probe: Probe, means: Tensor, centre: Tensor
    ) -> Tensor:
        """Two more products for each tile; patches are laid back where they were cut out."""
        g = rearrange(probe.g.double(), "b (c q) -> b q c", q=self.patches.places)
        collected = g.new_zeros(len(g), self.patches.places, self._where.shape[1])
        for patches, centres, logits in self._tiles(view, query):
            weights = (logits - evidence[..., None]).exp()
            weights *= einsum(g, centres, "b q c, i c -> b q i") - means[..., None]
            collected += weights @ patches
        return self._laid_back(collected)

    def fields(self, view: View, query: Query, evidence: Tensor, mean: Tensor, outputs: Tensor) -> Tensor:
        """`sum_c Cov_w(q)(X_q, X_p)` for the channels of each pixel q: it lies in the patch around q."""
        pixels = outputs[:, 0] % self.patches.places
        middle = rearrange(mean, "b (c q) -> b q c", q=self.patches.places)[:, pixels].sum(-1)
        collected = mean.new_zeros(len(mean), len(pixels), self._where.shape[1])
        for patches, centres, logits in self._tiles(view, query, pixels):
            weights = (logits - evidence[:, pixels, None]).exp()
            collected += (weights * (centres.sum(-1) - middle[..., None])) @ patches
        n = self.patches.image_shape.numel()
        out = collected.new_zeros(len(mean), len(pixels), n + 1)
        where = self._where[pixels].expand_as(collected)
        return out.scatter_add_(2, where, collected)[..., :n]

    @property
    def _where(self) -> Tensor:  # [H W, k k C] which input each entry of a patch is; n outside the image
        n = self.patches.image_shape.numel()
        index = torch.arange(n, dtype=torch.float64, device=self.patches.device)
        cut = self.patches.cut(index[None] - n)[0] + n  # zeros of the border become n
        return cut.round().long()

    def _tiles(
        self, view: View, query: Query, pixels: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:  # patches [i, k], centres [i, C], logits [B, q, i]
        places = self.patches.places
        pixels = torch.arange(places, device=query.x.device) if pixels is None else pixels
        asked = self.patches.cut(query.x)[:, pixels]
        shift, scale = self.patches.sums(query.shift)[:, pixels], query.scale[:, None, None]
        kinds = self._kinds()
        each = places * (3 * asked.shape[2] + 4 * len(asked) * len(pixels))
        for flat in view.chunks(each, 3 * asked.numel()):
            patches = rearrange(self.patches.cut(flat), "i q k -> (i q) k")
            centres = rearrange(flat, "i (c q) -> (i q) c", q=places)
            constant = asked.square().sum(-1, keepdim=True) + patches.square().sum(-1)
            logits = (2 * asked @ patches.T - constant) * scale + shift[..., None]
            if kinds is not None:
                other = kinds[pixels, None] != kinds.repeat(len(flat))
                logits = logits.masked_fill_(other, _NEVER)
            yield patches, centres, logits

    def _kinds(self) -> Tensor | None:  # [H W] how the border cuts the patch there, as a number
        if self.patches.wraps:
            return None
        radius, device = self.patches.radius, self.patches.device
        total = torch.zeros((), dtype=torch.long, device=device)
        for size in self.patches.image_shape[1:]:
            place = torch.arange(size, device=device)
            before, after = radius - place, radius - (size - 1 - place)
            cut = before.clamp(min=0) * (radius + 1) + after.clamp(min=0)
            total = total[..., None] * (radius + 1) ** 2 + cut
        return total.flatten()

    def _laid_back(self, collected: Tensor) -> Tensor:  # [B, H W, k k C] -> [B, n]
        n = self.patches.image_shape.numel()
        out = collected.new_zeros(len(collected), n + 1)
        return out.index_add_(1, self._where.flatten(), collected.flatten(1))[:, :n]
