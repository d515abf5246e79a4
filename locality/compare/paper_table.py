"""The paper's comparison: 128 samples of every denoiser against those of a trained network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from locality.calibration import bind
from locality.compare.context import Context, UsedSettings
from locality.compare.explorer import explore_rivals
from locality.compare.following import conclude, judge_in_table, line_of
from locality.compare.left_out import tell_left_out
from locality.compare.paper_beside import COLUMNS, LEVELS, PAPERS, PARTS, Beside
from locality.compare.paper_figures import figure_1, figure_5
from locality.compare.paper_row import Row
from locality.compare.summary import FLOOR
from locality.compare.telling import Growing, measure, say_table
from locality.config import NAME, UsageError, nearest_name
from locality.denoisers.base import Denoiser, training_images
from locality.denoisers.network import PREDICTS
from locality.modules.base import PROTOCOL_STEPS
from locality.modules.comparison import ComparisonModule
from locality.report.table import Cell
from locality.schedule import NoiseSchedule
from locality.shipped import command

Variants = Mapping[str, Mapping[str, Mapping[str, Any]]]  # of a candidate: name -> changed settings


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
    predicts: str | None = None,  # what the first of networks= has to put out, as model.prediction
    parts: bool = False,  # also in which waves, and how far from edges, estimates leave the reference's
    explorer: bool = False,  # also fields of a grid of pixels, for the explorer of report.html
) -> dict[str, float]:
    """The table, one-step r2 and held-out error at each noise level, and the paper's figures 1 and 5.

    Every denoiser starts from the same noise. What had fewer seeds or training images says so in its row.
    Intervals of samples are over seeds; those of single steps over test images, or over the pictures that
    these were cut from, if the data know them.
    """
    _check(context, count, pictures, section)
    _check_second(context, section, predicts)
    context = _with_variants(context, variants or {})
    fewer = {n.lower(): k for n, k in context.checked_counts("sample_counts", sample_counts).items()}
    names = {context.reference_name, *context.networks, *context.fits}
    unknown = sorted(set(baselines) - {name.lower() for name in names} - {PAPERS})
    if unknown:
        raise UsageError(f"compare.baselines: want rows ({', '.join(sorted(names))}), got {unknown[0]!r}")
    found = context.rivals(calibration, bank_counts, calibrated_as, ratios=True)
    rivals = {name.lower(): one for name, one in found.items()}
    counts = {name: min(fewer.get(name, count), count) for name in rivals}
    table = _Table(context, section, rivals, baselines, parts)
    with table.growing.shown_if_cut_short():
        for number in sorted(set(counts.values()), reverse=True):
            group = {name: rivals[name] for name in rivals if counts[name] == number}
            table.measure(group, number, pictures)
    rows = {name: table.rows[name] for name in (context.reference_name, *rivals)}
    if explorer:
        explore_rivals(context, f"{section}/explorer", rivals)
    figure_5(context.report, section, {n: row.samples for n, row in rows.items()}, context.bank, pictures)
    return table.tell(rows)


def _check(context: Context, count: int, pictures: int, section: str) -> None:
    context.check_count(count)
    context.check_pictures(pictures)
    context.check_rivals()
    if not NAME.fullmatch(section):
        raise UsageError(f"compare.section: want a name of letters, digits, - and _, got {section!r}")
    if context.trainer().world_size > 1:
        raise UsageError("compare=paper_table: samples are kept in one process; leave trainer.devices out")


def _check_second(context: Context, section: str, predicts: str | None) -> None:
    if predicts is None:
        return
    if predicts not in PREDICTS:
        raise UsageError(f"compare.predicts: want one of {', '.join(PREDICTS)}, got {predicts!r}")
    want = f"networks: want {{{section}: runs/<run>}}, a network that predicts {PREDICTS[predicts]}"
    how = f"{command('train')} model.prediction={predicts} trains one"
    if not context.networks:
        raise UsageError(f"{want}, got none; {how}")
    name, second = next(iter(context.networks.items()))
    if second.prediction != predicts:
        got = PREDICTS.get(str(second.prediction), "nothing, being no network")
        raise UsageError(f"{want}; {name}, {second.path}, predicts {got}; {how}")


def _with_variants(context: Context, variants: Variants) -> Context:
    fits, given = dict(context.fits), set(context.origins.given)
    for candidate, changed in variants.items():
        if candidate not in context.fits:
            raise UsageError(f"compare.variants.{candidate}: {nearest_name(candidate, context.fits)}")
        for name, settings in changed.items():
            if name in fits or not NAME.fullmatch(name):
                raise UsageError(f"compare.variants.{candidate}.{name}: want another name, not one of a row")
            fits[name] = context.fits[candidate]
            own = [place.partition(".") for place in context.origins.given]
            given |= {f"{name}.{setting}" for first, _, setting in own if first == candidate}
            given |= {f"{name}.{setting}" for setting in settings}
            for setting, value in settings.items():
                try:
                    fits[name] = bind(fits[name], setting, value)
                except ValueError as error:
                    raise UsageError(f"compare.variants.{candidate}.{name}: {error}") from error
    return replace(context, fits=fits, origins=replace(context.origins, given=frozenset(given)))


class _Table:
    """The rows, as they come and when all are there."""

    def __init__(
        self,
        context: Context,
        section: str,
        rivals: Mapping[str, Denoiser],
        baselines: Sequence[str],
        parts: bool,
    ) -> None:
        self._metrics = {part: metric for part, (_, metric) in PARTS.items()} if parts else None
        self._context, self._section, self._rivals = context, section, rivals
        names = [context.reference_name, *rivals]
        self._baselines = [name for name in baselines if name in names]
        self._groups = context.data.groups("test")
        self._second = next(iter(context.networks), "").lower() or None
        self._settings = {name.lower(): context.origins.cell(name) for name in context.fits}
        self.rows: dict[str, Row] = {}
        self.growing = Growing(context.report, f"{section}/samples", COLUMNS, names)

    def measure(self, group: Mapping[str, Denoiser], count: int, pictures: int) -> None:
        """Adds the rows of some denoisers, each as it is there; with the first ones the reference's."""
        context, first = self._context, not self.rows
        module = ComparisonModule(
            context.reference, group, count, context.reference_name, pictures=count, seed=context.seed,
            metrics=self._metrics,
        )  # fmt: skip

        def keep(name: str) -> str:
            if not first and name == context.reference_name:
                return f"{name}: {count} samples to compare with"
            images = training_images(self._rivals[name]) if name in self._rivals else None
            self.rows[name] = Row.of(name, module, context.bank, images)
            one = self._beside(name)
            if name == FLOOR:
                judge_in_table(context, self.rows[context.reference_name].error(self.rows[name]))
            self.growing.add(name, [self._cells(one)], one.scalars(self._section, self._baselines))
            settings = self._settings.get(name)
            return line_of(name, one.summary, name == FLOOR) + (f"; {settings}" if settings else "")

        measure(context, module, count, keep)
        if first:
            with torch.no_grad():
                clean = context.data.bank("test").images[:pictures]
                figure_1(context.report, self._section, module, clean)

    def tell(self, rows: Mapping[str, Row]) -> dict[str, float]:
        """Numbers, tables and the conclusion, now that every row is there."""
        report, section = self._context.report, self._section
        found = {name: self._beside(name) for name in rows}
        numbers: dict[str, float] = {}
        for one in found.values():
            numbers |= one.scalars(section, self._baselines)
        sigmas = [f"{sigma:.3g}" for sigma in NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()]
        for key, (shown, head) in LEVELS.items():
            levels = {name: one.levels[key] for name, one in found.items() if key in one.levels}
            lines: list[list[Cell]] = [[name, *map(str, each)] for name, each in levels.items()]
            if lines:
                report.table(f"{section}/{shown}", [head.format(second=self._second), *sigmas], lines)
        report.scalars(numbers)
        table = [self._cells(one) for one in found.values()]
        report.table(f"{section}/samples", COLUMNS, table)
        say_table(COLUMNS, table)
        heads = [f"one-step r2 at sigma {sigma}" for sigma in sigmas]
        by_level = {
            name: dict(zip(heads, one.levels.get("step_r2", ()), strict=False)) for name, one in found.items()
        }
        tell_left_out(report, section, {name: {**rows[name].quantities, **by_level[name]} for name in rows})
        near = {
            name: row.quantities["median_r2"] for name, row in rows.items() if "median_r2" in row.quantities
        }
        conclude(self._context, near, {name: row.error(rows.get(FLOOR)) for name, row in rows.items()})
        return numbers

    def _beside(self, name: str) -> Beside:
        return Beside(name, self.rows[name], self.rows, self._groups, self._second)

    def _cells(self, one: Beside) -> list[Cell]:
        return one.cells(len(self._context.bank), self._settings.get(one.name))
