"""A finished sweep in one table and one figure: what its runs differ in, and what came of each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.checkpoints.trained import Trained
from locality.compare.context import Context
from locality.compare.drawing import SIGMA
from locality.compare.summary import BAND, Quantity
from locality.compare.telling import Growing, say_table
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser
from locality.live import LIVE
from locality.modules import FinishedModule
from locality.report import Chart, Series
from locality.report.over_wiener import RATIO, over_wiener
from locality.report.record import METRICS
from locality.report.table import Cell
from locality.runs.files import CONFIG, read_config
from locality.runs.resuming import of_numbers
from locality.schedule import NoiseSchedule

LINES = 8  # of a figure: more runs that differ in one number are points over it
Settings = dict[str, list[Any]]  # name -> its value in each run


@dataclass(frozen=True)
class Row:
    """What came of a run."""

    name: str
    val_loss: float
    ratios: Mapping[int, float]  # time-step -> held-out error over Wiener's on the same images and noise
    steps: int | None  # of the optimiser
    seconds: float  # of training, all sessions together


def sweep(
    context: Context,
    times: Sequence[int],  # time-steps that the table has columns for
) -> dict[str, float]:
    """Puts finished runs beside each other; all goes to the report.

    The numbers are those that each run found at its end, on its own test images. Where it has no error over
    Wiener's, because the filter would have taken long, Wiener's error is measured here, on the same noise.
    """
    networks = context.networks
    if len(networks) < 2:
        raise UsageError(f"networks: want at least two runs, got {', '.join(networks) or 'none'}")
    settings = differing([_config(name, one.path) for name, one in networks.items()])
    if not settings:
        raise UsageError("networks: want runs that differ in a setting, these differ in none")
    columns = ["run", *settings, "val/loss", *(f"error / Wiener's, t={t}" for t in times), "steps", "seconds"]
    growing = Growing(context.report, "sweep/runs", columns, networks)
    rows: list[Row] = []
    with growing.shown_if_cut_short():
        for k, (name, one) in enumerate(networks.items()):
            with LIVE.task(name):
                rows.append(row := _row(context, name, one))
            unknown = [time for time in times if time not in row.ratios]
            if unknown:
                raise UsageError(f"compare.times: want some of {sorted(row.ratios)}, got {unknown[0]!r}")
            growing.add(name, [_line(settings, k, row, times)], _numbers(row))
            _judge(context, row)
    levels = sorted(set.intersection(*(set(row.ratios) for row in rows)))
    context.report.chart("sweep/errors", _chart(settings, rows, levels, times))
    return _tell(context, settings, rows, growing)


def _judge(context: Context, row: Row) -> None:
    """Warns of a run whose errors, a mean over the noise levels of `BAND`, are above the Wiener filter's."""
    sigmas = {t: float(NoiseSchedule.ddpm().sigma(t)) for t in row.ratios}
    ratios = [ratio for t, ratio in row.ratios.items() if BAND[0] <= sigmas[t] <= BAND[1]]
    if ratios:
        context.attention.worse(f"run {row.name}", Quantity(sum(ratios) / len(ratios), math.nan, math.nan))


def differing(
    configs: Sequence[Mapping[str, Any]],  # of the runs
) -> Settings:
    """The settings that differ, of those that make a run's numbers, each under the shortest name that tells.

    Values that are filled in from another setting (`data.gamma`) are left out beside it, and so is what
    belongs to one of several kinds of network alone: there the kind is the setting.
    """
    numbers = [of_numbers(config) for config in configs]
    keys = sorted({key for one in numbers for key in one}, key=lambda key: (key.count("."), key))
    found = {key: [one.get(key) for one in numbers] for key in keys}
    found = {key: values for key, values in found.items() if any(value != values[0] for value in values)}
    kinds = [key.removesuffix("._target_") for key in found if key.endswith("._target_")]
    told: Settings = {}
    for key, values in found.items():
        kind = key.removesuffix("._target_")
        inside = any(kind.startswith(f"{one}.") for one in kinds) or (kind == key and key in kinds)
        copied = any(_last(key) == _last(one) and values == others for one, others in told.items())
        if kind != key and not inside:
            told[kind] = [str(value).rpartition(".")[2] for value in values]
        elif not inside and not copied:
            told[key] = values
    last = [_last(key) for key in told]
    return {_last(key) if last.count(_last(key)) == 1 else key: values for key, values in told.items()}


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _config(name: str, folder: Path) -> dict[str, Any]:
    if not (folder / METRICS).is_file():
        raise UsageError(f"networks.{name}: want the folder of a finished training run, got {folder}")
    return read_config(folder / CONFIG)


def _row(context: Context, name: str, one: Trained) -> Row:
    try:
        kept = json.loads((one.path / METRICS).read_text(encoding="utf-8"))
        scalars: dict[str, float | None] = dict(kept["scalars"])
        seconds = float(kept["run"]["seconds"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"{one.path / METRICS}: cannot be read ({type(error).__name__})") from error
    ratios = _levels(scalars, RATIO)
    if not ratios:
        ratios = _levels(over_wiener(scalars, _wiener(context, one)), RATIO)
    return Row(name, _number(scalars.get("val/loss")), ratios, one.step, seconds)


def _levels(scalars: Mapping[str, float | None], start: str) -> dict[int, float]:
    """The numbers of a name by their time-steps."""
    found = {name.removeprefix(start): value for name, value in scalars.items() if name.startswith(start)}
    return {int(t[1:]): _number(value) for t, value in found.items() if t[1:].isdigit()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _wiener(context: Context, one: Trained) -> dict[str, float]:
    """`test/mse/...` of the Wiener filter of a run's images, on its test images, noise levels and noise."""
    data, trainer = one.data(), read_config(one.path / CONFIG)["trainer"]
    bank = data.bank("train")
    context.report.measures(bank, context.cache)
    limit = {"limit_test_batches": trainer.get("limit_test_batches", 1.0), "enable_progress_bar": False}
    module = FinishedModule.floor(bank, _schedule(one), one.seed, context.cache)
    return dict(context.trainer(**limit).test(module, datamodule=data, verbose=False)[0])


def _schedule(one: Trained) -> NoiseSchedule:
    return one.denoiser.schedule if isinstance(one.denoiser, NetworkDenoiser) else NoiseSchedule.ddpm()


def _chart(settings: Settings, rows: Sequence[Row], levels: Sequence[int], times: Sequence[int]) -> Chart:
    """The error against the noise level, a line a run; of many that differ in one number, against that."""
    title, label = "What came of each run of the sweep", "held-out error / Wiener's"
    (name, values), *more = settings.items()
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if len(rows) > LINES and numeric and not more and len(set(values)) == len(values):
        order = sorted(range(len(rows)), key=lambda k: values[k])
        series = {f"t = {t}": Series([rows[k].ratios[t] for k in order]) for t in times}
        x = [float(values[k]) for k in order]
        return Chart(title, name, label, x, series, log_x=min(x) > 0, log_y=True)
    series = {
        _label(settings, k): Series([row.ratios[level] for level in levels]) for k, row in enumerate(rows)
    }
    sigmas = [float(NoiseSchedule.ddpm().sigma(level)) for level in levels]
    return Chart(title, SIGMA, label, sigmas, series, log_x=True, log_y=True)


def _label(settings: Settings, k: int) -> str:
    return ", ".join(f"{name}={_cell(values[k])}" for name, values in settings.items())


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str | int) and not isinstance(value, bool) else str(value).lower()


def _line(settings: Settings, k: int, row: Row, times: Sequence[int]) -> list[Cell]:
    own = (_cell(values[k]) for values in settings.values())
    return [row.name, *own, row.val_loss, *(row.ratios[t] for t in times), row.steps, row.seconds]


def _numbers(row: Row) -> dict[str, float]:
    numbers = {f"sweep/heldout_ratio/{row.name.lower()}/t{t:03d}": row.ratios[t] for t in row.ratios}
    return numbers | {f"sweep/val_loss/{row.name.lower()}": row.val_loss}


def _tell(context: Context, settings: Settings, rows: Sequence[Row], growing: Growing) -> dict[str, float]:
    """The table and the numbers of metrics.json."""
    context.report.table("sweep/runs", growing.columns, growing.rows)
    say_table(growing.columns, growing.rows)
    numbers: dict[str, float] = {}
    for row in rows:
        numbers |= _numbers(row)
    context.report.scalars(numbers)
    best = min(range(len(rows)), key=lambda k: (math.isnan(rows[k].val_loss), rows[k].val_loss))
    context.report.conclusion = f"least val/loss: {_label(settings, best)} ({rows[best].val_loss:.4g})"
    return numbers
