"""What the page of results says of the posterior's entropy at the best settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.results.words.answers import Found, apart, listed
from benchmarks.results.words.shares import (
    CLEAN,
    FEW,
    YOUNG,
    Measured,
    constant_of,
    costs_called,
    costs_of,
    extra,
    little,
    measured,
)
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import capital

WORDS = (  # for the method of the page
    "Words: a cell is one noise level with one number N of training images. Extra error is what the "
    "setting that a share predicts has above the least that was found. The predicted setting is rounded "
    f"to the nearest that was tried. One share holds where its extra error is above {little()} in no cell. "
    f"It holds in most cells where it is above in at most one of {FEW}. Else it fails. A share is given "
    "where it was found on other data. A cell is less or more than the mean where its whole interval is. "
    "A window that is as wide as the image or wider hides little, so the share at it is not determined. "
    "The recorded mean and its interval may have such cells in them. The interval cannot be made again "
    "without them from what is recorded. The means with one bank, the least and the most and the cells "
    "off the mean leave them out. A network looks less far than is best for clean images where the whole "
    "interval of its share is above that of the other, further where it is below. Else it is undecided."
)
LEFT_OUT, UNDETERMINED = "left out", "in the mean, but window as wide as the image"  # columns
BESIDE = {1: "less far", -1: "further", 0: "undecided"}  # how far a network looks: by the larger share


def information_verdict(found: Found) -> str:
    """The shares against clean images, a paragraph each, and what the first costs; the table has the rest."""
    shares = measured(found)
    told = [one for one in shares if one.constant is not None and one.sound and one.costs]
    blank = [one.name for one in shares if one not in told]
    clean = [one for one in told if one.target == CLEAN] or told[:1]
    last = [*_early(shares)] if told else []
    last += [f"no best setting between two that were tried: {', '.join(blank)}"] if blank else []
    said = [*([*_constancy(one)] for one in clean), [*map(_cost_told, told[:1]), *last]]
    return ".\n\n".join(". ".join(capital(part) for part in one) for one in said if one)


def _constancy(one: Measured) -> Iterator[str]:
    """The mean, what it leaves out, and the cells that are surely not at it."""
    assert one.constant is not None
    least, most = one.ends
    little = ", so the mean says little" if one.wide else ""
    yield (
        f"{one.name}: at the best setting the entropy is {constant_of(one)} of ln N in the mean. "
        f"Cells run from {least:.2f} to {most:.2f}{little}"
    )
    if outside := len(one.cells) - len(one.inside):
        yield (
            f"the mean leaves out {outside} of {len(one.cells)} cells, as their best setting is the first or "
            f"the last that was tried. With them it is {mean(cell.share for cell in one.cells):.2f}"
        )
    if undetermined := len(one.inside) - len(one.sound):
        yield (
            f"in {undetermined} of the {len(one.inside)} cells of the mean the best window is at least as "
            "wide as the image, and the share is not determined. Without them the mean is "
            f"{mean(cell.share for cell in one.sound):.3f}, its interval unknown"
        )
    sides = [
        f"{word} than the mean at sigma {listed(sorted({cell.t for cell in cells}))} "
        f"({len(cells)} of {len(one.sound)} cells)"
        for word, cells in (("less", one.below), ("more", one.above))
        if cells
    ]
    told = f"the share is not constant: it is {', '.join(sides)}"
    yield told if sides else "no cell is surely off the mean"


def _cost_told(one: Measured) -> str:
    exact = sum(cost == 1 for cost in one.costs)
    return (
        f"for {one.look} one share, {one.used:.2f} ({one.origin}), has "
        f"{extra(median(one.costs))} extra error in the median and {extra(max(one.costs))} at most. "
        f"So it {one.word} ({one.dear} of {len(one.costs)} cells above {little()}). In {exact} cells the "
        "predicted setting is rounded to the best that was tried"
    )


def information_table(found: Found) -> Table:
    """A row for each share: its mean with each bank, its range, what its prediction costs; if it serves."""
    shares = measured(found)
    banks = sorted({cell.images for one in shares for cell in one.cells})
    clean = {one.look: one.constant for one in shares if one.target == CLEAN}
    columns = [
        "entropy at the best setting, over ln N", "mean of all cells",
        *(f"{count:,} images" for count in banks), "least and most", LEFT_OUT, UNDETERMINED,
        costs_called(shares), "so that share", "the network looks, beside what is best for clean images",
    ]  # fmt: skip
    rows = [
        [one.name, constant_of(one), *_by_bank(one, banks), *_rest(one), _beside(one, clean.get(one.look))]
        for one in shares
    ]
    return _without_empty(columns, rows)


def _without_empty(columns: list[str], rows: list[list[Any]]) -> Table:
    """Without the columns on cells that do not count where all cells do."""
    idle = [
        place
        for place, head in enumerate(columns)
        if head in (LEFT_OUT, UNDETERMINED) and all(row[place].startswith("0 ") for row in rows)
    ]
    columns, *rows = ([one for place, one in enumerate(row) if place not in idle] for row in (columns, *rows))
    return columns, rows


def _by_bank(one: Measured, banks: list[int]) -> list[str]:
    known = [[cell.share for cell in one.sound if cell.images == count] for count in banks]
    return [f"{mean(shares):.2f}" if shares else "-" for shares in known]


def _rest(one: Measured) -> list[Any]:
    ends = "{:.2f}, {:.2f}".format(*one.ends) if one.sound else "-"
    counts = (len(one.cells) - len(one.inside), len(one.inside) - len(one.sound))
    word = f"{one.word} ({one.dear} of {len(one.costs)} above {little()})" if one.costs else "-"
    return [ends, *(f"{count} of {len(one.cells)}" for count in counts), costs_of(one), word]


def _beside(one: Measured, best: tuple[float, float, float] | None) -> str:
    """How far a network looks beside what is best for clean images."""
    if one.target == CLEAN or one.constant is None or best is None:
        return "-"
    return BESIDE[apart(one.constant, best)]


def _early(shares: Sequence[Measured]) -> Iterator[str]:
    """Whether networks that are further were measured alone."""
    whose = {one.target for one in shares} - {CLEAN}
    if whose and not any(map(YOUNG.match, whose)):
        yield "no network early in training was measured here"
