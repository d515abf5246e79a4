"""A picture of r2 of samples: a dot and an interval for each row, a panel for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.entropy import NOT_MEASURED
from benchmarks.results.questions.question import Question
from benchmarks.results.words.answers import interval_of
from benchmarks.results.words.titles import DATA, TITLES, called
from locality.report.figures import looks, new_figure, styled
from locality.report.lettering import fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = "samples"  # the quantity of a question whose picture this is
TITLE = "r2 of samples to the network's: medians over seeds, 95\u00a0% intervals"
NOTE = "Differences seed by seed can be sure where these intervals overlap."
FALL = 0.45  # below the highest median: a row that is farther is not drawn, but told of
Ends = tuple[float, float, float]  # a median and its interval


@dataclass(frozen=True)
class Panel:
    """The medians of one data set."""

    title: str
    rows: Mapping[str, Ends]  # drawn, by the names of rows
    far: Mapping[str, float]  # too far below the best to be drawn


def panels(question: Question, kept: Kept) -> list[Panel]:
    """A panel for each data set of which the question tells, where its picture is this one."""
    if question.quantity != SAMPLES:
        return []
    made = []
    for name in DATA:
        found = kept.get(question.kind, {}).get(name)
        if found is not None and question.answer(found) != NOT_MEASURED:
            start = f"{question.kind}/median_r2"
            rows = {row: ends for row in question.rows if (ends := interval_of(found, start, row))}
            made += [_panel(TITLES[name], rows)] if rows else []
    return made


def _panel(title: str, rows: Mapping[str, Ends]) -> Panel:
    """Rows that are near enough to the best one to share an axis with it."""
    least = max(mean for mean, _, _ in rows.values()) - FALL
    far = {row: ends[0] for row, ends in rows.items() if ends[0] < least}
    return Panel(title, {row: ends for row, ends in rows.items() if row not in far}, far)


def draw(some: Sequence[Panel], rows: Sequence[str]) -> Figure:
    """Panels side by side, with the same rows from the top down."""
    there = [set(panel.rows) | set(panel.far) for panel in some]
    names = [row for row in rows if any(row in one for one in there)]
    shown = looks(names)
    with styled({"axes.titleweight": "normal"}):
        figure = new_figure(2.6 + 3.0 * len(some), 1.6 + 0.34 * len(names))
        for axes, panel in zip(
            figure.subplots(1, len(some), squeeze=False, sharey=True)[0], some, strict=True
        ):
            for row, (mean, low, high) in panel.rows.items():
                place, look = -names.index(row), shown[row]
                axes.plot([low, high], [place, place], color=look.color, linewidth=2.2, alpha=0.6)
                axes.plot([mean], [place], color=look.color, marker=look.marker or "o", markersize=7)
            for row, mean in panel.far.items():
                axes.text(
                    0.02, -names.index(row), f"{mean:.2f}, left of this axis", fontsize=9,
                    color="#555555", va="center", transform=axes.get_yaxis_transform(),
                )  # fmt: skip
            axes.set(title=panel.title, xlabel="median r2", ylim=(-len(names) + 0.5, 0.5))
        axes.set_yticks([-place for place in range(len(names))], [called(name) for name in names])
        figure.suptitle(TITLE, x=0.01, ha="left", weight="bold", fontsize=12)
        figure.supxlabel(NOTE, x=0.01, ha="left", fontsize=9, color="#555555")
        fit(figure)
    return figure
