"""The numbers of one denoiser in a comparison: while they are gathered, and when they are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn
from torchmetrics import MeanMetric

from locality.data.batch import Batch
from locality.metrics import Curve, ImageMSE, ImageR2, PerImage

SETTINGS = ("heldout", "forward", "path")  # what estimates are measured in: see Scores
Values = list[Tensor]  # S times [N], one number for each image at each noise level


@dataclass(frozen=True)
class Scores:
    """How one denoiser did, image by image; the last four against the reference (None for itself)."""

    seconds: float  # of one denoising step, per image
    heldout_mse: Values  # one denoising step of noised test images, against the clean images
    heldout_r2: Values  # NaN, as every r2 here, where the target is blank
    forward_mse: Values | None = None  # the same step, against the reference's estimate
    forward_r2: Values | None = None
    path_mse: Values | None = None  # the estimates along S steps of DDIM; the last are the final samples
    path_r2: Values | None = None
    more: Mapping[str, Values] = field(default_factory=dict)  # heldout/<metric>, forward/..., path/...


class Tally(nn.Module):
    """The running metrics of one denoiser."""

    def __init__(self, sigmas: Tensor, metrics: Mapping[str, PerImage]) -> None:
        super().__init__()
        keys = [(f"{setting}/{name}", name) for setting in SETTINGS for name in metrics]
        self.more = nn.ModuleDict({key: Curve(metrics[name], sigmas) for key, name in keys})
        self.heldout_mse, self.heldout_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.forward_mse, self.forward_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.path_mse, self.path_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.seconds = MeanMetric()

    def heldout(self, step: int, estimate: Tensor, batch: Batch) -> None:
        """Adds estimates and the clean images."""
        self.heldout_mse.update(step, estimate, batch.images, batch.index)
        self.heldout_r2.update(step, estimate, batch.images, batch.index)
        self._update_more("heldout", step, estimate, batch.images, batch)

    def forward_step(self, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        """Adds estimates from noised images, and the reference's."""
        self.forward_mse.update(step, estimate, target, batch.index)
        self.forward_r2.update(step, estimate, target, batch.index)
        self._update_more("forward", step, estimate, target, batch)

    def path_step(self, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        """Adds estimates along a DDIM run, and the reference's."""
        self.path_mse.update(step, estimate, target, batch.index)
        self.path_r2.update(step, estimate, target, batch.index)
        self._update_more("path", step, estimate, target, batch)

    def scores(self, reference: bool) -> Scores:
        """The numbers so far; the reference is not compared with itself."""
        scores = Scores(
            seconds=self.seconds.compute().item(),
            heldout_mse=self.heldout_mse.values(),
            heldout_r2=self.heldout_r2.values(),
            more={key: curve.values() for key, curve in self._more("heldout")},
        )
        if reference:
            return scores
        return replace(
            scores,
            forward_mse=self.forward_mse.values(),
            forward_r2=self.forward_r2.values(),
            path_mse=self.path_mse.values(),
            path_r2=self.path_r2.values(),
            more={key: curve.values() for setting in SETTINGS for key, curve in self._more(setting)},
        )

    def _update_more(self, setting: str, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        for _, curve in self._more(setting):
            curve.update(step, estimate, target, batch.index)

    def _more(self, setting: str) -> list[tuple[str, Curve]]:
        curves = [(key, curve) for key, curve in self.more.items() if isinstance(curve, Curve)]
        return [(key, curve) for key, curve in curves if key.startswith(f"{setting}/")]
