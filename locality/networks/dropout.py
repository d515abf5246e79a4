"""Dropout that is a function of the image, so that ranks and batches do not change a training."""

from __future__ import annotations

from torch import Tensor, nn

from locality.noise import ImageDraws


class ImageDropout(nn.Module):
    """Dropout whose mask is a function of `(key, layer, image index)`, where a training names the images.

    Until it is told them it draws from torch's own generator, as `nn.Dropout`.
    """

    def __init__(
        self,
        p: float,  # of a number to be left out
        layer: int,  # unlike layers, unlike masks
    ) -> None:
        super().__init__()
        self.p, self.layer = p, layer
        self.index: Tensor | None = None  # [B] int64, of the images of the batch
        self.key: tuple[int | str, ...] = ()

    def extra_repr(self) -> str:
        return f"p={self.p}, layer={self.layer}"

    def forward(
        self,
        x: Tensor,  # [B, ...]
    ) -> Tensor:  # [B, ...]
        """`x mask / (1 - p)` in training, else x. Raises ValueError for another number of images."""
        if not self.training or self.p == 0:
            return x
        if self.index is None:
            return nn.functional.dropout(x, self.p)
        if len(x) != len(self.index):
            raise ValueError(f"dropout: want a row for each of {len(self.index)} images, got {len(x)}")
        kept = ImageDraws(self.index, *self.key, self.layer).kept(x.shape[1:], 1 - self.p)
        return x * kept / (1 - self.p)


def by_image(net: nn.Module) -> list[ImageDropout]:
    """Put an `ImageDropout` in the place of each `nn.Dropout`, and give them back in their order."""
    found: list[ImageDropout] = []
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Dropout) and child.p > 0:
                found.append(ImageDropout(child.p, len(found)))
                setattr(parent, name, found[-1])
    return found
