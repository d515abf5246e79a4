"""Any metric of torchmetrics, as one number per image."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor
from torchmetrics import Metric

from locality.metrics.per_image import PerImage


@final
class Apart(PerImage):
    """A metric with `update(preds, target)`, computed on each image by itself: `Apart(MeanAbsoluteError())`.

    So it has intervals over images and does not depend on batches and ranks. A metric that compares sets of
    images, as FID does, has no value for one image. Raises ValueError where the value is not one number.
    """

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self.metric = metric
        metric.distributed_available_fn = _never  # ranks score unlike images: PerImage gathers the scores

    def score(
        self,
        preds: Tensor,  # [B, C, H, W] float64
        target: Tensor,  # [B, C, H, W] float64
    ) -> Tensor:  # [B] float64
        """The metric of each image."""
        values = [self._one(*pair) for pair in zip(preds.split(1), target.split(1), strict=True)]
        return torch.stack(values) if values else preds.new_zeros(0)

    def _one(self, pred: Tensor, target: Tensor) -> Tensor:
        self.metric.reset()
        self.metric.update(pred.float(), target.float())
        value = self.metric.compute()
        if not isinstance(value, Tensor) or value.numel() != 1:
            raise ValueError(f"{type(self.metric).__name__}: want one number for an image, got {value}")
        return value.reshape(()).double()


def _never() -> bool:
    return False


def per_image(name: str, metric: object) -> PerImage:
    """The metric itself if it is one per image, else of each image apart. Raises ValueError for no metric."""
    if isinstance(metric, PerImage):
        return metric
    if not isinstance(metric, Metric):
        raise ValueError(f"metrics.{name}: want a torchmetrics.Metric, got {metric!r}")
    return Apart(metric)
