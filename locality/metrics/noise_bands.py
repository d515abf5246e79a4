"""The mean loss of each band of noise levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric


class NoiseBands(Metric):
    """Weighted mean losses by band of time-steps, over all batches and ranks: `compute() -> {band: mean}`.

    Bands without images are not in it. A loss that is no number stays one: nothing is left out of a mean.
    """

    full_state_update = False
    sums: Tensor
    weights: Tensor

    def __init__(
        self,
        bands: Sequence[tuple[int, int]],  # [low, high) time-steps
    ) -> None:
        super().__init__()
        self.bands = tuple(bands)
        for name in ("sums", "weights"):
            self.add_state(name, torch.zeros(len(self.bands)), dist_reduce_fx="sum")

    def update(
        self,
        losses: Tensor,  # [B]
        steps: Tensor,  # [B] time-steps
        weight: Tensor,  # [B] 0 leaves an image out
    ) -> None:
        """Adds the losses to their bands."""
        for k, (low, high) in enumerate(self.bands):
            inside = (steps >= low) & (steps < high) & (weight > 0)
            self.sums[k] += (losses * weight)[inside].sum()
            self.weights[k] += weight[inside].sum()

    def compute(self) -> dict[tuple[int, int], Tensor]:
        """The means."""
        return {
            band: self.sums[k] / self.weights[k] for k, band in enumerate(self.bands) if self.weights[k] > 0
        }
