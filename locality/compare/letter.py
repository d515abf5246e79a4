"""Have networks learned a hidden pattern? Their error along it, over that of networks that never saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from locality.compare.context import Context
from locality.compare.drawing import SIGMA, series_with_ends, time_of
from locality.compare.strengths import WIENER, Strength, controls_of
from locality.compare.summary import Quantity
from locality.compare.telling import Growing, measure, say_table
from locality.metrics import Groups, PatternMSE, mean_ratio
from locality.modules.pairs import CLEAN_IMAGES, PairModule
from locality.report import Chart, Report
from locality.report.table import Cell

TABLE = "pattern/learned"
COLUMNS = ("gamma", "sigma", "network / control", "Wiener / control's Wiener", "share of Wiener's gain")
KINDS = ("network", "wiener", "share")  # what the last three of them are
LABEL = "squared error along the pattern, over the control's"
CONTROL = "control_"  # before the names of denoisers of images without the pattern


@dataclass(frozen=True)
class Learned:
    """Squared errors along the pattern, on test images that have it."""

    gamma: float
    sigmas: Sequence[float]
    controls: Mapping[str, str]  # by the seed of a network: the seed of its control
    values: Mapping[str, list[Tensor]]  # "<denoiser>/along" -> S times [N]
    groups: Groups  # of the images, where some were cut from one picture

    def network(self, step: int) -> Quantity:
        """The networks' error over that of the controls, on the same images and noise."""
        return Quantity(*mean_ratio(*self._errors(self.controls, step), self.groups))

    def wiener(self, step: int) -> Quantity:
        """The same of the Wiener filters."""
        return Quantity(*mean_ratio(*self._errors({WIENER: WIENER}, step), self.groups))

    def share(self, step: int) -> Quantity | None:
        """How much less error the networks have than the controls, over how much less the filter has.

        None where the filter's own gain is not sure: there is nothing to divide by.
        """
        if not self.wiener(step).high < 1:
            return None
        (ours, theirs), (floor, other) = (
            self._errors(names, step) for names in (self.controls, {WIENER: WIENER})
        )
        return Quantity(*mean_ratio(theirs - ours, other - floor, self.groups))

    @cached_property
    def levels(self) -> list[dict[str, Quantity]]:
        """What there is at each noise level, once all are measured; no share where there is none."""
        kinds = dict(zip(KINDS, (self.network, self.wiener, self.share), strict=True))
        return [
            {name: one for name, kind in kinds.items() if (one := kind(step)) is not None}
            for step in range(len(self.sigmas))
        ]

    def rows(self) -> list[list[Cell]]:
        """The lines of the table."""
        return [
            [self.gamma, sigma, *(str(level[name]) if name in level else None for name in KINDS)]
            for sigma, level in zip(self.sigmas, self.levels, strict=True)
        ]

    def numbers(self) -> dict[str, float]:
        """Those of metrics.json."""
        return {
            f"{TABLE}_{name}{end}/gamma{self.gamma:g}/t{time_of(sigma):03d}": value
            for sigma, level in zip(self.sigmas, self.levels, strict=True)
            for name, one in level.items()
            for end, value in one.ends().items()
        }

    def _errors(self, names: Mapping[str, str], step: int) -> tuple[Tensor, Tensor]:  # each [N]
        """The errors of some denoisers and of their controls, means over the denoisers."""
        ours = [self.values[f"{name}/along"][step] for name in names]
        theirs = [self.values[f"{CONTROL}{name}/along"][step] for name in names.values()]
        return torch.stack(ours).mean(0), torch.stack(theirs).mean(0)


def learned_of(
    context: Context,
    one: Strength,
    control: Strength,
    mask: Tensor,  # [H, W]
    count: int,  # test images
) -> Learned:
    """Measures the networks and the filter of one strength, and the controls, on images of that strength."""
    controls = controls_of(one, control)
    denoisers = {seed: trained.denoiser for seed, trained in one.networks.items()} | {WIENER: one.wiener}
    denoisers |= {f"{CONTROL}{seed}": control.networks[seed].denoiser for seed in controls.values()}
    denoisers[f"{CONTROL}{WIENER}"] = control.wiener
    sigmas = list(one.fields[WIENER].sigmas)
    pairs = {name: (name, CLEAN_IMAGES) for name in denoisers}
    metrics = {"along": PatternMSE(mask)}
    module = PairModule(denoisers, pairs, metrics, sigmas, count, one.data.image_shape, context.seed)
    groups = one.data.groups("test")
    found = Learned(one.gamma, sigmas, controls, module.values, None if groups is None else groups[:count])

    def keep(step: int) -> str:
        return f"gamma {one.gamma:g}, sigma {sigmas[step]:g}: {LABEL} {found.network(step)}"

    measure(context, module, count, keep, one.data)
    return found


def tell_learned(
    context: Context, found: Mapping[float, Strength], mask: Tensor, count: int
) -> dict[str, float]:
    """The chart, the table and the numbers of every strength, where there is a control."""
    control = found.get(0.0)
    shown = {gamma: one for gamma, one in found.items() if gamma > 0}
    if control is None:
        return {}
    growing = Growing(context.report, TABLE, COLUMNS, map(str, shown))
    known = []
    with growing.shown_if_cut_short():
        for gamma, one in shown.items():
            known.append(learned_of(context, one, control, mask, count))
            growing.add(str(gamma), known[-1].rows(), known[-1].numbers())
    context.report.table(TABLE, COLUMNS, growing.rows)
    say_table(COLUMNS, growing.rows)
    _chart(context.report, known)
    numbers = {name: value for one in known for name, value in one.numbers().items()}
    context.report.scalars(numbers)
    return numbers


def _chart(report: Report, known: Sequence[Learned]) -> None:
    series = {}
    for one in known:
        name = f"gamma = {one.gamma:g}"
        series[name] = series_with_ends([level["network"] for level in one.levels])
        series[f"{name}, Wiener"] = series_with_ends([level["wiener"] for level in one.levels])
    title = "Error along the pattern over the control's: below 1 a denoiser knows of it"
    report.chart(TABLE, Chart(title, SIGMA, LABEL, list(known[0].sigmas), series, log_x=True))
