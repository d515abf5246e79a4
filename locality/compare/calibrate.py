"""Patch sizes, tau and the like, calibrated against a trained network on what no evaluation uses."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from locality import calibration
from locality.bank import ImageBank, thinned
from locality.calibration import Kept, calibrate_shares
from locality.compare.calibrated import column_of, draw, numbers_of, tell
from locality.compare.context import Context
from locality.compare.origins import SHARES
from locality.compare.telling import Growing
from locality.config import UsageError
from locality.counts import is_count
from locality.denoisers.fitting import Recipe
from locality.denoisers.grids import Grid
from locality.denoisers.options import choice
from locality.live import LIVE
from locality.modules.base import PROTOCOL_STEPS
from locality.ranks import first_rank, say
from locality.schedule import NoiseSchedule

Lists = Mapping[str, tuple[str, Sequence[float]]]  # by setting: where it was given, and the values


def calibrate(
    context: Context,
    count: int = 32,  # val images; or samples
    target: Literal["network", "samples", "clean"] = "network",
    patch_sizes: Sequence[int] | None = None,  # pixels, odd; None, here and below: those of the denoiser
    taus: Sequence[float] | None = None,  # of the largest relative entry
    betas: Sequence[float] | None = None,
    windows: Sequence[int] | None = None,  # of local mixtures, pixels; beyond the image: one
    blends: Sequence[float] | None = None,  # share of the softmax average
    values: Mapping[str, Sequence[float]] | None = None,  # of any setting; `taus` is short for `values.tau`
    bank_counts: Mapping[str, int] | None = None,  # training images, evenly spread, for the costly; else all
    replace: bool = False,  # what was found before for the same checkpoint, candidate and setting
) -> dict[str, float]:
    """Choose each candidate's patch size, tau and so on at the noise levels of the paper's protocol.

    A denoiser declares the settings that can be chosen, and among which values, in `CALIBRATED`. They are
    chosen one after the other, in its order. The members of a stacked one get their shares, after the
    calibrations of the candidates that they are named as. The
    target is the network's estimates of val images with noise (`network`), or on its own way from noise to
    samples (`samples`), or the clean val images (`clean`). The `test` images and the noise, on which
    compare=analytic_vs_nn measures, are never seen.
    Results go to `calibration/<name>.<setting>.json` in the run folder, and beside the checkpoint, where
    compare=analytic_vs_nn finds them. A best value found on fewer training images may be too small for all
    of them: more images match larger patches. Raises UsageError for settings that do not fit.
    """
    if not context.fits:
        raise UsageError("candidates: want at least one to calibrate, got none")
    lists = _lists(
        context, values, patch_sizes=patch_sizes, taus=taus, betas=betas, windows=windows, blends=blends
    )
    settings = {name: _settings(name, fit, lists) for name, fit in context.fits.items()}
    counts = _counts(context, target, bank_counts)
    images = _sample_count(count) if target == "samples" else context.images(count, "val")
    _check_kept(context, settings, replace)
    device = context.trainer().strategy.root_device
    reference = None if target == "clean" else context.reference.to(device)
    context.bank.to(device)
    sigmas = NoiseSchedule.ddpm().leading(PROTOCOL_STEPS)
    if reference is not None:
        context.judge({context.reference_name: reference})
    labels = {(name, one): f"{name} {one}" for name, parameters in settings.items() for one in parameters}
    heads = [f"{sigma:.3g}" for sigma in sigmas.tolist()]
    growing = Growing(context.report, "calibrate/chosen", ["sigma"], labels.values(), heads=heads)
    known = dataclasses.replace(context.known, remedy="calibrate that one anew first, or move its file away")
    found: dict[tuple[str, str], Kept] = {}
    with growing.shown_if_cut_short():
        for name, parameters in settings.items():
            bank = thinned(context.bank, counts[name])
            fit = known.with_members(name, context.fits[name])
            stats = context.stats if fit.accepts("stats") else None
            for parameter in parameters:
                with LIVE.task(name):
                    one = _find(fit, parameter, lists, bank)(
                        fit, bank, images, sigmas, target=reference, seed=context.seed, stats=stats
                    )
                fit, found[name, parameter] = one.apply(fit), one
                _save(one, name, context)
                numbers = numbers_of(name, parameter, one)
                growing.add(labels[name, parameter], [column_of(one)], numbers)
    grids = {
        (name, setting): grid for name, fit in context.fits.items() for setting, grid in fit.grids.items()
    }
    draw(context.report, found, grids)
    return tell(context.report, found, growing)


def _find(fit: Recipe, parameter: str, lists: Lists, bank: ImageBank) -> Callable[..., Kept]:
    """What finds a setting: the shares of members together, others among values."""
    if parameter == SHARES:
        return calibrate_shares
    grid = fit.grids[parameter]
    values = grid.within(_listed(parameter, grid, lists), max(bank.image_shape[1:]))
    return partial(calibration.calibrate, values=values, parameter=parameter)


def _lists(
    context: Context,
    values: Mapping[str, Sequence[float]] | None,
    **short: Sequence[float] | None,  # by setting, with an s
) -> Lists:
    """What was given of the values to try. Raises UsageError for what no candidate has, or comes twice."""
    found = {name.removesuffix("s"): (name, given) for name, given in short.items() if given is not None}
    declared = sorted({setting for fit in context.fits.values() for setting in fit.grids})
    for setting, given in (values or {}).items():
        place = f"values.{setting}"
        if setting not in declared:
            raise UsageError(f"compare.{place}: want a setting of a candidate ({', '.join(declared)})")
        if setting in found:
            raise UsageError(
                f"compare.{place}: want one list, and there is compare.{setting}s; leave one out"
            )
        found[setting] = (place, given)
    return found


def _listed(setting: str, grid: Grid, lists: Lists) -> list[float]:
    """The values to try: those of the comparison, else those of the denoiser."""
    if setting not in lists:
        return list(grid.values)
    place, given = lists[setting]
    good = all(isinstance(value, int | float) and not isinstance(value, bool) for value in given)
    if not good or len(given) == 0 or not all(map(grid.good, given)) or len(set(given)) < len(given):
        raise UsageError(f"compare.{place}: want {grid.wanted}, got {list(given)}")
    return list(given)


def _settings(name: str, fit: Recipe, lists: Lists) -> list[str]:
    """What is chosen for a candidate, in this order. Its lists are checked now, before minutes of work."""
    for setting, grid in fit.grids.items():
        _listed(setting, grid, lists)
    found = [*fit.grids, *([SHARES] if fit.accepts(SHARES) else [])]
    if not found:
        raise UsageError(
            f"candidates.{name}: want a denoiser that declares settings to calibrate (CALIBRATED), or has "
            "shares, got one without"
        )
    return found


def _counts(context: Context, target: str, bank_counts: Mapping[str, int] | None) -> dict[str, int]:
    """How many training images each candidate is calibrated on."""
    choice("compare.target", target, ("network", "samples", "clean"))
    counts, everything = context.checked_counts("bank_counts", bank_counts), len(context.bank)
    return {name: min(counts.get(name, everything), everything) for name in context.fits}


def _sample_count(count: int) -> int:
    if not is_count(count):
        raise UsageError(f"compare.count: want a whole number of samples from 1, got {count!r}")
    return int(count)


def _check_kept(context: Context, settings: Mapping[str, list[str]], replace: bool) -> None:
    paths = [_path(context.calibrations, name, one) for name, several in settings.items() for one in several]
    for path in filter(Path.is_dir, paths):  # which no file takes the place of, after minutes of work
        raise UsageError(f"{path}: a folder, where a calibration is to be kept; move it away")
    there_is = next(one for one in (context.calibrations, *context.calibrations.parents) if one.is_dir())
    if not os.access(there_is, os.W_OK):  # of a network that ships with an installed package, most likely
        raise UsageError(f"{there_is}: no calibration can be kept there; copy the network, and name the copy")
    there = [path.name for path in paths if path.exists()]
    if there and not replace:
        raise UsageError(
            f"{context.calibrations} has {', '.join(there)} already; give compare.replace=true to write them "
            "anew, or leave candidates out (~candidates.<name>)"
        )


def _path(folder: Path, name: str, parameter: str) -> Path:
    return folder / f"{name}.{parameter}.json"


def _save(found: Kept, name: str, context: Context) -> None:
    if first_rank():
        for folder in (context.report.folder / "calibration", context.calibrations):
            found.save(_path(Path(folder), name, found.setting))
    say(f"{name}: {found.setting} kept in {context.calibrations}, for compare=analytic_vs_nn")
