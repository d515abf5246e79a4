"""The numbers of a comparison: one row a denoiser, each with its interval over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from locality.metrics import Groups, interval, ratio_interval
from locality.modules.comparison import Scores, Values

BAND = (
    0.1,
    10.0,
)  # noise levels that summaries average over; beyond, denoisers say x or the mean
FLOOR = "wiener"  # what held-out errors are divided by


@dataclass(frozen=True)
class Quantity:
    """A number, mostly a mean, with its 95 % bootstrap interval over images."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True)
class Summary:
    """What the curves of a comparison come down to.

    `sample_*`: the final images of a DDIM run against the reference's. `step_*`: one denoising step of
    noised test images against the reference's, mean over the noise levels in BAND. `heldout_*`: the same
    steps against the clean images. `heldout_ratio`: their mean error relative to Wiener's at each level.
    """

    scores: Mapping[str, Scores]
    sigmas: Sequence[float]
    thinned: Mapping[str, int]  # denoisers that had a part of the bank only, and how many images

    COLUMNS = (
        "denoiser", "sample r2", "sample MSE", "one-step r2", "held-out MSE", "held-out r2", "MSE / Wiener",
        "ms / image",
    )  # fmt: skip
    NAMES = ("sample_r2", "sample_mse", "step_r2", "heldout_mse", "heldout_r2", "heldout_ratio")

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
        """`compare/<quantity>/<denoiser>`, its interval under `_low` and `_high`, and the seconds."""
        numbers = {f"compare/seconds/{name.lower()}": score.seconds for name, score in self.scores.items()}
        for name, quantities in self.quantities.items():
            for key, number in quantities.items():
                numbers[f"compare/{key}/{name.lower()}"] = number.mean
                numbers[f"compare/{key}_low/{name.lower()}"] = number.low
                numbers[f"compare/{key}_high/{name.lower()}"] = number.high
        return numbers

    def rows(self) -> list[list[str | float | None]]:
        """The table under `columns`."""
        names = [*self.NAMES, *(f"heldout_{metric}" for metric in self.metrics)]
        rows: list[list[str | float | None]] = []
        for name, quantities in self.quantities.items():
            cells = [str(quantities[key]) if key in quantities else None for key in names]
            label = f"{name} ({self.thinned[name]:,} images)" if name in self.thinned else name
            rows.append([label, *cells, 1000 * self.scores[name].seconds])
        return rows

    def _of(self, score: Scores) -> dict[str, Quantity]:
        found = {
            "heldout_mse": quantity(self._in_band(score.heldout_mse)),
            "heldout_r2": quantity(self._in_band(score.heldout_r2)),
        }
        if score.path_r2 is not None and score.path_mse is not None and score.forward_r2 is not None:
            found["sample_r2"] = quantity(score.path_r2[-1])
            found["sample_mse"] = quantity(score.path_mse[-1])
            found["step_r2"] = quantity(self._in_band(score.forward_r2))
        for key, values in score.more.items():
            setting, metric = key.split("/")
            if setting == "path":
                found[f"sample_{metric}"] = quantity(values[-1])
            else:
                name = {"heldout": "heldout", "forward": "step"}[setting]
                found[f"{name}_{metric}"] = quantity(self._in_band(values))
        if FLOOR in self.scores:
            found["heldout_ratio"] = self._ratio(score.heldout_mse, self.scores[FLOOR].heldout_mse)
        return found

    def _ratio(self, values: Values, floor: Values) -> Quantity:
        # Each noise level counts the same: errors in units of the floor's mean error at that level.
        units = [base.mean() for base in floor]
        ours, theirs = (
            self._in_band([value / unit for value, unit in zip(each, units, strict=True)])
            for each in (values, floor)
        )
        return Quantity((ours.mean() / theirs.mean()).item(), *ratio_interval(ours, theirs))

    def _in_band(self, values: Values) -> Tensor:  # [N] each image's mean over the noise levels
        kept = [v for v, sigma in zip(values, self.sigmas, strict=True) if BAND[0] <= sigma <= BAND[1]]
        return torch.stack(kept).mean(0)


def quantity(values: Tensor) -> Quantity:
    """The mean over images."""
    return Quantity(values.mean().item(), *interval(values))


def r2_quantity(values: Tensor, groups: Groups) -> Quantity:
    """The mean of r2 over images; the interval is that of what is left of the variance, which is above 0."""
    low, high = interval(1 - values, groups=groups)
    return Quantity(values.mean().item(), 1 - high, 1 - low)


def median_quantity(values: Tensor) -> Quantity:
    """The median over images."""

    def median(drawn: Tensor) -> Tensor:
        return drawn.double().quantile(0.5, dim=-1)

    return Quantity(median(values).item(), *interval(values, statistic=median))
