"""From Jacobians to maps: one [H, W] image for each image and probed pixel, not negative unless signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

import torch
from einops import reduce
from torch import Tensor

from locality.denoisers.base import ClosedFormJacobian, Denoiser, Pixel
from locality.live import LIVE

MEMORY_BUDGET = 2**30  # bytes
LARGEST_BATCH = 32  # images; a backward pass over more gains nothing on a CPU
Magnitude = Literal["absolute", "square", "signed"]
Channels = Literal["mean", "sum", "max"]
Images = Literal["mean", "rms"]


@dataclass(frozen=True)
class Reduction:
    """From dD/dx to a map. The paper does not say how; the defaults are our reading of its figure 2.

    The output channels are summed before anything else: that is what `Denoiser.jacobian` gives. With
    `signed` the maps of single images keep their signs, and the mean over images is made positive at last:
    what differs in sign from image to image cancels, as an edge does that lies elsewhere in each. Only means
    go with it. Raises ValueError for options that do not fit.
    """

    magnitude: Magnitude = "absolute"  # |J| | J^2 | J, and the magnitude of its mean over images
    channels: Channels = "mean"  # over the input channels
    images: Images = "mean"  # over images; "rms" gives the few strong ones more weight

    def __post_init__(self) -> None:
        choices = {"magnitude": Magnitude, "channels": Channels, "images": Images}
        for name, kind in choices.items():
            if getattr(self, name) not in get_args(kind):
                wanted = " or ".join(get_args(kind))
                raise ValueError(f"reduction.{name}: want {wanted}, got {getattr(self, name)!r}")
        if self.magnitude == "signed" and (self.channels, self.images) != ("mean", "mean"):
            raise ValueError("reduction: want channels=mean and images=mean with magnitude=signed")

    def map(
        self,
        jacobian: Tensor,  # [B, P, C, H, W]
    ) -> Tensor:  # [B, P, H, W]
        """The map of each image and pixel."""
        if self.magnitude != "signed":
            jacobian = jacobian.abs() if self.magnitude == "absolute" else jacobian.square()
        return reduce(jacobian, "b p c h w -> b p h w", self.channels)

    def over_images(
        self,
        mean: Tensor,  # [...] of the maps of images
        square: Tensor,  # [...] the mean of their squares
    ) -> Tensor:  # [...]
        """The field that they make together."""
        if self.magnitude == "signed":
            return mean.abs()
        return mean if self.images == "mean" else square.sqrt()

    def facts(self) -> dict[str, str]:
        """The options, as a field notes them."""
        return {f"reduction_{name}": value for name, value in asdict(self).items()}


def sensitivity_maps(
    denoiser: Denoiser,
    x: Tensor,  # [B, C, H, W] noisy images
    sigma: float | Tensor,  # [B] noise levels, or one for all
    pixels: Sequence[Pixel],  # P pairs (row, col)
    reduction: Reduction | None = None,
    batch_size: int | None = None,  # images at once; None: what the budget allows. Changes no result
    memory_budget: int = MEMORY_BUDGET,  # bytes for Jacobians, and for what a network keeps to go back
) -> Tensor:  # [B, P, H, W]
    """`|dD(x)[pixel] / dx|` as a map for each image and pixel; carries no gradient of its own.

    Networks: one backward pass for each pixel, all images of a batch together. Analytical denoisers: their
    closed form, all pixels together.
    """
    reduction = reduction or Reduction()
    x = x.detach()
    levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device).expand(len(x))
    with torch.no_grad():  # torch.func.vjp inside still goes back to x, and keeps no graph of the weights
        images, outputs = _sizes(denoiser, x, levels, len(pixels), batch_size, memory_budget)
        batches = LIVE.parts(list(zip(x.split(images), levels.split(images), strict=True)))
        return torch.cat(
            [_maps(denoiser, part, level, pixels, reduction, outputs) for part, level in batches]
        )


def _maps(
    denoiser: Denoiser, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel], reduction: Reduction, outputs: int
) -> Tensor:  # [b, P, H, W]
    groups = [pixels[first : first + outputs] for first in range(0, len(pixels), outputs)]
    return torch.cat(
        [reduction.map(denoiser.jacobian(x, sigma, group)) for group in LIVE.parts(groups)], dim=1
    )


def _sizes(
    denoiser: Denoiser, x: Tensor, sigma: Tensor, pixels: int, batch_size: int | None, budget: int
) -> tuple[int, int]:
    """Images and pixels at once: a network wants a full batch, a closed form all pixels, as it sums once."""
    one = 3 * x[:1].numel() * x.element_size()  # a Jacobian of one image and pixel, its parts, its magnitude
    if isinstance(denoiser, ClosedFormJacobian):
        outputs = max(1, min(pixels, budget // one))
        return batch_size or max(1, min(len(x), budget // (one * outputs))), outputs
    images = batch_size
    if images is None:
        kept = max(1, graph_bytes(denoiser, x[:1], sigma[:1]))
        images = max(1, min(LARGEST_BATCH, len(x), budget // (2 * kept)))
    return images, max(1, min(pixels, budget // (2 * one * images)))


def graph_bytes(
    denoiser: Denoiser,
    x: Tensor,  # [1, C, H, W]
    sigma: Tensor,  # [1]
) -> int:
    """Bytes that autograd keeps for one image: what a batch may cost is known before it is run."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.inference_mode(False), torch.enable_grad():
        probe = x.clone().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            denoiser(probe, sigma.clone())
    weights = {parameter.untyped_storage().data_ptr() for parameter in denoiser.parameters()}
    return sum(size for place, size in kept.items() if place not in weights)
