"""The pattern contrast along a training, from the snapshots of its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch

from locality.compare.contrasts import LABEL
from locality.compare.drawing import cells_of, time_of
from locality.compare.strengths import WIENER, Contrast, Strength
from locality.compare.telling import Growing, say_table
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.table import Cell

Keep = Callable[[str, Contrast], None]  # told of each denoiser whose contrast is there
Measure = Callable[[Mapping[str, Denoiser], ImageDataModule, Keep], None]


def tell_growth(report: Report, found: Mapping[float, Strength], measure: Measure) -> dict[str, float]:
    """The contrast against optimiser steps, of the first seed of each gamma that has snapshots."""
    numbers: dict[str, float] = {}
    for one in found.values():
        history = _history(one)
        if history is None:
            continue
        seed, last, youth = history
        by_step = _measured(report, one, youth, measure)
        by_step[last] = one.contrasts[seed]
        numbers |= _tell(report, one, dict(sorted(by_step.items())))
    report.scalars(numbers)
    return numbers


def _measured(
    report: Report, one: Strength, youth: Mapping[int, Denoiser], measure: Measure
) -> dict[int, Contrast]:
    """The contrasts of the snapshots, by their steps; each is kept as it is there."""
    place, times = f"gamma{one.gamma:g}", [time_of(sigma) for sigma in one.fields[WIENER].sigmas]
    heads = {f"step{step}": f"step {step:,}" for step in sorted(youth)}
    growing = Growing(report, f"pattern/steps_{place}", ["t"], heads.values(), heads=times)
    found: dict[int, Contrast] = {}

    def keep(name: str, contrast: Contrast) -> None:
        step = int(name.removeprefix("step"))
        found[step] = contrast
        growing.add(heads[name], [cells_of(contrast.series())], _scalars(place, step, times, contrast))

    with growing.shown_if_cut_short():
        measure({name: youth[int(name.removeprefix("step"))] for name in heads}, one.data, keep)
    return found


def _scalars(place: str, step: int, times: Sequence[int], contrast: Contrast) -> dict[str, float]:
    means = zip(times, contrast.mean.tolist(), strict=True)
    return {f"pattern/steps/{place}/step{step}/t{t:03d}": mean for t, mean in means}


def _history(one: Strength) -> tuple[str, int, Mapping[int, Denoiser]] | None:
    """The first seed that has snapshots, its steps, and the snapshots by their steps."""
    for seed, network in one.networks.items():
        youth = network.youth()
        if youth and network.step is not None:
            return seed, network.step, youth
    return None


def _tell(report: Report, one: Strength, by_step: Mapping[int, Contrast]) -> dict[str, float]:
    sigmas, wiener = one.fields[WIENER].sigmas, one.contrasts[WIENER].mean
    times = [time_of(sigma) for sigma in sigmas]
    steps, place = list(by_step), f"gamma{one.gamma:g}"
    means, low, high = (
        torch.stack([getattr(at, end) for at in by_step.values()], dim=1) for end in ("mean", "low", "high")
    )  # [S, steps]
    series: dict[str, Series] = {}
    for s, t in enumerate(times):
        if t in times[1::2]:  # every other one: nine curves and nine lines would be one too many
            series[f"t = {t}"] = Series(means[s].tolist(), low[s].tolist(), high[s].tolist())
            series[f"t = {t}, Wiener"] = Series([wiener[s].item()] * len(steps), beside=f"t = {t}")
    title = f"Contrast along the pattern as training goes on, gamma = {one.gamma:g}"
    chart = Chart(title, "optimiser steps", LABEL, steps, series, log_x=True, log_y=True)
    report.chart(f"pattern/steps_{place}", chart)
    columns = ["t", *(f"step {step:,}" for step in steps), "Wiener"]
    grown = [Series(means[s].tolist(), low[s].tolist(), high[s].tolist()) for s in range(len(times))]
    rows: list[list[Cell]] = [[t, *cells_of(grown[s]), wiener[s].item()] for s, t in enumerate(times)]
    report.table(f"pattern/steps_{place}", columns, rows)
    say(title)
    say_table(columns, rows)
    numbers: dict[str, float] = {}
    for step, contrast in by_step.items():
        numbers |= _scalars(place, step, times, contrast)
    return numbers
