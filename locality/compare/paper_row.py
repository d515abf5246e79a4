"""A row of the paper's table: what it has by itself, and beside another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from locality.bank import ImageBank
from locality.compare.summary import Quantity, in_band, median_quantity, quantity, ratio_in_band
from locality.metrics import Groups, PearsonR, is_copy, mean_ratio, nearest_two
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.comparison import ComparisonModule
from locality.modules.tally import Scores, Values
from locality.schedule import NoiseSchedule


@dataclass(frozen=True)
class Row:
    """One denoiser's samples and one-step estimates beside the reference's, from the same noise."""

    scores: Scores
    samples: Tensor  # [N, C, H, W]
    targets: Tensor  # [N, C, H, W] the reference's samples
    distances: Tensor  # [N, 2] of a sample from its two nearest training images
    places: Tensor  # [N, 2] which these are
    bank: int | None  # training images that it had; None: it keeps no count

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> mean over samples, with its interval; against itself a reference has copies only."""
        own = {"copy_rate": quantity(is_copy(self.distances))}
        if self.scores.path_r2 is None or self.scores.path_mse is None:
            return own
        pearson = PearsonR().score(self.samples.double(), self.targets.double())
        compared = {"r2": self.scores.path_r2[-1], "mse": self.scores.path_mse[-1], "pearson": pearson}
        # A few nearly flat samples, of r2 far below 0, can decide the mean; they do not move the median.
        return (
            {name: quantity(values) for name, values in compared.items()}
            | own
            | {"median_r2": median_quantity(self.scores.path_r2[-1])}
        )

    @classmethod
    def of(cls, name: str, module: ComparisonModule, bank: ImageBank, images: int | None) -> Row:
        """What a comparison has of a denoiser that is finished."""
        samples = module.grids["samples"]
        distances, places = nearest_two(samples[name], bank)
        return cls(
            module.results[name], samples[name], samples[module.reference_name], distances, places, images
        )

    @property
    def count(self) -> int:
        """How many seeds."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """How long a sample takes."""
        return PROTOCOL_STEPS * self.scores.seconds

    def r2_over(self, other: Row) -> dict[str, Quantity]:
        """The difference of r2, seed by seed, over the seeds that both had: mean and median."""
        ours, theirs = self.scores.path_r2, other.scores.path_r2
        if ours is None or theirs is None:
            return {}
        both = min(len(ours[-1]), len(theirs[-1]))
        difference = ours[-1][:both] - theirs[-1][:both]
        return {"r2_over": quantity(difference), "median_r2_over": median_quantity(difference)}

    def heldout_over(self, other: Row, groups: Groups) -> list[Quantity]:
        """The error against clean test images over another's, at each noise level, over what both saw."""
        return ratios(self.scores.heldout_mse, other.scores.heldout_mse, groups)

    def error(self, floor: Row | None) -> Quantity:
        """The held-out error in `BAND`: over the floor's, on the images that both saw, where there is one."""
        sigmas = NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()
        if floor is None:
            return quantity(in_band(self.scores.heldout_mse, sigmas))
        both = of_both(self.scores.heldout_mse, floor.scores.heldout_mse)
        return ratio_in_band([ours for ours, _ in both], [theirs for _, theirs in both], sigmas)


def ratios(ours: Values, theirs: Values, groups: Groups) -> list[Quantity]:
    """Mean over mean at each noise level, over the images that both saw."""
    both = of_both(ours, theirs)
    return [Quantity(*mean_ratio(one, other, first(groups, one))) for one, other in both]


def of_both(ours: Values, theirs: Values) -> list[tuple[Tensor, Tensor]]:
    """The numbers of the images that both saw, at each noise level."""
    pairs = [(one, other, min(len(one), len(other))) for one, other in zip(ours, theirs, strict=True)]
    return [(one[:number], other[:number]) for one, other, number in pairs]


def first(groups: Groups, values: Tensor) -> Groups:
    return None if groups is None else groups[: len(values)]
