"""What the page of results says of the posterior's entropy at the best settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.results.words.answers import Found, listed
from benchmarks.results.words.shares import (
    CLEAN,
    FAILS,
    FEW,
    HOLDS,
    MOSTLY,
    YOUNG,
    Measured,
    constant_of,
    costs_of,
    extra,
    little,
    measured,
)
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import joined

WORDS = (  # for the method of the page
    "Words: a cell is one noise level with one number N of training images. Extra error is what the "
    "setting that a share predicts has above the least that was found. The predicted setting is rounded "
    f"to the nearest that was tried. One share holds where its extra error is above {little()} in no cell. "
    f"It holds in most cells where it is above in at most one of {FEW}. Else it fails. A share is given "
    "where it was found on other data. A cell is less or more than the mean where its whole interval is. "
    "A window that is as wide as the image or wider hides little, so the share at it is not determined. "
    "The recorded mean and its interval may have such cells in them. The interval cannot be made again "
    "without them from what is recorded. The means with one bank, the least and the most and the cells "
    "off the mean leave them out."
)


def information_verdict(found: Found) -> str:
    """The share against clean images, what it costs, where it is not constant; which of the others hold."""
    shares = measured(found)
    told = [one for one in shares if one.constant is not None and one.sound and one.costs]
    blank = [one.name for one in shares if one not in told]
    said = [f"no best setting between two that were tried: {', '.join(blank)}"] if blank else []
    if told:
        first, *others = told
        clean = [one for one in told if one.target == CLEAN] or [first]
        said = [
            *(part for one in clean for part in _constancy(one)),
            _cost_told(first), *_of_others(others), *_less_far(told), *_early(shares), *said,
        ]  # fmt: skip
    return ". ".join(part[0].upper() + part[1:] for part in said)


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
        f"for {one.look} one share, {one.used:.2f} ({'fitted here' if one.fitted else 'given'}), has "
        f"{extra(median(one.costs))} extra error in the median and {extra(max(one.costs))} at most. "
        f"So it {one.word} ({one.dear} of {len(one.costs)} cells above {little()}). In {exact} cells the "
        "predicted setting is rounded to the best that was tried"
    )


def _of_others(shares: list[Measured]) -> Iterator[str]:
    for fitted, whose in ((True, "a share of its own, fitted here,"), (False, "the given share")):
        for word in (HOLDS, MOSTLY, FAILS):
            told = _by_look([one for one in shares if one.word == word and one.fitted == fitted])
            if told:
                yield f"{whose} {word} for {told}"


def _by_look(shares: Sequence[Measured]) -> str:
    looks: dict[str, list[str]] = {}
    for one in shares:
        looks.setdefault(one.look, []).append(one.whom)
    return "; ".join(f"{look} against {', '.join(whom)}" for look, whom in looks.items())


def _less_far(shares: list[Measured]) -> Iterator[str]:
    """Which networks look less far than is best for clean images: their share is larger, intervals apart."""
    clean = {one.look: one.constant for one in shares if one.target == CLEAN}
    sides: dict[str, list[Measured]] = {"less far": [], "further": [], "": []}
    for one in shares:
        best = clean.get(one.look)
        if one.target != CLEAN and best is not None and one.constant is not None:
            side = "less far" if one.constant[1] > best[2] else "further" if one.constant[2] < best[1] else ""
            sides[side].append(one)
    for side in ("less far", "further"):
        if sides[side]:
            told = _networks(sides[side])
            yield f"these networks look {side} than is best for clean images (intervals apart): {told}"
    if sides[""]:
        yield (
            "of these networks it is undecided (intervals overlap) whether they look less far than is best "
            f"for clean images: {_networks(sides[''])}"
        )


def _networks(shares: Sequence[Measured]) -> str:
    """Networks, by what shows how far they look."""
    looks = dict.fromkeys(one.look for one in shares)
    told = {look: joined(one.whom for one in shares if one.look == look) for look in looks}
    return "; ".join(f"by {look} {whom}" for look, whom in told.items())


def information_table(found: Found) -> Table:
    """One row for each share: its mean with each bank, its range, and what its prediction costs."""
    shares = measured(found)
    banks = sorted({cell.images for one in shares for cell in one.cells})
    columns = [
        "entropy at the best setting, over ln N", "mean of all cells",
        *(f"{count:,} images" for count in banks), "least and most", "left out",
        "in the mean, but window as wide as the image",
        "extra error of one share: median, most",
    ]  # fmt: skip
    return columns, [[one.name, constant_of(one), *_by_bank(one, banks), *_rest(one)] for one in shares]


def _by_bank(one: Measured, banks: list[int]) -> list[str]:
    known = [[cell.share for cell in one.sound if cell.images == count] for count in banks]
    return [f"{mean(shares):.2f}" if shares else "-" for shares in known]


def _rest(one: Measured) -> list[Any]:
    ends = "{:.2f}, {:.2f}".format(*one.ends) if one.sound else "-"
    counts = (len(one.cells) - len(one.inside), len(one.inside) - len(one.sound))
    return [ends, *(f"{count} of {len(one.cells)}" for count in counts), costs_of(one)]


def _early(shares: Sequence[Measured]) -> Iterator[str]:
    """Whether networks that are further were measured alone."""
    whose = {one.target for one in shares} - {CLEAN}
    if whose and not any(map(YOUNG.match, whose)):
        yield "no network early in training was measured here"
