"""The short answer of the page on the published order: how many pairs of rows are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.words.answers import EXACT, FLOOR, ORDER, Found, number_of, ordered, ranked
from benchmarks.results.words.published import PUBLISHED
from benchmarks.results.words.titles import called, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
Way = tuple[tuple[str, str], int]  # a pair of rows, the lower first, and how it stands: `ordered`
PUBLISHED_R2 = {  # arXiv 2602.16498, of CIFAR-10 and of AFHQ: row -> mean r2
    row: (float(cells[1].split(" / ")[1]), float(cells[3].split(" / ")[1]))
    for row, cells in zip((ORDER[0], FLOOR, ORDER[1], EXACT, ORDER[4]), PUBLISHED[1:], strict=True)
}


def order(known: Known) -> str:
    """Whether pairs of rows are in the published order; first those that say more than that one is lowest."""
    ways = {title: pairs for title, found in known.items() if (pairs := ordered(found))}
    if not ways:
        return ""
    every = [(pair, way) for pairs in ways.values() for pair, way in pairs.items()]
    lowest = ORDER[0]
    beside = [one for one in every if lowest not in one[0]] or every
    rest = [way for pair, way in every if lowest in pair] if len(beside) < len(every) else []
    good, turned = _in_order(beside), [way for _, way in beside].count(-1)
    part = "Mostly" if 2 * good > len(beside) else "In part"
    whole = good == len(beside) and rest.count(1) == len(rest)
    lead = "Yes" if whole else part if good else "No"
    names = [called(row) for row in ORDER if any(row in pair for pair, _ in beside)]
    said = [
        f"{lead}. {good} of {len(beside)} pairs among {joined(names)} are surely in the published order: "
        f"{_each(beside)}. {turned or 'None'} {'are' if turned > 1 else 'is'} surely reversed."
    ]
    name = called(lowest)
    if rest:
        said.append(
            f"{rest.count(1)} of {len(rest)} pairs with {name} are surely in order: these say no more than "
            f"that {name} is lowest. Pairs share rows and seeds. So they are not independent of each other."
        )
    columns = (
        "", f"pairs without {name}: surely in the published order", "undecided", "surely reversed",
        f"pairs with {name}: surely in order",
    )  # fmt: skip
    rows = []
    for title, pairs in ways.items():
        own, other = (
            [way for pair, way in pairs.items() if (lowest in pair) == there] for there in (False, True)
        )
        counts = [f"{some.count(1)} of {len(some)}" if some else None for some in (own, other)]
        rows.append([title, counts[0], str(own.count(0)), str(own.count(-1)), counts[1]])
    return "\n\n".join([*said, markdown(columns, rows), *_above_published(known)])


def _in_order(pairs: Sequence[Way]) -> int:
    return sum(way == 1 for _, way in pairs)


def _each(pairs: Sequence[Way]) -> str:
    """On how many data sets each pair is in order: `Wiener below PCA locality 3 of 4`."""
    same = {pair: [one for one in pairs if one[0] == pair] for pair, _ in pairs}
    return joined(
        f"{called(low)} below {called(high)} {_in_order(some)} of {len(some)}"
        for (low, high), some in same.items()
    )


def _above_published(known: Known) -> list[str]:
    """How many ranked rows have a higher mean r2 than is published of the row, for two data sets."""
    counts: dict[str, list[str]] = {}
    for title, found in known.items():
        means = {row: number_of(found, "paper/r2", row) for row in ranked(found)}
        higher = [mean > max(PUBLISHED_R2[row]) for row, mean in means.items() if mean is not None]
        if higher:
            counts.setdefault(f"{sum(higher)} of {len(higher)}", []).append(title)
    told = "; ".join(f"{count} {on(titles)}" for count, titles in counts.items())
    lead = "Published r2 is a mean over images. So many ranked rows have a higher mean here than is published"
    return [f"{lead} of them for CIFAR-10 and for AFHQ: {told}."] if told else []
