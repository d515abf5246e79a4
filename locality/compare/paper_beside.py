"""A row of the paper's table beside the rows that it is set against: numbers, and a line of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from locality.compare.paper_row import Row, first, of_both, ratios
from locality.compare.summary import FLOOR, Quantity, median_quantity, r2_quantity, with_ends
from locality.metrics import BandMSE, EdgeMSE, Groups, ImageR2, PerImage
from locality.modules.base import PROTOCOL_STEPS
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
    "step_r2_over_second": (
        "step_r2_second",
        "one-step r2 less that of {second}, median, at sigma",
    ),
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
class Beside:
    """A row beside others, as far as these are there."""

    name: str
    row: Row
    others: Mapping[str, Row]
    groups: Groups  # of the test images, where some were cut from one picture
    second: str | None = None  # the row of another network, whose distance to the reference is the least

    @property
    def _second(self) -> Row | None:
        """The row of the other network; none beside itself."""
        return None if self.second in (None, self.name) else self.others.get(self.second)

    def over(self, base: str) -> dict[str, Quantity]:
        """The differences of r2 from another row."""
        return self.row.r2_over(self.others[base]) if base in self.others else {}

    @cached_property
    def levels(self) -> dict[str, list[Quantity]]:
        """What there is at each noise level, by the keys of `LEVELS`."""
        found: dict[str, list[Quantity]] = {}
        steps = self.row.scores.forward_r2
        if steps is not None:
            found["step_r2"] = [r2_quantity(one, first(self.groups, one)) for one in steps]
            found["median_step_r2"] = [median_quantity(one, first(self.groups, one)) for one in steps]
        theirs = None if self._second is None else self._second.scores.forward_r2
        if steps is not None and theirs is not None:
            less = [ours - other for ours, other in of_both(steps, theirs)]
            found["step_r2_over_second"] = [median_quantity(one, first(self.groups, one)) for one in less]
        for key, base in (("heldout_ratio", FLOOR), (f"heldout_over_{PAPERS}", PAPERS)):
            if base in self.others:
                found[key] = self.row.heldout_over(self.others[base], self.groups)
        return found | self._parts("forward", self.groups, slice(None))

    @cached_property
    def to_second(self) -> dict[str, Quantity]:
        """The r2 of samples to those of another network, against which no setting was chosen."""
        r2 = self._r2_to_second(self.name)
        return {} if r2 is None else {"median_r2_second": median_quantity(r2)}

    def second_over(self, base: str) -> dict[str, Quantity]:
        """The difference of that r2 from another row's, seed by seed, over the seeds that both had."""
        ours, theirs = self._r2_to_second(self.name), self._r2_to_second(base)
        if ours is None or theirs is None or base == self.name:
            return {}
        both = min(len(ours), len(theirs))
        return {"median_r2_second_over": median_quantity(ours[:both] - theirs[:both])}

    def _r2_to_second(self, name: str) -> Tensor | None:  # [N]
        theirs, ours = self._second, self.row if name == self.name else self.others.get(name)
        if theirs is None or ours is None or name == self.second:
            return None
        both = min(ours.count, theirs.count)
        return ImageR2().score(ours.samples[:both].double(), theirs.samples[:both].double())

    @property
    def sample_parts(self) -> dict[str, Quantity]:
        """The parts of the squared distance of samples to the reference's, where they were measured."""
        return {f"samples_{key}": last for key, (last,) in self._parts("path", None, slice(-1, None)).items()}

    def _parts(self, setting: str, groups: Groups, steps: slice) -> dict[str, list[Quantity]]:
        """The shares of the parts, and each over that of the second network, at some noise levels."""
        scores, theirs = self.row.scores, self._second
        whole = scores.forward_mse if setting == "forward" else scores.path_mse
        there = {part: key for part in PARTS if (key := f"{setting}/{part}") in scores.more}
        if whole is None:
            return {}
        own = {part: scores.more[key][steps] for part, key in there.items()}
        found = {f"{part}_share": ratios(one, whole[steps], groups) for part, one in own.items()}
        if theirs is not None:
            for part, one in own.items():
                found[f"{part}_over_second"] = ratios(one, theirs.scores.more[there[part]][steps], groups)
        return found

    def scalars(self, section: str, baselines: Sequence[str]) -> dict[str, float]:
        """The numbers of metrics.json."""
        row, name = self.row, self.name
        numbers = {f"{section}/seconds/{name}": row.seconds, f"{section}/samples/{name}": float(row.count)}
        numbers |= {} if row.bank is None else {f"{section}/bank/{name}": float(row.bank)}
        pairs = {
            f"{key}_{base}": one
            for base in baselines
            for key, one in {**self.over(base), **self.second_over(base)}.items()
        }
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
