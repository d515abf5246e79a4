"""The paper's comparison: 128 samples of every denoiser against those of a trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from locality.calibration import bind
from locality.compare.context import Context, UsedSettings
from locality.compare.explorer import explore_rivals
from locality.compare.left_out import tell_left_out
from locality.compare.paper_figures import figure_1, figure_5
from locality.compare.summary import FLOOR, Quantity, median_quantity, quantity, r2_quantity, with_ends
from locality.compare.telling import say_table
from locality.config import NAME, UsageError, nearest
from locality.denoisers.base import Denoiser, training_images
from locality.metrics import Groups, PearsonR, is_copy, mean_ratio, nearest_two
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.comparison import ComparisonModule
from locality.modules.tally import Scores
from locality.report.table import Cell
from locality.schedule import NoiseSchedule

COLUMNS = (
    "denoiser", "samples", "training images", "r2", "r2 over PCA locality", "median r2",
    "median r2 over PCA locality", "MSE", "Pearson r", "copy rate", "seconds / image",
)  # fmt: skip
Variants = Mapping[str, Mapping[str, Mapping[str, Any]]]  # of a candidate: name -> changed settings
PAPERS = "pca_locality"  # the row that others are set against, seed by seed


@dataclass(frozen=True)
class Row:
    """One denoiser's samples and one-step estimates beside the reference's, from the same noise."""

    scores: Scores
    samples: Tensor  # [N, C, H, W]
    targets: Tensor  # [N, C, H, W] the reference's samples
    distances: Tensor  # [N, 2] of a sample from its two nearest training images
    places: Tensor  # [N, 2] which these are
    bank: int | None  # training images that it had; None: it keeps no count

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> mean over samples, with its interval; against itself a reference has copies only."""
        own = {"copy_rate": quantity(is_copy(self.distances))}
        if self.scores.path_r2 is None or self.scores.path_mse is None:
            return own
        pearson = PearsonR().score(self.samples.double(), self.targets.double())
        compared = {"r2": self.scores.path_r2[-1], "mse": self.scores.path_mse[-1], "pearson": pearson}
        # A few nearly flat samples, of r2 far below 0, can decide the mean; they do not move the median.
        return (
            {name: quantity(values) for name, values in compared.items()}
            | own
            | {"median_r2": median_quantity(self.scores.path_r2[-1])}
        )

    @property
    def count(self) -> int:
        """How many seeds."""
        return len(self.samples)

    @property
    def seconds(self) -> float:
        """How long a sample takes."""
        return PROTOCOL_STEPS * self.scores.seconds

    def r2_over(self, other: Row) -> dict[str, Quantity]:
        """The difference of r2, seed by seed, over the seeds that both had: mean and median."""
        ours, theirs = self.scores.path_r2, other.scores.path_r2
        if ours is None or theirs is None:
            return {}
        both = min(len(ours[-1]), len(theirs[-1]))
        difference = ours[-1][:both] - theirs[-1][:both]
        return {"r2_over": quantity(difference), "median_r2_over": median_quantity(difference)}

    def heldout_over(self, other: Row, groups: Groups) -> list[Quantity]:
        """The error against clean test images over another's, at each noise level, over what both saw."""
        pairs = zip(self.scores.heldout_mse, other.scores.heldout_mse, strict=True)
        both = [(ours, theirs, min(len(ours), len(theirs))) for ours, theirs in pairs]
        alike = [(ours[:number], theirs[:number]) for ours, theirs, number in both]
        return [Quantity(*mean_ratio(ours, theirs, _first(groups, ours))) for ours, theirs in alike]


def paper_table(
    context: Context,
    count: int = 128,  # seeds, and test images for the single steps
    pictures: int = 10,  # columns of the figures
    section: str = "paper",  # what the names of tables, numbers and pictures begin with
    calibration: UsedSettings = "auto",  # as compare=calibrate found, or as configured
    bank_counts: Mapping[str, int] | int | None = None,  # training images for the costly ones, or for each
    sample_counts: Mapping[str, int] | None = None,  # seeds for the costly candidates
    calibrated_as: Mapping[str, str] | None = None,  # candidates that take the calibration of another
    variants: Variants | None = None,  # more candidates: others with some settings changed
    baselines: Sequence[str] = (PAPERS,),  # rows that all others' r2 is set against, seed by seed
    explorer: bool = False,  # also fields of a grid of pixels, for the explorer of report.html
) -> dict[str, float]:
    """The table, one-step r2 and held-out error at each noise level, and the paper's figures 1 and 5.

    Every denoiser starts from the same noise. What had fewer seeds or training images says so in its row.
    Intervals of samples are over seeds; those of single steps over test images, or over the pictures that
    these were cut from, if the data know them.
    """
    _check(context, count, pictures, section)
    context = _with_variants(context, variants or {})
    fewer = {n.lower(): k for n, k in context.checked_counts("sample_counts", sample_counts).items()}
    names = {context.reference_name, *context.networks, *context.fits}
    unknown = sorted(set(baselines) - {name.lower() for name in names} - {PAPERS})
    if unknown:
        raise UsageError(f"compare.baselines: want rows ({', '.join(sorted(names))}), got {unknown[0]!r}")
    rivals = {
        name.lower(): one for name, one in context.rivals(calibration, bank_counts, calibrated_as).items()
    }
    counts = {name: min(fewer.get(name, count), count) for name in rivals}
    rows: dict[str, Row] = {}
    for number in sorted(set(counts.values()), reverse=True):
        group = {name: rivals[name] for name in rivals if counts[name] == number}
        measured = _measure(context, group, number, section, 0 if rows else pictures)
        rows |= measured if not rows else {name: measured[name] for name in group}
    rows = {name: rows[name] for name in (context.reference_name, *rivals)}
    if explorer:
        explore_rivals(context, f"{section}/explorer", rivals)
    figure_5(context.report, section, {n: row.samples for n, row in rows.items()}, context.bank, pictures)
    return _tell(context, section, rows, [name for name in baselines if name in rows])


def _check(context: Context, count: int, pictures: int, section: str) -> None:
    context.check_count(count)
    context.check_pictures(pictures)
    context.check_rivals()
    if not NAME.fullmatch(section):
        raise UsageError(f"compare.section: want a name of letters, digits, - and _, got {section!r}")
    if context.trainer().world_size > 1:
        raise UsageError("compare=paper_table: samples are kept in one process; leave trainer.devices out")


def _with_variants(context: Context, variants: Variants) -> Context:
    fits = dict(context.fits)
    for candidate, changed in variants.items():
        if candidate not in context.fits:
            raise UsageError(f"compare.variants.{candidate}: {nearest(candidate, context.fits)}")
        for name, settings in changed.items():
            if name in fits or not NAME.fullmatch(name):
                raise UsageError(f"compare.variants.{candidate}.{name}: want another name, not one of a row")
            fits[name] = context.fits[candidate]
            for setting, value in settings.items():
                try:
                    fits[name] = bind(fits[name], setting, value)
                except ValueError as error:
                    raise UsageError(f"compare.variants.{candidate}.{name}: {error}") from error
    return replace(context, fits=fits)


def _measure(
    context: Context, rivals: Mapping[str, Denoiser], count: int, section: str, pictures: int
) -> dict[str, Row]:
    reference = context.reference_name
    module = ComparisonModule(context.reference, rivals, count, reference, pictures=count, seed=context.seed)
    context.test(module, count)
    if pictures:
        with torch.no_grad():
            figure_1(context.report, section, module, context.data.bank("test").images[:pictures])
    samples = module.grids["samples"]
    rows = {}
    for name, scores in module.results.items():
        distances, places = nearest_two(samples[name], context.bank)
        kept = training_images(rivals[name]) if name in rivals else None
        rows[name] = Row(scores, samples[name], samples[reference], distances, places, kept)
    return rows


def _tell(
    context: Context, section: str, rows: Mapping[str, Row], baselines: Sequence[str]
) -> dict[str, float]:
    report, images, groups = context.report, len(context.bank), context.data.groups("test")
    over = {
        base: {name: row.r2_over(rows[base]) for name, row in rows.items()}
        for base in dict.fromkeys([PAPERS, *baselines])
        if base in rows
    }
    table = [_cells(name, row, over.get(PAPERS, {}).get(name, {}), images) for name, row in rows.items()]
    sigmas = [f"{sigma:.3g}" for sigma in NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()]
    steps, medians = (_steps(rows, groups, middle) for middle in (r2_quantity, median_quantity))
    errors = {
        base: {name: row.heldout_over(rows[base], groups) for name, row in rows.items()}
        if base in rows
        else {}
        for base in (FLOOR, PAPERS)
    }
    numbers: dict[str, float] = {}
    for name, row in rows.items():
        numbers |= {f"{section}/seconds/{name}": row.seconds, f"{section}/samples/{name}": float(row.count)}
        numbers |= {} if row.bank is None else {f"{section}/bank/{name}": float(row.bank)}
        pairs = {f"{key}_{base}": one for base in baselines for key, one in over[base][name].items()}
        for key, number in {**row.quantities, **pairs}.items():
            numbers |= with_ends(f"{section}/{key}", name, number)
    times = NoiseSchedule.ddpm().leading_timesteps(PROTOCOL_STEPS)
    for key, shown, head, found in (
        ("step_r2", "step_r2", "one-step r2 at sigma", steps),
        ("median_step_r2", "median_step_r2", "median one-step r2 at sigma", medians),
        ("heldout_ratio", "heldout", "held-out MSE / Wiener's at sigma", errors[FLOOR]),
        (f"heldout_over_{PAPERS}", "heldout_pca", "held-out MSE / PCA locality's at sigma", errors[PAPERS]),
    ):
        for name, levels in found.items():
            for t, one in zip(times, levels, strict=True):
                numbers |= with_ends(f"{section}/{key}", f"{name}/t{t:03d}", one)
        cells: list[list[Cell]] = [[name, *map(str, levels)] for name, levels in found.items()]
        report.table(f"{section}/{shown}", [head, *sigmas], cells)
    report.scalars(numbers)
    report.table(f"{section}/samples", COLUMNS, table)
    say_table(COLUMNS, table)
    heads = [f"one-step r2 at sigma {sigma}" for sigma in sigmas]
    by_level = {name: dict(zip(heads, levels, strict=True)) for name, levels in steps.items()}
    scores = {name: {**row.quantities, **by_level.get(name, {})} for name, row in rows.items()}
    tell_left_out(report, section, scores)
    return numbers


def _steps(
    rows: Mapping[str, Row], groups: Groups, middle: Callable[[Tensor, Groups], Quantity]
) -> dict[str, list[Quantity]]:
    """One-step r2 at each noise level, of all rows that have one: their mean or median over images."""
    return {
        name: [middle(values, _first(groups, values)) for values in row.scores.forward_r2]
        for name, row in rows.items()
        if row.scores.forward_r2 is not None
    }


def _first(groups: Groups, values: Tensor) -> Groups:
    return None if groups is None else groups[: len(values)]


def _cells(name: str, row: Row, over: Mapping[str, Quantity], images: int) -> list[Cell]:
    part = "" if row.bank is None else f"{row.bank:,}" + (f" of {images:,}" if row.bank < images else "")
    known = {**row.quantities, **({} if name == PAPERS else over)}
    shown = [
        known.get(key)
        for key in ("r2", "r2_over", "median_r2", "median_r2_over", "mse", "pearson", "copy_rate")
    ]
    return [name, str(row.count), part, *(None if one is None else str(one) for one in shown), row.seconds]
