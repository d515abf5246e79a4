"""Is locality the architecture's? Unlike networks, trained on the same images, beside Wiener."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from locality.checkpoints.trained import Trained
from locality.compare.context import Context, asked
from locality.compare.drawing import FIELD, describe, headings
from locality.compare.overlaps import overlap_chart, overlap_series
from locality.compare.sensitivity import grid_pixels
from locality.compare.summary import Quantity
from locality.compare.telling import Growing, measure_fields, say_table
from locality.config import UsageError
from locality.denoisers import Wiener
from locality.denoisers.base import Denoiser
from locality.modules.fields import FieldModule, Share
from locality.ranks import say
from locality.report import Report, Series
from locality.report.heat import HeatRow, draw_heat
from locality.report.table import Cell
from locality.sensitivity import Route, SensitivityField

WIENER = "wiener"
KINDS = {
    "cosine": "cosine of the angle to Wiener's field",
    "energy": "share of the energy in common with Wiener's field",
    "inside": "mass within Wiener's half-mass radius",
}
HEADS = {  # of charts
    "cosine": "Direction of networks' fields against Wiener's, by architecture",
    "energy": "Energy that networks' fields share with Wiener's, by architecture",
    "inside": "Reach of networks' fields against Wiener's, by architecture",
}
CLOSE = 0.1  # of a share of a training: a snapshot farther from it does not stand for it
Stages = dict[str, dict[float, Denoiser]]  # by model and share of its training
Overlaps = dict[tuple[str, float], dict[str, Series]]  # the same -> kind of overlap


def architectures(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 32,  # test images
    grid: int = 4,  # pixels; distance between the probed pixels that the numbers are averaged over
    shares: Sequence[float] = (0.1, 0.5),  # of the training: earlier networks, from the runs' snapshots
    share: Share = "images",  # what ranks share out
) -> dict[str, float]:
    """One figure and one table: how alike each network's fields and Wiener's are, early and late."""
    context.check_count(count)
    _check_shares(shares)
    with asked():
        route = Route(list(sigmas), seed=context.seed)
    stages = _stages(context.networks, shares)
    wiener = Wiener(context.stats)
    context.judge({name: one.denoiser for name, one in context.networks.items()}, wiener)
    _, height, width = context.data.image_shape
    pixels = [context.data.pixels["centre"], *grid_pixels(grid, height, width)]
    # Wiener first: the others are set against its field.
    keys = {_key(name, part): (name, part) for name, parts in stages.items() for part in parts}
    denoisers = {WIENER: wiener, **{key: stages[name][part] for key, (name, part) in keys.items()}}
    module = FieldModule(denoisers, route, pixels, count, context.data.image_shape, share=share)
    columns = ["model", "of training", *(f"sigma {sigma:.2g}" for sigma in route.sigmas), "mean"]
    tables = {kind: Growing(context.report, f"architectures/{kind}", columns, keys) for kind in KINDS}
    found: Overlaps = {}

    def keep(key: str) -> None:
        if key == WIENER:
            return
        name, part = keys[key]
        target, own = (module.fields[one].of_pixels(slice(1, None)) for one in (WIENER, key))
        found[name, part] = overlap_series(own, target)
        for kind, table in tables.items():
            series = found[name, part][kind]
            table.add(key, [_row(name, part, series)], {_number(kind, name, part): _mean(series)})

    measure_fields(context, module, count, next(iter(tables.values())), keep)
    _picture(context.report, stages, module.fields)
    return _tell(context.report, found, module.fields[WIENER].sigmas, tables)


def _check_shares(shares: Sequence[float]) -> None:
    whole = [round(100 * part) for part in shares]
    if any(not 1 <= part <= 99 for part in whole) or len(set(whole)) < len(whole):
        raise UsageError(f"compare.shares: want distinct shares from 0.01 to 0.99, got {list(shares)}")


def _stages(networks: Mapping[str, Trained], shares: Sequence[float]) -> Stages:
    """The networks and their younger selves. Raises UsageError where they learned from unlike images."""
    first = next(iter(networks.values()))
    found: Stages = {}
    for name, one in networks.items():
        if (one.images, one.gamma) != (first.images, first.gamma):
            raise UsageError(f"networks.{name}: want networks that learned from the same images, got others")
        if name == WIENER:
            raise UsageError(f"networks.{name}: want another name, this one is taken")
        found[name] = {}
        youth = one.youth() if shares and one.step is not None else {}
        for part in sorted(shares):
            step = min(youth, key=lambda step: abs(step - part * (one.step or 0)), default=None)
            if step is not None and abs(step / (one.step or 1) - part) <= CLOSE * part:
                found[name][part] = youth[step]
        found[name][1.0] = one.denoiser
    return found


def _picture(report: Report, stages: Stages, fields: Mapping[str, SensitivityField]) -> None:
    """The centre's fields of the grown networks, a row each, and Wiener's below."""
    wiener = fields[WIENER]
    grown = {name: fields[_key(name, 1.0)] for name in stages} | {WIENER: wiener}
    rows = {name: HeatRow(field.maps[:, 0], field.pixels[0]) for name, field in grown.items()}
    title = "Which input pixels the centre of the estimate depends on, by architecture"
    drawn = draw_heat(rows, headings(wiener.sigmas), title, FIELD, describe(wiener), log=True)
    report.figure("architectures/fields", drawn)


def _tell(
    report: Report, found: Overlaps, sigmas: Sequence[float], tables: Mapping[str, Growing]
) -> dict[str, float]:
    """Charts of the grown networks, tables of all stages; the mean over noise levels of each."""
    for kind, label in KINDS.items():
        grown = {name: series[kind] for (name, part), series in found.items() if part == 1.0}
        name, chart = overlap_chart(kind, HEADS[kind], label, list(sigmas), grown)
        report.chart(f"architectures/{name}", chart)
        report.table(f"architectures/{kind}", tables[kind].columns, tables[kind].rows)
        say(label)
        say_table(tables[kind].columns, tables[kind].rows)
    numbers = {
        _number(kind, *place): _mean(series[kind]) for place, series in found.items() for kind in KINDS
    }
    report.scalars(numbers)
    alike = {name: _mean(series["cosine"]) for (name, part), series in found.items() if part == 1.0}
    order = dict.fromkeys([max(alike, key=alike.__getitem__), min(alike, key=alike.__getitem__)])
    said = ", ".join(f"{name} {alike[name]:.3g}" for name in order)
    report.conclusion = f"cosine to Wiener's field, mean over noise levels, most and least: {said}"
    return numbers


def _row(name: str, part: float, series: Series) -> list[Cell]:
    assert series.low is not None, "overlap_series gives intervals"
    assert series.high is not None
    levels = zip(series.mean, series.low, series.high, strict=True)
    return [name, f"{part:.0%}", *(str(Quantity(*level)) for level in levels), _mean(series)]


def _mean(series: Series) -> float:
    return torch.tensor(list(series.mean)).mean().item()


def _number(kind: str, name: str, part: float) -> str:
    return f"architectures/{kind}/{name.lower()}/at{round(100 * part):03d}"


def _key(name: str, part: float) -> str:
    return f"{name}_at{round(100 * part)}"
