"""The short answer of the page on the posterior's entropy: whether one share of ln N serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.results.questions.information_networks import (
    against,
    in_cells,
    tallies,
    the_rule,
    told_apart,
    without_young,
)
from benchmarks.results.words.answers import Found
from benchmarks.results.words.shares import (
    CLEAN,
    HOLDS,
    OF_WINDOWS,
    Measured,
    constant_of,
    costs_of,
    extra,
    little,
    measured,
)
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import capital, joined, markdown, on

WINDOWS, MASKS = f"local_score/{CLEAN}", f"pca_locality/{CLEAN}"  # shares that are set side by side
SQUARE_ROOT = 0.5  # of ln N: sqrt(N) images agree
EDGE = 0.01  # from an end of an interval, on either side: the page says so
WAYS = IN, JUST_IN, JUST_OUT, OUT = (
    "in the interval",
    "just inside the interval",
    "just outside the interval",
    "outside the interval",
)
WITHIN = (IN, JUST_IN)
NOTES = (
    f"just means: within {EDGE:g} of the interval's end",
    "in brackets is the interval of the mean over cells, by bootstrap over images",
    "extra error is what the setting that one share predicts has above the least that was found",
)
Shares = Mapping[str, Measured]  # by the title of the data set


def information_together(known: Mapping[str, Found]) -> str:
    """Yes, no or in part: whether one share serves, whether it is constant, and whether it is sqrt(N)'s."""
    shares = _determined(_of(known, WINDOWS))
    if not shares:
        return ""
    cheap, firm = _cheap(shares), {name: one for name, one in shares.items() if not one.wide}
    moved = [name for name, one in shares.items() if one.below or one.above]
    rooted = [name for name, one in firm.items() if _covered(one, SQUARE_ROOT) in WITHIN]
    mostly = any(one.mostly for one in tallies(known).values())
    whole = len(cheap) == len(rooted) == len(shares) and not moved and not mostly
    said = [
        "yes" if whole else "in part" if cheap or rooted else "no",
        "for windows and clean images, one share of ln N for all noise levels costs at most "
        f"{little()} more error {_split(shares, cheap)}",
        *told_apart(known),
    ]
    rows = []
    for name, one in shares.items():
        cost = extra(max(one.costs)) if one.costs else "-"
        rows.append([name, constant_of(one), cost, "-" if one.wide else _covered(one, SQUARE_ROOT)])
    columns = (
        "", "entropy at the best window / ln N [interval]", "extra error of one share, at most",
        f"{SQUARE_ROOT:g} is",
    )  # fmt: skip
    more = ([*the_rule(known), *without_young(known)], [*_rooted(shares, firm)])
    return "\n\n".join(filter(None, [*map(_sentences, (said, *more)), markdown(columns, rows)]))


def information_beside(known: Mapping[str, Found]) -> str:
    """The same of Wiener masks and of networks, and what the numbers rest on."""
    windows, masks = _of(known, WINDOWS), _of(known, MASKS)
    shares = _determined(windows)
    if not shares:
        return ""
    moved = [name for name, one in shares.items() if one.below or one.above]
    notes = [
        *NOTES,
        *_images(known),
        *_fitted(shares),
        f"the best window's share changes from cell to cell {_split(shares, moved)}",
        *_beside_first(shares),
        *_undetermined(shares),
    ]
    table = markdown(*_summary(shares, masks, _of_networks(known)))
    parts = [_sentences(list(_of_masks(masks))), table, _sentences(notes)]
    return "\n\n".join(filter(None, parts))


def _determined(windows: Shares) -> Shares:
    return {name: one for name, one in windows.items() if one.constant is not None and one.sound}


def _sentences(parts: Sequence[str]) -> str:
    return " ".join(f"{capital(part)}." for part in parts)


def _of(known: Mapping[str, Found], where: str) -> Shares:
    """One share of each data set on which it was measured."""
    return {name: one for name, run in known.items() for one in measured(run) if one.where == where}


def _cheap(shares: Shares) -> list[str]:
    return [name for name, one in shares.items() if one.costs and one.word == HOLDS]


def _rooted(shares: Shares, firm: Shares) -> Iterator[str]:
    """In which intervals sqrt(N)'s share lies, and where a mean says too little to tell."""
    if firm:
        yield f"the share of sqrt(N) images, {SQUARE_ROOT:g}, is {_placed(firm, SQUARE_ROOT)}"
    if wide := [name for name in shares if name not in firm]:
        yield f"{on(wide)} the best share differs too much to say whether {SQUARE_ROOT:g} fits"


def _of_masks(masks: Shares) -> Iterator[str]:
    """On how many data sets the best share of Wiener masks is above sqrt(N)'s, and where one costs little."""
    told = {name: one for name, one in masks.items() if one.costs and one.constant is not None and one.sound}
    if told:
        above = [one for one in told.values() if not one.wide and _above(one, SQUARE_ROOT)]
        yield (
            f"for Wiener masks the best share is above {SQUARE_ROOT:g} (whole interval) on {len(above)} of "
            f"{len(told)} data sets, and one share costs little {_split(told, _cheap(told))}"
        )


def _above(one: Measured, share: float) -> bool:
    return one.constant is not None and one.constant[1] > share


def _summary(shares: Shares, masks: Shares, networks: Mapping[str, list[str]]) -> Table:
    """A row for each data set: the share and what one share costs, of windows and masks; then of networks."""
    rows = []
    for name, one in shares.items():
        other = masks.get(name)
        cells = [constant_of(one), _cost(one), *((constant_of(other), _cost(other)) if other else "--")]
        rows.append([name, *cells, *networks[name]])
    cost = "extra error of one share: median, most"
    heads = [f"entropy at the best {what} / ln N" for what in ("window", "Wiener mask")]
    told = ["networks with which one share fails: windows, masks"]
    told += [f"cells above {little()} against networks: windows, masks"]
    told += [f"networks whose interval of windows holds {SQUARE_ROOT:g}"]
    return ["", heads[0], cost, heads[1], cost, *told], rows


def _cost(one: Measured) -> str:
    return f"{costs_of(one)} ({one.origin})" if one.costs else "-"


def _split(among: Shares, true: Sequence[str]) -> str:
    """On which data sets a claim is true, and on which it is not."""
    false = [name for name in among if name not in true]
    if not true:
        return "on none of these data sets"
    if not false:
        return "on all of these data sets" if len(true) > 1 else f"on {true[0]}"
    return f"{on(true)} alone" if len(true) < len(false) else f"{on(true)}, not {on(false, 'or')}"


def _covered(one: Measured, share: float) -> str:
    """Where a share lies beside the interval."""
    assert one.constant is not None
    _, low, high = one.constant
    inside = low <= share <= high
    if min(abs(low - share), abs(high - share)) <= EDGE:
        return JUST_IN if inside else JUST_OUT
    return IN if inside else OUT


def _placed(among: Shares, share: float) -> str:
    """In which intervals a share lies, at the edge of which, and outside which."""
    ways = {way: [name for name, one in among.items() if _covered(one, share) == way] for way in WAYS}
    return ", ".join(f"{way} {on(names)}" for way, names in ways.items() if names)


def _beside_first(shares: Shares) -> Iterator[str]:
    """Whether the mean of the first data set lies in the intervals of others whose mean says something."""
    (first, own), *others = shares.items()
    told = {name: one for name, one in others if not one.wide}
    if told and not own.wide and own.constant is not None:
        share = round(own.constant[0], 2)
        yield f"the mean of {first}, {share:.2f}, is {_placed(told, share)}"


def _images(known: Mapping[str, Found]) -> Iterator[str]:
    """Over how many images the errors, the entropies and their intervals are."""
    counts: dict[int, list[str]] = {}
    for name, run in known.items():
        if "size" in run:
            counts.setdefault(run["size"], []).append(name)
    if counts:
        told = joined(f"{count} test images {on(names)}" for count, names in counts.items())
        yield f"every number is of {told}"


def _fitted(shares: Shares) -> Iterator[str]:
    """Where the share was fitted to the cells that it is tested on."""
    own = [name for name, one in shares.items() if one.fitted and one.costs]
    given = [name for name, one in shares.items() if not one.fitted and one.costs]
    if own:
        yield f"{on(own)} the share is the mean of the very cells that test it"
    if given:
        yield f"{on(given)} it was given, found on other data"


def _of_networks(known: Mapping[str, Found]) -> dict[str, list[str]]:
    """Of each data set: how often one share fails against networks, and how many intervals hold sqrt(N)'s."""
    cells = in_cells(known)
    for title, run in known.items():
        firm = [one for one in against(run, OF_WINDOWS) if one.constant and one.sound and not one.wide]
        held = [_covered(one, SQUARE_ROOT) in WITHIN for one in firm]
        cells[title].append(f"{sum(held)} of {len(held)}" if held else "-")
    return cells


def _undetermined(shares: Shares) -> Iterator[str]:
    """On which data sets cells of the mean have a window as wide as the image."""
    counts = {name: (len(one.inside) - len(one.sound), len(one.inside)) for name, one in shares.items()}
    told = [f"{count} of {among} cells on {name}" for name, (count, among) in counts.items() if count]
    if told:
        yield (
            f"in {joined(told)} the mean counts a window that is at least as wide as the image, which does "
            "not determine the share"
        )
