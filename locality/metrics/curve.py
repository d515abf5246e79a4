"""A metric against the noise level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn
from torchmetrics.wrappers.abstract import WrapperMetric

from locality.metrics.per_image import PerImage


@final
class Curve(WrapperMetric):
    """One metric per noise level: `Curve(ImageR2(), sigmas)`. Each counts its own images."""

    def __init__(self, metric: PerImage, sigmas: Sequence[float] | Tensor) -> None:
        super().__init__()
        self.sigmas = [float(sigma) for sigma in sigmas]
        if not self.sigmas:
            raise ValueError("sigmas: want at least one noise level")
        self.points = nn.ModuleList(metric.clone() for _ in self.sigmas)

    def update(
        self,
        step: int,  # which of the sigmas
        preds: Tensor,  # [B, C, H, W]
        target: Tensor,  # [B, C, H, W]
        index: Tensor | None = None,  # [B]
        weight: Tensor | None = None,  # [B]
    ) -> None:
        """Add a batch at one noise level; the rest as in `PerImage.update`."""
        if not 0 <= step < len(self.sigmas):
            raise ValueError(f"step: want 0 to {len(self.sigmas) - 1}, got {step}")
        self.at(step).update(preds, target, index, weight)

    def at(self, step: int) -> PerImage:
        """The metric of one noise level."""
        point = self.points[step]
        assert isinstance(point, PerImage)
        return point

    def __len__(self) -> int:
        return len(self.sigmas)

    def compute(self) -> Tensor:  # [S] float64
        """The mean over images at each noise level."""
        return torch.stack([self.at(step).compute() for step in range(len(self))])

    def left_out(self) -> list[int]:  # S
        """How many images have no score at each noise level; a collective call under DDP."""
        return [self.at(step).left_out() for step in range(len(self))]

    def values(self) -> list[Tensor]:  # S times [N] float64
        """The score of each image at each noise level; a collective call under DDP."""
        return [self.at(step).values() for step in range(len(self))]

    def reset(self) -> None:
        """Forget all images."""
        for step in range(len(self)):
            self.at(step).reset()

    def forward(self, *args: Any, **kwargs: Any) -> None:
        """Same as `update`; gives nothing back, since one batch is one point of a curve."""
        self.update(*args, **kwargs)
