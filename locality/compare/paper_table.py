"""The paper's comparison: 128 samples of every denoiser against those of a trained network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from locality.compare.context import Context
from locality.compare.paper_figures import figure_1, figure_5
from locality.compare.summary import Quantity, quantity
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.metrics import PearsonR, is_copy, nearest_two
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.comparison import ComparisonModule, Scores
from locality.report import format_table
from locality.report.folder import first_rank
from locality.report.table import Cell
from locality.schedule import NoiseSchedule

COLUMNS = (
    "denoiser", "samples", "training images", "r2", "MSE", "Pearson r", "copy rate", "seconds / image",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One denoiser's samples and one-step estimates beside the reference's, from the same noise."""

    scores: Scores
    samples: Tensor  # [N, C, H, W]
    targets: Tensor  # [N, C, H, W] the reference's samples
    distances: Tensor  # [N, 2] of a sample from its two nearest training images
    places: Tensor  # [N, 2] which these are
    bank: int | None  # training images that it had; None: it keeps none

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Name -> mean over samples, with its interval; against itself a reference has copies only."""
        own = {"copy_rate": quantity(is_copy(self.distances))}
        if self.scores.path_r2 is None or self.scores.path_mse is None:
            return own
        pearson = PearsonR().score(self.samples.double(), self.targets.double())
        compared = {"r2": self.scores.path_r2[-1], "mse": self.scores.path_mse[-1], "pearson": pearson}
        return {name: quantity(values) for name, values in compared.items()} | own

    @property
    def seconds(self) -> float:
        """Of a sample."""
        return PROTOCOL_STEPS * self.scores.seconds


def paper_table(
    context: Context,
    count: int = 128,  # seeds, and test images for the single steps
    pictures: int = 10,  # columns of the figures
    calibration: str = "auto",  # "auto": as compare=calibrate found, where it did; "none": as configured
    bank_counts: Mapping[str, int] | None = None,  # training images for the costly candidates
    sample_counts: Mapping[str, int] | None = None,  # seeds for the costly candidates
    calibrated_as: Mapping[str, str] | None = None,  # candidates that take the calibration of another
) -> dict[str, float]:
    """The table, one-step r2 at each noise level, and the paper's figures 1 and 5.

    Every denoiser starts from the same noise. What had fewer seeds or training images says so in its row.
    """
    _check(context, count, sample_counts or {})
    rivals = {
        name.lower(): one for name, one in context.rivals(calibration, bank_counts, calibrated_as).items()
    }
    counts = {name: min((sample_counts or {}).get(name, count), count) for name in rivals}
    rows: dict[str, Row] = {}
    for number in sorted(set(counts.values()), reverse=True):
        group = {name: rivals[name] for name in rivals if counts[name] == number}
        measured = _measure(context, group, number, 0 if rows else pictures)
        rows |= measured if not rows else {name: measured[name] for name in group}
    rows = {name: rows[name] for name in (context.reference_name, *rivals)}
    figure_5(context.report, {n: row.samples for n, row in rows.items()}, context.bank, pictures)
    return _tell(context, rows)


def _check(context: Context, count: int, sample_counts: Mapping[str, int]) -> None:
    context.check_count(count)
    if any(number < 1 for number in sample_counts.values()):
        raise UsageError(f"compare.sample_counts: want numbers from 1, got {dict(sample_counts)}")
    if context.trainer().world_size > 1:
        raise UsageError("compare=paper_table: samples are kept in one process; leave trainer.devices out")


def _measure(context: Context, rivals: Mapping[str, Denoiser], count: int, pictures: int) -> dict[str, Row]:
    reference = context.reference_name
    module = ComparisonModule(context.reference, rivals, count, reference, pictures=count, seed=context.seed)
    context.test(module, count)
    if pictures:
        with torch.no_grad():
            figure_1(context.report, module, context.data.bank("test").images[:pictures])
    samples = module.grids["samples"]
    rows = {}
    for name, scores in module.results.items():
        distances, places = nearest_two(samples[name], context.bank)
        bank = getattr(rivals.get(name), "bank", None)
        kept = None if bank is None else len(bank)
        rows[name] = Row(scores, samples[name], samples[reference], distances, places, kept)
    return rows


def _tell(context: Context, rows: Mapping[str, Row]) -> dict[str, float]:
    times = NoiseSchedule.ddpm().leading_timesteps(PROTOCOL_STEPS)
    numbers: dict[str, float] = {}
    for name, row in rows.items():
        numbers |= {f"paper/seconds/{name}": row.seconds, f"paper/samples/{name}": float(len(row.samples))}
        numbers |= {} if row.bank is None else {f"paper/bank/{name}": float(row.bank)}
        for key, one in row.quantities.items():
            numbers |= {f"paper/{key}/{name}": one.mean, f"paper/{key}_low/{name}": one.low}
            numbers[f"paper/{key}_high/{name}"] = one.high
        for t, values in zip(times, row.scores.forward_r2 or [], strict=False):
            numbers[f"paper/step_r2/{name}/t{t:03d}"] = values.mean().item()
    context.report.scalars(numbers)
    table = [_cells(name, row, len(context.bank)) for name, row in rows.items()]
    context.report.table("paper/samples", COLUMNS, table)
    sigmas = [f"{sigma:.3g}" for sigma in NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()]
    steps: list[list[Cell]] = [
        [name, *(values.mean().item() for values in row.scores.forward_r2)]
        for name, row in rows.items()
        if row.scores.forward_r2 is not None
    ]
    context.report.table("paper/step_r2", ["one-step r2 at sigma", *sigmas], steps)
    if first_rank():
        print(format_table(COLUMNS, table), flush=True)
    return numbers


def _cells(name: str, row: Row, images: int) -> list[Cell]:
    part = "" if row.bank is None else f"{row.bank:,}" + (f" of {images:,}" if row.bank < images else "")
    keys = ("r2", "mse", "pearson", "copy_rate")
    shown = [str(row.quantities[key]) if key in row.quantities else None for key in keys]
    return [name, str(len(row.samples)), part, *shown, row.seconds]
