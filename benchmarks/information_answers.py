"""What the page of results says of the posterior's entropy at the best settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.answers import Found, listed
from benchmarks.shares import CLEAN, DEAR, FAILS, FEW, HOLDS, MOSTLY, YOUNG, Measured, measured
from benchmarks.small_tables import Table
from benchmarks.titles import joined, markdown, on

WINDOWS, MASKS = f"local_score/{CLEAN}", f"pca_locality/{CLEAN}"  # shares that are set side by side
SQUARE_ROOT = 0.5  # of ln N: sqrt(N) images agree
EDGE = 0.01  # from an end of an interval, on either side: whether it holds a share is then not told
COST = (
    "the extra error of a share is that at the setting which it predicts, beside the least that was found. "
    f"It is little where it is at most {100 * (DEAR - 1):.0f} %"
)
WAYS = IN, AT_THE_EDGE, OUT = "inside the interval", "at the edge of the interval", "outside the interval"
WORDS = (  # for the method of the page
    "Words: a cell is one noise level with one bank. The predicted setting is rounded to the nearest "
    f"that was tried. One share holds where it costs more than {DEAR:g} in no cell. It holds in most cells "
    f"where it costs more in at most one of {FEW}. Else it fails. A share is given where it was found on "
    "other data. A cell is less or more than the mean where its whole interval is. A window that is as wide "
    "as the image or wider hides little, so the share at it is not determined. The recorded mean and its "
    "interval may have such cells in them. The interval cannot be made again without them from what is "
    "recorded. The means with one bank, the least and the most and the cells off the mean leave them out."
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
        f"{one.name}: at the best setting the entropy is {_constant(one)} of ln N in the mean. "
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
        f"for {one.look} one share, {one.used:.2f} ({'fitted here' if one.fitted else 'given'}), costs "
        f"{median(one.costs):.3f} times the least error in the middle and {max(one.costs):.3f} at most. "
        f"So it {one.word} ({one.dear} of {len(one.costs)} cells above {DEAR:g}). In {exact} cells the "
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
            told = _by_look(sides[side])
            yield f"networks look {side} than is best for clean images (intervals apart): {told}"
    if sides[""]:
        yield f"whether they look less far is undecided (intervals overlap) for {_by_look(sides[''])}"


def information_table(found: Found) -> Table:
    """One row for each share: its mean with each bank, its range, and what its prediction costs."""
    shares = measured(found)
    banks = sorted({cell.images for one in shares for cell in one.cells})
    columns = [
        "entropy at the best setting, over ln N", "mean of all cells",
        *(f"{count:,} images" for count in banks), "least and most", "left out",
        "in the mean, but window as wide as the image",
        "error at the predicted setting / least: middle, most",
    ]  # fmt: skip
    return columns, [[one.name, _constant(one), *_by_bank(one, banks), *_rest(one)] for one in shares]


def _constant(one: Measured) -> str:
    return "-" if one.constant is None else "{:.3f} [{:.3f}, {:.3f}]".format(*one.constant)


def _by_bank(one: Measured, banks: list[int]) -> list[str]:
    known = [[cell.share for cell in one.sound if cell.images == count] for count in banks]
    return [f"{mean(shares):.2f}" if shares else "-" for shares in known]


def _rest(one: Measured) -> list[Any]:
    ends = "{:.2f}, {:.2f}".format(*one.ends) if one.sound else "-"
    cost = f"{median(one.costs):.3f}, {max(one.costs):.3f}" if one.costs else "-"
    counts = (len(one.cells) - len(one.inside), len(one.inside) - len(one.sound))
    return [ends, *(f"{count} of {len(one.cells)}" for count in counts), cost]


def information_together(known: Mapping[str, Found]) -> str:
    """Yes, no or in part: whether one share serves, whether it is constant, and whether it is sqrt(N)'s."""
    found = {name: one for name, run in known.items() for one in measured(run) if one.where == WINDOWS}
    shares = {name: one for name, one in found.items() if one.constant is not None and one.sound}
    if not shares:
        return ""
    cheap = [name for name, one in shares.items() if one.costs and one.word == HOLDS]
    moved = [name for name, one in shares.items() if one.below or one.above]
    firm = {name: one for name, one in shares.items() if not one.wide}  # whose mean says something
    rooted = [name for name, one in firm.items() if _covered(one, SQUARE_ROOT) == IN]
    whole = len(cheap) == len(rooted) == len(shares) and not moved
    parts = [
        _split("for windows one share of ln N costs little at every noise level", shares, cheap),
        *_of_masks(known), _split("the best share changes from cell to cell", shares, moved),
        *([f"sqrt(N) is a share of {SQUARE_ROOT:g}. It is {_placed(firm, SQUARE_ROOT)}"] if firm else []),
        *_beside_first(shares), *_spread(shares), *_undetermined(shares), COST,
    ]  # fmt: skip
    lead = "yes" if whole else "in part" if cheap or rooted else "no"
    said = ". ".join(part[0].upper() + part[1:] for part in [lead, *parts])
    return f"{said}.\n\n{markdown(*_summary(known, shares))}"


def _summary(known: Mapping[str, Found], shares: Mapping[str, Measured]) -> Table:
    """A row for each data set: the share of windows and what one share costs, and the same of masks."""
    rows = []
    for name, one in shares.items():
        masks = next((other for other in measured(known[name]) if other.where == MASKS), None)
        rows.append([name, *_short(one), *(_short(masks) if masks else ["-", "-"])])
    cost = "extra error of one share: median, worst"
    heads = [f"entropy at the best {what} / ln N" for what in ("window", "Wiener mask")]
    return ["", heads[0], cost, heads[1], cost], rows


def _short(one: Measured) -> list[str]:
    ends = [100 * (end(one.costs) - 1) for end in (median, max)] if one.costs else []
    return [_constant(one), ", ".join(f"{end:.1f} %" for end in ends) or "-"]


def _of_masks(known: Mapping[str, Found]) -> Iterator[str]:
    """On which data sets one share of Wiener masks costs little."""
    masks = {name: one for name, run in known.items() for one in measured(run) if one.where == MASKS}
    if told := {name: one for name, one in masks.items() if one.costs}:
        yield _split("for Wiener masks it does", told, [name for name in told if told[name].word == HOLDS])


def _split(claim: str, among: Mapping[str, Measured], true: Sequence[str]) -> str:
    """On which data sets a claim is true, and on which it is not."""
    false = [name for name in among if name not in true]
    if not true:
        return f"{claim} on none of these data sets"
    if not false:
        return f"{claim} on {'all of these data sets' if len(true) > 1 else true[0]}"
    return f"{claim} {on(true)}, not {on(false, 'or')}"


def _covered(one: Measured, share: float) -> str:
    """Where a share lies beside the interval."""
    assert one.constant is not None
    _, low, high = one.constant
    if min(abs(low - share), abs(high - share)) <= EDGE:
        return AT_THE_EDGE
    return IN if low < share < high else OUT


def _placed(among: Mapping[str, Measured], share: float) -> str:
    """In which intervals a share lies, at the edge of which, and outside which."""
    ways = {way: [name for name, one in among.items() if _covered(one, share) == way] for way in WAYS}
    return ", ".join(f"{way} {on(names)}" for way, names in ways.items() if names)


def _beside_first(shares: Mapping[str, Measured]) -> Iterator[str]:
    """Whether the mean of the first data set lies in the intervals of others whose mean says something."""
    (first, own), *others = shares.items()
    told = {name: one for name, one in others if not one.wide}
    if told and not own.wide and own.constant is not None:
        share = round(own.constant[0], 2)
        yield f"the mean of {first}, {share:.2f}, lies {_placed(told, share)}"


def _spread(shares: Mapping[str, Measured]) -> Iterator[str]:
    for name, one in shares.items():
        if one.wide:
            yield "on {} the cells run from {:.2f} to {:.2f}: their mean says little".format(name, *one.ends)


def _undetermined(shares: Mapping[str, Measured]) -> Iterator[str]:
    """On which data sets cells of the mean have a window as wide as the image."""
    counts = {name: (len(one.inside) - len(one.sound), len(one.inside)) for name, one in shares.items()}
    told = [f"{count} of {among} cells on {name}" for name, (count, among) in counts.items() if count]
    if told:
        yield (
            f"in {joined(told)} the best window is at least as wide as the image, and the share is not "
            "determined, though the mean has it"
        )


def _early(shares: Sequence[Measured]) -> Iterator[str]:
    """Whether networks that are further were measured alone."""
    whose = {one.target for one in shares} - {CLEAN}
    if whose and not any(map(YOUNG.match, whose)):
        yield "no network early in training was measured here"
