"""The numbers of a comparison: one row a denoiser, each with its interval over images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from locality.metrics import Groups, interval, mean_ratio
from locality.modules.comparison import FLOOR
from locality.modules.tally import Scores, Values

BAND = (
    0.1,
    10.0,
)  # noise levels that summaries average over; beyond, denoisers say x or the mean


@dataclass(frozen=True)
class Quantity:
    """A number, mostly a mean, with its 95 % bootstrap interval over images.

    Images without a score (r2 of a blank target, see `is_blank`) are left out, and counted. `str` says
    "undefined" where no image is left, and gives no interval where there is none.
    """

    mean: float
    low: float
    high: float
    images: int = 0  # those that are left out among them
    left_out: int = 0

    def ends(self) -> dict[str, float]:
        """The number and the ends of its interval, if any, by what their names in metrics.json end on."""
        ends = {"_low": self.low, "_high": self.high}
        return {"": self.mean} | {name: end for name, end in ends.items() if not math.isnan(end)}

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "undefined"
        ends = "" if math.isnan(self.low) else f" [{self.low:.3g}, {self.high:.3g}]"
        return f"{self.mean:.3g}{ends}"


@dataclass(frozen=True)
class Summary:
    """What the curves of a comparison come down to.

    `sample_*`: the final images of a DDIM run against the reference's. `step_*`: one denoising step of
    noised test images against the reference's, mean over the noise levels in BAND. `heldout_*`: the same
    steps against the clean images. `heldout_ratio`: their mean error relative to Wiener's at each level.
    `median_*`: the median over images beside the mean, which a few nearly blank targets can decide.
    """

    scores: Mapping[str, Scores]
    sigmas: Sequence[float]
    thinned: Mapping[str, int]  # denoisers that had a part of the bank only, and how many images
    settings: Mapping[str, str | None] = field(default_factory=dict)  # how those of a denoiser were found

    COLUMNS = (  # settings beside the name, where they are seen before the numbers, on narrow screens, too
        "denoiser", "settings", "sample r2", "median sample r2", "sample MSE", "one-step r2",
        "median one-step r2", "held-out MSE", "held-out r2", "median held-out r2", "MSE / Wiener",
        "ms / image",
    )  # fmt: skip
    NAMES = (
        "sample_r2", "median_sample_r2", "sample_mse", "step_r2", "median_step_r2", "heldout_mse",
        "heldout_r2", "median_heldout_r2", "heldout_ratio",
    )  # fmt: skip

    @property
    def metrics(self) -> list[str]:
        """The names of metrics beside mse and r2."""
        own = next(iter(self.scores.values())).more
        return [key.removeprefix("heldout/") for key in own if key.startswith("heldout/")]

    @property
    def columns(self) -> tuple[str, ...]:
        """The head of the table."""
        more = [f"held-out {metric}" for metric in self.metrics]
        return (*self.COLUMNS[:-1], *more, self.COLUMNS[-1])

    @cached_property
    def quantities(self) -> dict[str, dict[str, Quantity]]:
        """name of denoiser -> name of quantity -> number; the reference has no distance from itself."""
        return {name: self._of(score) for name, score in self.scores.items()}

    def scalars(self) -> dict[str, float]:
        """`compare/<quantity>/<denoiser>`, its interval, if any, under `_low` and `_high`, and the seconds.

        `compare/<quantity>_left_out/<denoiser>`: how many images have no r2.
        """
        numbers = {f"compare/seconds/{name.lower()}": score.seconds for name, score in self.scores.items()}
        for name, quantities in self.quantities.items():
            for key, number in quantities.items():
                numbers |= with_ends(f"compare/{key}", name.lower(), number)
        return numbers

    def rows(self) -> list[list[str | float | None]]:
        """The table under `columns`."""
        names = [*self.NAMES, *(f"heldout_{metric}" for metric in self.metrics)]
        rows: list[list[str | float | None]] = []
        for name, quantities in self.quantities.items():
            cells = [str(quantities[key]) if key in quantities else None for key in names]
            rows.append([self.label(name), self.settings.get(name), *cells, 1000 * self.scores[name].seconds])
        return rows

    def label(self, name: str) -> str:
        """The name, with the count of training images where they are not all."""
        return f"{name} ({self.thinned[name]:,} images)" if name in self.thinned else name

    def _of(self, score: Scores) -> dict[str, Quantity]:
        found = {"heldout_mse": quantity(self._in_band(score.heldout_mse))}
        r2 = {"heldout_r2": self._in_band(score.heldout_r2)}
        if score.path_r2 is not None and score.path_mse is not None and score.forward_r2 is not None:
            found["sample_mse"] = quantity(score.path_mse[-1])
            r2 |= {"sample_r2": score.path_r2[-1], "step_r2": self._in_band(score.forward_r2)}
        found |= {key: quantity(values) for key, values in r2.items()}
        found |= {f"median_{key}": median_quantity(values) for key, values in r2.items()}
        for key, values in score.more.items():
            setting, metric = key.split("/")
            if setting == "path":
                found[f"sample_{metric}"] = quantity(values[-1])
            else:
                name = {"heldout": "heldout", "forward": "step"}[setting]
                found[f"{name}_{metric}"] = quantity(self._in_band(values))
        if FLOOR in self.scores:
            floor = self.scores[FLOOR].heldout_mse
            found["heldout_ratio"] = ratio_in_band(score.heldout_mse, floor, self.sigmas)
        return found

    def _in_band(self, values: Values) -> Tensor:  # [N] each image's mean over the noise levels
        return in_band(values, self.sigmas)


def in_band(values: Values, sigmas: Sequence[float]) -> Tensor:  # [N]
    """Each image's mean over the noise levels in `BAND`; NaN where it has no score at one of them."""
    kept = [v for v, sigma in zip(values, sigmas, strict=True) if BAND[0] <= sigma <= BAND[1]]
    return torch.stack(kept).mean(0)


def ratio_in_band(values: Values, floor: Values, sigmas: Sequence[float]) -> Quantity:
    """The error over another's, over the same images; each noise level in `BAND` counts the same."""
    units = [base.mean() for base in floor]  # errors in units of the floor's mean error at that level
    ours, theirs = (
        in_band([value / unit for value, unit in zip(each, units, strict=True)], sigmas)
        for each in (values, floor)
    )
    return Quantity(*mean_ratio(ours, theirs))


def quantity(values: Tensor) -> Quantity:
    """The mean over images."""
    return _over_images(values.nanmean(), interval(values), values)


def r2_quantity(values: Tensor, groups: Groups) -> Quantity:
    """The mean of r2 over images; the interval is that of what is left of the variance, which is above 0."""
    low, high = interval(1 - values, groups=groups)
    return _over_images(values.nanmean(), (1 - high, 1 - low), values)


def median_quantity(values: Tensor, groups: Groups = None) -> Quantity:
    """The median over images; without an interval where images come in groups, of which there are few."""
    ends = interval(values, statistic=_median) if groups is None else (math.nan, math.nan)
    return _over_images(_median(values), ends, values)


def with_ends(key: str, name: str, one: Quantity) -> dict[str, float]:
    """A quantity as numbers for metrics.json: `<key>/<name>`, its interval, and of r2 what was left out."""
    numbers = {f"{key}{end}/{name}": value for end, value in one.ends().items()}
    if one.left_out or (key.endswith("r2") and "median_" not in key):
        numbers[f"{key}_left_out/{name}"] = float(one.left_out)
    return numbers


def _median(drawn: Tensor) -> Tensor:  # [..., N] -> [...]
    return drawn.double().nanquantile(0.5, dim=-1)


def _over_images(middle: Tensor, ends: tuple[float, float], values: Tensor) -> Quantity:
    return Quantity(middle.item(), *ends, len(values), int(values.isnan().sum()))
