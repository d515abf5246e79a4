"""Patch sizes, tau and the like, calibrated against a trained network on images that no evaluation uses."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from locality import calibration
from locality.calibration import Calibration, thinned
from locality.compare.context import Context
from locality.compare.drawing import SIGMA
from locality.config import UsageError
from locality.denoisers.fitting import Fit, takes_stats
from locality.metrics import interval
from locality.modules.base import PROTOCOL_STEPS
from locality.report import Chart, Report, Series, format_table
from locality.report.folder import first_rank
from locality.schedule import NoiseSchedule

LABELS = {
    "patch_size": "patch size (pixels)",
    "tau": "tau (of the largest relative entry)",
    "beta": "beta (how fast the precision falls)",
    "window": "window (pixels)",
    "blend": "blend (share of the softmax average)",
}
SORTS: dict[str, tuple[Callable[[float], bool], str]] = {  # of lists of values
    "patch_sizes": (lambda v: v >= 1 and v % 2 == 1, "distinct odd whole numbers of pixels"),
    "windows": (lambda v: v >= 1 and v % 1 == 0, "distinct whole numbers of pixels from 1"),
}
Found = Mapping[tuple[str, str], Calibration]  # by candidate and setting


def calibrate(
    context: Context,
    count: int = 32,  # val images
    target: str = "network",  # "network" | "clean"
    patch_sizes: Sequence[int] = (1, 3, 5, 7, 11, 19, 31, 63),  # pixels, odd
    taus: Sequence[float] = (0.5, 0.2, 0.1, 0.05, 0.02, 0.005),  # of the largest relative entry
    betas: Sequence[float] = (0.0, 0.25, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0),
    windows: Sequence[int] = (4, 6, 8, 12, 20, 64),  # pixels; those beyond the image count as one
    blends: Sequence[float] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),  # share of the softmax average
    bank_counts: Mapping[str, int] | None = None,  # training images, evenly spread, for the costly; else all
    replace: bool = False,  # what was found before for the same checkpoint, candidate and setting
) -> dict[str, float]:
    """Choose each candidate's patch size, tau and so on at the noise levels of the paper's protocol.

    A candidate with several settings has them chosen one after the other, in the order above. The
    calibration split is `val`: the `test` images, on which compare=analytic_vs_nn measures, are never seen.
    Results go to `calibration/<name>.<setting>.json` in the run folder, and beside the checkpoint, where
    compare=analytic_vs_nn finds them. A best value found on fewer training images may be too small for all
    of them: more images match larger patches. Raises UsageError for settings that do not fit.
    """
    values = {
        # A window of this side around any pixel holds the whole image, and stands for all larger ones.
        "patch_size": _whole(_listed("patch_sizes", patch_sizes), 2 * max(context.bank.image_shape[1:]) - 1),
        "tau": _listed("taus", taus),
        "beta": _listed("betas", betas),
        "window": _whole(_listed("windows", windows), max(context.bank.image_shape[1:])),
        "blend": _listed("blends", blends),
    }
    settings = {name: _settings(name, fit, values) for name, fit in context.fits.items()}
    counts = _counts(context, target, bank_counts)
    images = _images(context, count)
    _check_kept(context, settings, replace)
    device = context.trainer().strategy.root_device
    reference = context.reference.to(device) if target == "network" else None
    context.bank.to(device)
    sigmas = NoiseSchedule.ddpm().leading(PROTOCOL_STEPS)
    found = {}
    for name, parameters in settings.items():
        bank, fit = thinned(context.bank, counts[name]), context.fits[name]
        known = context.stats if takes_stats(fit) else None
        for parameter in parameters:
            one = calibration.calibrate(
                fit, bank, images, sigmas, values[parameter],
                target=reference, parameter=parameter, seed=context.seed, stats=known,
            )  # fmt: skip
            fit, found[name, parameter] = one.apply(fit), one
            _save(one, name, context)
    _draw(context.report, found)
    return _tell(context.report, found)


def _listed(name: str, given: Sequence[float]) -> list[float]:
    good = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    fits, want = SORTS.get(name, (lambda value: value >= 0, "distinct numbers from 0"))
    if not good or len(given) == 0 or not all(map(fits, given)) or len(set(given)) < len(given):
        raise UsageError(f"compare.{name}: want {want}, got {list(given)}")
    return list(given)


def _whole(sizes: list[float], largest: int) -> list[float]:
    return sorted({min(size, largest) for size in sizes})


def _settings(name: str, fit: Fit, values: Mapping[str, list[float]]) -> list[str]:
    known = inspect.signature(fit).parameters
    found = [parameter for parameter in values if parameter in known]
    if not found:
        raise UsageError(
            f"candidates.{name}: want a denoiser with a {' or a '.join(values)}, got one without"
        )
    return found


def _counts(context: Context, target: str, bank_counts: Mapping[str, int] | None) -> dict[str, int]:
    """How many training images each candidate is calibrated on."""
    if target not in ("network", "clean"):
        raise UsageError(f"compare.target: want network or clean, got {target!r}")
    counts, everything = context.checked_counts("bank_counts", bank_counts), len(context.bank)
    return {name: min(counts.get(name, everything), everything) for name in context.fits}


def _check_kept(context: Context, settings: Mapping[str, list[str]], replace: bool) -> None:
    paths = [_path(context.calibrations, name, one) for name, several in settings.items() for one in several]
    there = [path.name for path in paths if path.exists()]
    if there and not replace:
        raise UsageError(
            f"{context.calibrations} has {', '.join(there)} already; give compare.replace=true to write them "
            "anew, or leave candidates out (~candidates.<name>)"
        )


def _path(folder: Path, name: str, parameter: str) -> Path:
    return folder / f"{name}.{parameter}.json"


def _images(context: Context, count: int) -> Tensor:  # [count, C, H, W]
    images = context.data.bank("val").images
    if not isinstance(count, int) or not 1 <= count <= len(images):
        raise UsageError(f"compare.count: want 1 to {len(images)} (the val images), got {count!r}")
    return images[:count]


def _save(found: Calibration, name: str, context: Context) -> None:
    if not first_rank():
        return
    for folder in (context.report.folder / "calibration", context.calibrations):
        found.save(_path(Path(folder), name, found.parameter))
    print(f"{name}: {found.parameter} kept in {context.calibrations}, for compare=analytic_vs_nn", flush=True)


def _draw(report: Report, found: Found) -> None:
    some = next(iter(found.values()))
    against = f"{some.images} val images (never test images), against the {some.target}"
    for parameter, label in LABELS.items():
        alike = {name: one for (name, setting), one in found.items() if setting == parameter}
        if alike:
            series = {name: _chosen(one) for name, one in alike.items()}
            title = f"Calibrated {parameter}, and what is as good\n{against}"
            positive = all(min(one.values) > 0 for one in alike.values())
            log_y = parameter == "tau" and positive
            chart = Chart(title, SIGMA, label, some.sigmas, series, log_x=True, log_y=log_y)
            report.chart(f"calibrate/{parameter}", chart)
    for (name, parameter), one in found.items():
        columns = one.errors.T.tolist()
        series = {
            f"{parameter} {value:g}": Series(errors)
            for value, errors in zip(one.values, columns, strict=True)
        }
        label = f"MSE against the {one.target} (pixel units squared)"
        title = f"One denoising step of {name}\n{against}"
        report.chart(
            f"calibrate/mse/{name}/{parameter}",
            Chart(title, SIGMA, label, one.sigmas, series, log_x=True, log_y=bool((one.errors > 0).all())),
        )


def _chosen(one: Calibration) -> Series:
    ends = [as_good(one, s) for s in range(len(one.sigmas))]
    return Series(one.chosen, [min(values) for values in ends], [max(values) for values in ends])


def as_good(one: Calibration, level: int) -> list[float]:
    """The values whose excess error over the chosen one may be 0: paired 95 % intervals over images."""
    errors = torch.tensor(one.image_errors[level], dtype=torch.float64)  # [V, I]
    best = int(one.choices[level])
    low = [interval(row - errors[best])[0] for row in errors]
    return [value for v, value in enumerate(one.values) if v == best or low[v] <= 0]


def _tell(report: Report, found: Found) -> dict[str, float]:
    numbers: dict[str, float] = {}
    times = NoiseSchedule.ddpm().leading_timesteps(PROTOCOL_STEPS)
    for (name, parameter), one in found.items():
        numbers[f"calibrate/mse/{name}/{parameter}"] = one.errors.amin(1).mean().item()
        numbers[f"calibrate/mse_of_one_for_all/{name}/{parameter}"] = one.errors.mean(0).min().item()
        for t, value in zip(times, one.chosen, strict=True):
            numbers[f"calibrate/{parameter}/{name}/t{t:03d}"] = float(value)
    report.scalars(numbers)
    columns = ["sigma", *(f"{name} {parameter}" for name, parameter in found)]
    cells = {key: [_cell(one, s) for s in range(len(one.sigmas))] for key, one in found.items()}
    sigmas = next(iter(found.values())).sigmas
    rows = [[f"{sigma:.3g}", *column] for sigma, *column in zip(sigmas, *cells.values(), strict=True)]
    report.table("calibrate/chosen", columns, rows)
    if first_rank():
        print("calibrated on val images, never on test images; in brackets: as good, by 95 % intervals")
        print(format_table(columns, rows), flush=True)
    return numbers


def _cell(one: Calibration, level: int) -> str:
    values = as_good(one, level)
    around = f" ({min(values):g} .. {max(values):g})" if len(values) > 1 else ""
    return f"{one.chosen[level]:g}{around}"
