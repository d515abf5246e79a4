"""A comparison with a network while it goes on: each row is told and kept as it is finished."""

from __future__ import annotations

import time
from collections.abc import Callable

from locality.compare.context import Context
from locality.compare.summary import FLOOR, Summary
from locality.compare.telling import Growing
from locality.live import duration, prose
from locality.modules.comparison import ComparisonModule
from locality.ranks import say

ORIGINS = ("denoiser", "setting", "found", "calibrated by")  # columns of a table


def follow(
    context: Context,
    module: ComparisonModule,
    count: int,  # test images
    summary: Callable[..., Summary],  # of denoisers by name, all of them measured
) -> None:
    """Measures all denoisers; whatever ends it, rows that are finished are in metrics.json."""
    names = list(module.denoisers)
    labels = {name: summary().label(name) for name in names}
    growing = Growing(context.report, "compare/summary", Summary.COLUMNS, labels.values())
    began = time.monotonic()

    def finished(name: str) -> None:
        nonlocal began
        floor = [FLOOR] if FLOOR in module.results else []
        for one in [module.reference_name, name] if name == FLOOR else [name]:
            found = summary(*dict.fromkeys([one, *floor]))
            growing.columns = found.columns
            growing.add(labels[one], found.rows()[:1], found.scalars())
        seconds, began = time.monotonic() - began, time.monotonic()
        say(_line(labels[name], name, found, seconds))
        context.stop_together(module)

    module.finished = finished
    with growing.shown_if_cut_short():
        context.test(module, count)


def _line(label: str, name: str, summary: Summary, seconds: float) -> str:
    """What a row comes down to: its error, and how near its samples are to the reference's."""
    found = summary.quantities[name]
    parts = []
    if "sample_r2" in found:
        parts.append(f"sample r2 {found['sample_r2'].mean:.3g}")
    if "heldout_ratio" in found and name != FLOOR:
        parts.append(f"held-out error {found['heldout_ratio'].mean:.3g} x Wiener's")
    else:
        parts.append(f"held-out MSE {found['heldout_mse'].mean:.3g}")
    settings = summary.settings.get(name)
    return f"  {label:<34} {', '.join(parts)} ({duration(seconds)}{'; ' + settings if settings else ''})"


def conclude(context: Context, summary: Summary) -> None:
    """The last line of the run: which row is nearest to the reference, and which to the clean images."""
    found = {name: one for name, one in summary.quantities.items() if "median_sample_r2" in one}
    if not found:
        return
    near = max(found, key=lambda name: found[name]["median_sample_r2"].mean)
    said = f"nearest to the {next(iter(summary.quantities))}: {near}"
    said += f" (median sample r2 {found[near]['median_sample_r2'].mean:.3g})"
    best = min(found, key=lambda name: found[name]["heldout_mse"].mean)
    said += f"; least held-out error among them: {best}"
    context.report.conclusion = said


def warn(context: Context, summary: Summary) -> None:
    """Says above the table what would make it mislead, and keeps that in the report."""
    notes = []
    reference = next(iter(summary.quantities))
    ratio = summary.quantities[reference].get("heldout_ratio")
    if ratio is not None and ratio.mean > 1 and reference != FLOOR:
        notes.append(
            f"the {reference} is worse than the Wiener filter: its held-out error is {ratio} times as large; "
            f"being near to it says little, so train it longer, or compare with another (checkpoint=)"
        )
    advice = context.origins.advice()
    notes += [advice] if advice else []
    for note in notes:
        say(prose(f"warning: {note}"))
    if notes:
        context.report.table("compare/attention", ["beware"], [[note] for note in notes])
    rows = context.origins.rows()
    if rows:
        context.report.table("compare/settings", ORIGINS, rows)
