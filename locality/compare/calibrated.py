"""What a calibration found, as charts, a table and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from locality.calibration import Calibration, Kept, Stacking
from locality.compare.drawing import SIGMA
from locality.compare.telling import Growing, say_table
from locality.denoisers.grids import Grid
from locality.denoisers.stacked import in_words
from locality.metrics import interval
from locality.modules.base import PROTOCOL_STEPS
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.table import Cell
from locality.schedule import NoiseSchedule

CalibrationsBySetting = Mapping[tuple[str, str], Kept]  # by candidate and setting


def draw(
    report: Report,
    found: CalibrationsBySetting,
    grids: Mapping[tuple[str, str], Grid],  # by candidate and setting, as the denoisers declare them
) -> None:
    """What was chosen against the noise level, and the errors of all that could have been."""
    some = next(iter(found.values()))
    against = f"against the {some.rival}, on {some.count} {some.inputs} (none that is measured)"
    for parameter in dict.fromkeys(setting for _, setting in grids):
        alike = {
            key: one for key, one in found.items() if isinstance(one, Calibration) and key[1] == parameter
        }
        series = {name: _chosen(one) for (name, _), one in alike.items()}
        title = f"Calibrated {parameter}, and what is as good\n{against}"
        log_y = all(grids[key].log and min(one.values) > 0 for key, one in alike.items())
        label = " or ".join(dict.fromkeys(grids[key].label for key in alike))
        chart = Chart(title, SIGMA, label, some.sigmas, series, log_x=True, log_y=log_y)
        report.chart(f"calibrate/{parameter}", chart)
    for (name, parameter), one in found.items():
        if isinstance(one, Stacking):
            columns = zip(*one.shares, strict=True)
            series = {member: Series(column) for member, column in zip(one.members, columns, strict=True)}
            title = f"Shares of the members of {name}\n{against}"
            chart = Chart(title, SIGMA, "share of the estimate", one.sigmas, series, log_x=True)
            report.chart(f"calibrate/{parameter}/{name}", chart)
        series = {key: Series(errors) for key, errors in _errors(one).items()}
        label = f"MSE against the {one.rival} (pixel units squared)"
        title = f"One denoising step of {name}\n{against}"
        positive = all(error > 0 for errors in _errors(one).values() for error in errors)
        chart = Chart(title, SIGMA, label, one.sigmas, series, log_x=True, log_y=positive)
        report.chart(f"calibrate/mse/{name}/{parameter}", chart)


def _errors(one: Kept) -> dict[str, Sequence[float]]:
    """The mean errors at each noise level of all that was tried."""
    if isinstance(one, Stacking):
        members = dict(zip(one.members, one.alone.T.tolist(), strict=True))
        return {**members, "together": one.together.tolist()}
    assert isinstance(one, Calibration)
    columns: list[list[float]] = one.errors.T.tolist()
    return {f"{one.setting} {value:g}": errors for value, errors in zip(one.values, columns, strict=True)}


def _chosen(one: Calibration) -> Series:
    ends = [as_good(one, s) for s in range(len(one.sigmas))]
    return Series(one.chosen, [min(values) for values in ends], [max(values) for values in ends])


def as_good(one: Calibration, level: int) -> list[float]:
    """The values whose excess error over the chosen one may be 0: paired 95 % intervals over images."""
    errors = torch.tensor(one.image_errors[level], dtype=torch.float64)  # [V, I]
    best = int(one.choices[level])
    low = [interval(row - errors[best])[0] for row in errors]
    return [value for v, value in enumerate(one.values) if v == best or low[v] <= 0]


def numbers_of(name: str, parameter: str, one: Kept) -> dict[str, float]:
    """The numbers of metrics.json of one setting of a candidate."""
    times = NoiseSchedule.ddpm().leading_timesteps(PROTOCOL_STEPS)
    if isinstance(one, Stacking):
        numbers = {f"calibrate/mse/{name}/{parameter}": one.together.mean().item()}
        for t, row in zip(times, one.shares, strict=True):
            for member, share in zip(one.members, row, strict=True):
                numbers[f"calibrate/{parameter}/{name}/{member}/t{t:03d}"] = share
        return numbers
    assert isinstance(one, Calibration)
    numbers = {
        f"calibrate/mse/{name}/{parameter}": one.errors.amin(1).mean().item(),
        f"calibrate/mse_of_one_for_all/{name}/{parameter}": one.errors.mean(0).min().item(),
    }
    for t, value in zip(times, one.chosen, strict=True):
        numbers[f"calibrate/{parameter}/{name}/t{t:03d}"] = float(value)
    return numbers


def column_of(one: Kept) -> list[Cell]:
    """What was chosen at each noise level, as the table has it."""
    return [_cell(one, level) for level in range(len(one.sigmas))]


def tell(report: Report, found: CalibrationsBySetting, growing: Growing) -> dict[str, float]:
    """The numbers of metrics.json, and the table, to the report and the terminal."""
    some, numbers = next(iter(found.values())), dict[str, float]()
    for (name, parameter), one in found.items():
        numbers |= numbers_of(name, parameter, one)
    report.scalars(numbers)
    report.table("calibrate/chosen", growing.columns, growing.rows)
    say(
        f"calibrated against the {some.rival} on {some.inputs}, never on what is measured; in brackets: as "
        "good, by 95 % intervals; shares are without intervals"
    )
    say_table(growing.columns, growing.rows)
    errors = {name: numbers[f"calibrate/mse/{name}/{parameter}"] for name, parameter in found}
    best = min(errors, key=errors.__getitem__)  # of each candidate the last setting, with all others found
    report.conclusion = (
        f"{len(found)} settings of {len(errors)} candidates found; least error against the {some.rival} on "
        f"{some.inputs}: {best} (MSE {errors[best]:.3g})"
    )
    return numbers


def _cell(one: Kept, level: int) -> str:
    if isinstance(one, Stacking):
        return in_words(dict(zip(one.members, one.shares[level], strict=True)))
    assert isinstance(one, Calibration)
    values = as_good(one, level)
    around = f" ({min(values):g} .. {max(values):g})" if len(values) > 1 else ""
    return f"{one.chosen[level]:g}{around}"
