"""A row of the paper's table: what it has by itself, and beside the rows that it is set against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from locality.bank import ImageBank
from locality.compare.summary import (
    FLOOR,
    Quantity,
    in_band,
    median_quantity,
    quantity,
    r2_quantity,
    ratio_in_band,
    with_ends,
)
from locality.metrics import (
    BandMSE,
    EdgeMSE,
    Groups,
    ImageR2,
    PearsonR,
    PerImage,
    is_copy,
    mean_ratio,
    nearest_two,
)
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.comparison import ComparisonModule
from locality.modules.tally import Scores, Values
from locality.report.table import Cell
from locality.schedule import NoiseSchedule

COLUMNS = (
    "denoiser", "samples", "training images", "r2", "r2 over PCA locality", "median r2",
    "median r2 over PCA locality", "median r2 to a second network", "MSE", "Pearson r", "copy rate",
    "seconds / image", "settings",
)  # fmt: skip
PAPERS = "pca_locality"  # the row that others are set against, seed by seed
LEVELS = {  # key in metrics.json -> name of the table, and the head of its first column
    "step_r2": ("step_r2", "one-step r2 at sigma"),
    "median_step_r2": ("median_step_r2", "median one-step r2 at sigma"),
    "heldout_ratio": ("heldout", "held-out MSE / Wiener's at sigma"),
    f"heldout_over_{PAPERS}": ("heldout_pca", "held-out MSE / PCA locality's at sigma"),
}
PARTS: dict[str, tuple[str, PerImage]] = {  # of the squared distance to the reference: words, and the metric
    "coarse": ("in waves longer than 12 pixels", BandMSE(12, math.inf)),
    "middle": ("in waves of 4 to 12 pixels", BandMSE(4, 12)),
    "fine": ("in waves of at most 4 pixels", BandMSE(0, 4)),
    "edges": ("within 1 pixel of edges", EdgeMSE(1)),
    "plain": ("off edges", EdgeMSE(1, near=False)),
}
for _part, (_words, _) in PARTS.items():
    LEVELS[f"{_part}_over_second"] = (_part, f"squared distance {_words} / that of {{second}} at sigma")
    LEVELS[f"{_part}_share"] = (f"{_part}_share", f"share of the squared distance {_words}, at sigma")


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
        return _ratios(self.scores.heldout_mse, other.scores.heldout_mse, groups)

    def error(self, floor: Row | None) -> Quantity:
        """The held-out error in `BAND`: over the floor's, on the images that both saw, where there is one."""
        sigmas = NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()
        if floor is None:
            return quantity(in_band(self.scores.heldout_mse, sigmas))
        both = _of_both(self.scores.heldout_mse, floor.scores.heldout_mse)
        return ratio_in_band([ours for ours, _ in both], [theirs for _, theirs in both], sigmas)


@dataclass(frozen=True)
class Beside:
    """A row beside others, as far as these are there."""

    name: str
    row: Row
    others: Mapping[str, Row]
    groups: Groups  # of the test images, where some were cut from one picture
    second: str | None = None  # the row of another network, whose distance to the reference is the least

    def over(self, base: str) -> dict[str, Quantity]:
        """The differences of r2 from another row."""
        return self.row.r2_over(self.others[base]) if base in self.others else {}

    @cached_property
    def levels(self) -> dict[str, list[Quantity]]:
        """What there is at each noise level, by the keys of `LEVELS`."""
        found: dict[str, list[Quantity]] = {}
        steps = self.row.scores.forward_r2
        if steps is not None:
            found["step_r2"] = [r2_quantity(one, _first(self.groups, one)) for one in steps]
            found["median_step_r2"] = [median_quantity(one, _first(self.groups, one)) for one in steps]
        for key, base in (("heldout_ratio", FLOOR), (f"heldout_over_{PAPERS}", PAPERS)):
            if base in self.others:
                found[key] = self.row.heldout_over(self.others[base], self.groups)
        return found | self._parts("forward", self.groups, slice(None))

    @cached_property
    def to_second(self) -> dict[str, Quantity]:
        """The r2 of samples to those of another network, against which no setting was chosen."""
        theirs = self.others.get(self.second) if self.second else None
        if theirs is None or self.second == self.name:
            return {}
        both = min(self.row.count, theirs.count)
        r2 = ImageR2().score(self.row.samples[:both].double(), theirs.samples[:both].double())
        return {"median_r2_second": median_quantity(r2)}

    @property
    def sample_parts(self) -> dict[str, Quantity]:
        """The parts of the squared distance of samples to the reference's, where they were measured."""
        return {f"samples_{key}": last for key, (last,) in self._parts("path", None, slice(-1, None)).items()}

    def _parts(self, setting: str, groups: Groups, steps: slice) -> dict[str, list[Quantity]]:
        """The shares of the parts, and each over that of the second network, at some noise levels."""
        scores, theirs = self.row.scores, self.others.get(self.second) if self.second else None
        whole = scores.forward_mse if setting == "forward" else scores.path_mse
        there = {part: key for part in PARTS if (key := f"{setting}/{part}") in scores.more}
        if whole is None:
            return {}
        own = {part: scores.more[key][steps] for part, key in there.items()}
        found = {f"{part}_share": _ratios(one, whole[steps], groups) for part, one in own.items()}
        if theirs is not None and self.second != self.name:
            for part, one in own.items():
                found[f"{part}_over_second"] = _ratios(one, theirs.scores.more[there[part]][steps], groups)
        return found

    def scalars(self, section: str, baselines: Sequence[str]) -> dict[str, float]:
        """The numbers of metrics.json."""
        row, name = self.row, self.name
        numbers = {f"{section}/seconds/{name}": row.seconds, f"{section}/samples/{name}": float(row.count)}
        numbers |= {} if row.bank is None else {f"{section}/bank/{name}": float(row.bank)}
        pairs = {f"{key}_{base}": one for base in baselines for key, one in self.over(base).items()}
        for key, number in {**row.quantities, **self.to_second, **self.sample_parts, **pairs}.items():
            numbers |= with_ends(f"{section}/{key}", name, number)
        times = NoiseSchedule.ddpm().leading_timesteps(PROTOCOL_STEPS)
        for key, levels in self.levels.items():
            for t, one in zip(times, levels, strict=True):
                numbers |= with_ends(f"{section}/{key}", f"{name}/t{t:03d}", one)
        return numbers

    def cells(
        self,
        images: int,  # of the bank
        settings: str | None,  # how they were found
    ) -> list[Cell]:
        """The line of the table under `COLUMNS`."""
        row = self.row
        part = "" if row.bank is None else f"{row.bank:,}" + (f" of {images:,}" if row.bank < images else "")
        over = {} if self.name == PAPERS else self.over(PAPERS)
        known = {**row.quantities, **self.to_second, **over}
        keys = (
            "r2",
            "r2_over",
            "median_r2",
            "median_r2_over",
            "median_r2_second",
            "mse",
            "pearson",
            "copy_rate",
        )
        shown = [known.get(key) for key in keys]
        numbers = [None if one is None else str(one) for one in shown]
        return [self.name, str(row.count), part, *numbers, row.seconds, settings]

    @property
    def summary(self) -> dict[str, Quantity]:
        """What the row comes down to: samples, and the error in `BAND`."""
        found = {"heldout_mse": self.row.error(None)}
        if FLOOR in self.others:
            found["heldout_ratio"] = self.row.error(self.others[FLOOR])
        if "r2" in self.row.quantities:
            found["sample_r2"] = self.row.quantities["r2"]
        return found


def _ratios(ours: Values, theirs: Values, groups: Groups) -> list[Quantity]:
    """Mean over mean at each noise level, over the images that both saw."""
    both = _of_both(ours, theirs)
    return [Quantity(*mean_ratio(one, other, _first(groups, one))) for one, other in both]


def _of_both(ours: Values, theirs: Values) -> list[tuple[Tensor, Tensor]]:
    """The numbers of the images that both saw, at each noise level."""
    pairs = [(one, other, min(len(one), len(other))) for one, other in zip(ours, theirs, strict=True)]
    return [(one[:number], other[:number]) for one, other, number in pairs]


def _first(groups: Groups, values: Tensor) -> Groups:
    return None if groups is None else groups[: len(values)]
