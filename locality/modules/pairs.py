"""How alike the estimates of pairs of denoisers are, from the same noisy images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from locality.data.batch import Batch
from locality.denoisers.base import Denoiser
from locality.metrics import PerImage
from locality.modules.noised import NoisedModule

Pair = tuple[str, str]
CLEAN_IMAGES = "clean images"  # in place of a denoiser's estimates


class PairModule(NoisedModule):
    """Under `Trainer.test`, pairs of denoisers are measured against each other; see `values` after it.

    `values` has `<pair>/<metric>`. Each denoiser runs once an image and noise level, however many pairs it
    is in.
    """

    def __init__(
        self,
        denoisers: Mapping[str, Denoiser],
        pairs: Mapping[str, Pair],  # name -> (whose estimate, that it should come close to or CLEAN_IMAGES)
        metrics: Mapping[str, PerImage],
        sigmas: Sequence[float],  # noise levels, pixel units
        count: int,  # test images
        image_shape: Sequence[int],  # (C, H, W)
        seed: int = 0,  # of the noise
    ) -> None:
        keys = {f"{pair}/{name}": metric for pair in pairs for name, metric in metrics.items()}
        super().__init__(denoisers, keys, sigmas, count, image_shape, seed)
        self.pairs = dict(pairs)

    def measure(self, step: int, x: Tensor, sigma: float, batch: Batch) -> None:
        """Adds each pair's numbers."""
        estimates: dict[str, Tensor] = {
            name: module(x, sigma) for name, module in self.denoisers.named_children()
        } | {CLEAN_IMAGES: batch.images}
        for key in self.curves:
            one, other = self.pairs[key.rsplit("/", 1)[0]]
            self.curve(key).update(step, estimates[one], estimates[other], batch.index)
