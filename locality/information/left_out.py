"""Images of a bank as if they were held out: each is explained by all others, never by its own copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.information.union import united
from locality.noise import generator, image_noise
from locality.posterior.engine import Posterior
from locality.posterior.masked.rows import Rows
from locality.posterior.softmax import Weighed

Posteriors = Callable[[Tensor, float], Posterior]  # (x [B, C, H, W], sigma) -> over some bank


@dataclass(frozen=True)
class LeftOut:
    """A seeded few images of a bank, noised, and the bank in two parts: theirs, and all others.

    The posterior of image i is over the bank without i, its exact copies and its exact mirror images. It is
    put together from that over the rest, the same for all, and that over the few without i's own, from direct
    differences in float64. No weight is subtracted, so nothing is lost where an image explains itself best.
    """

    few: Tensor  # [I, C, H, W] float32, clean
    noise: Tensor  # [I, C, H, W] standard normal, by the index of the image
    rest: ImageBank | None  # all but the few, their copies and their mirror images; None: there are no others
    beside: Tensor  # [J, C, H, W] float32: the few, their copies and mirror images, as they lie in the bank
    own: Tensor  # [I, J] bool: which of them are the image's own

    @classmethod
    def of(
        cls,
        bank: ImageBank,
        count: int,  # images
        seed: int,  # of which, and of their noise
    ) -> LeftOut | None:
        """None where no image would be left to explain another."""
        drawn = torch.randperm(len(bank), generator=generator(seed, "left out"))[:count].sort().values
        few = bank.taken(drawn)
        copies = torch.stack([_same(bank, image) | _same(bank, image.flip(-1)) for image in few])
        beside = copies.any(0)
        if bool(copies.all(1).any()):
            return None
        rest = None if bool(beside.all()) else bank.subset(~beside)
        noise = image_noise(drawn, few.shape[1:], seed, "left out").to(few.device)
        few, near = (to_float(each, torch.float32) for each in (few, bank.taken(beside)))
        return cls(few, noise, rest, near, copies[:, beside])

    def posterior(
        self,
        sigma: float,
        rows: Rows,  # of the precision
        others: Posteriors | None,  # over the rest; None where there is none
    ) -> Posterior:  # fields [I, C, H, W]
        """The posterior over the bank without the image's own copies, at a noise level."""
        x = self.few + sigma * self.noise
        parts = [] if others is None else [others(x, sigma)]
        if bool((~self.own).any(1).all()):
            parts.append(self._beside(x, sigma, rows))
        return united(parts)

    def _beside(self, x: Tensor, sigma: float, rows: Rows) -> Posterior:
        flat, owner, states = rearrange(self.beside.double(), "j c h w -> j (c h w)"), rows.row_of_output, []
        for one, own in zip(x.double(), self.own, strict=True):
            others = flat[~own]
            squares = (rearrange(one, "c h w -> (c h w)") - others).square()
            squares = rearrange(squares, "j (r p) -> j r p", r=rows.repeats).sum(1)
            logits = -(rows.mask.double() @ squares.T) / (2 * sigma**2)  # [R, J]
            states.append(
                Weighed.of(logits[None], owner, lambda w, v=others: (w[0, owner] * v.T).sum(1)[None])  # type: ignore[misc]
            )
        return Posterior(*(field.reshape(x.shape) for field in Posterior.of(Weighed.stacked(states))))


def _same(
    bank: ImageBank,  # N images
    image: Tensor,  # [C, H, W]
) -> Tensor:  # [N] bool
    """Which images of a bank equal another pixel by pixel."""
    images, middle = bank.images, image.shape[-2] // 2
    alike = (images[:, :, middle] == image[:, middle]).all((1, 2)).nonzero()[:, 0]  # a line first: it is fast
    found = torch.zeros(len(images), dtype=torch.uint8, device=images.device)
    found[alike] = (images[alike] == image).all((1, 2, 3)).to(torch.uint8)
    return torch.cat(bank.shard.gather_rows(found, bank.shard.counts)) > 0
