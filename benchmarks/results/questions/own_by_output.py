"""How much ours close of the gap from PCA locality by output, in the runs that had that form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.results.questions.own_gap import HALF, KINDS, closed_share, halved, who
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import EXACT, OWN, Found
from benchmarks.results.words.titles import called, joined, on

BY_OUTPUT = "pca_locality_by_output"  # the form with a tau for each output of each image
SECTION = "by_output"  # of its runs, and of what the paper's tables have of them
FOUND_ON = "by_output_on"  # what settings were found on in those runs
ROWS = {  # by what the gap is in
    "median_r2": "half of the gap from PCA locality by output, in median r2",
    "r2": "the same in mean r2",
}

ENDS = {"yes": "met", "no": "missed"}


def with_by_output(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, each table of the paper with the numbers of the run that had this form."""
    told = dict(kept.get("paper", {}))
    for data, found in kept.get(SECTION, {}).items():
        if data in told:
            way = protocols.found_on(found)
            told[data] = {**told[data], SECTION: found["scalars"], FOUND_ON: way}
    return {**kept, "paper": told} if told else dict(kept)


def rows(known: Mapping[str, Found]) -> list[list[str]]:
    """Rows for the table of aims: whether half of that gap is closed; none where it was measured nowhere."""
    told = [[ROWS[kind], *(_cell(found, kind) for found in known.values())] for kind in KINDS]
    return [row for row in told if set(row[1:]) - {"-"}]


def beside(known: Mapping[str, Found]) -> Iterator[str]:
    """What that form is, what it takes, what its rows rest on, and on which data the aim is missed by it."""
    there = {title: found for title, found in known.items() if _shares(found, KINDS[0])}
    if not there:
        return
    times = [time for found in there.values() if (time := _time(found))]
    yield (
        "the best form leaves out PCA locality [by output](by_output.md), where each pixel of each image has "
        "a tau of its own"
    )
    if times:
        yield f"that form takes {_span(times)} times as long as {called(EXACT)}"
    yield "the gap from it has rows of its own, which are of other runs"
    ends: dict[str, list[str]] = {}
    for title, found in there.items():
        names = [called(name) for name in _shares(found, KINDS[0])]
        images, seeds = _counted(found, "bank", "training images"), _counted(found, "samples", "seeds")
        way = f", with settings found on {found[FOUND_ON]}" if found.get(FOUND_ON) else ""
        yield f"{on([title])} the run had {joined(names)}, {images}, and {seeds}{way}"
        ends.setdefault(ENDS.get(one := _who(found), f"met by {one}"), []).append(title)
    if len({found.get(FOUND_ON) for found in there.values()}) > 1:
        yield "so these runs are of two protocols"
    said = joined(f"{end} {on(titles)}" for end, titles in ends.items())
    yield f"counted from that form, the aim is {said} (by the median)"


def _cell(found: Found, kind: str) -> str:
    """Whether half of that gap is closed; by whom, where one of ours was not measured."""
    shares = _shares(found, kind)
    told = halved(shares)
    return told if len(shares) != 1 else f"{called(next(iter(shares)))}: {told}"


def _shares(found: Found, kind: str) -> dict[str, float]:
    """Per cent of the gap that each of ours closes."""
    numbers = found.get(SECTION, {})
    base, ceiling = (numbers.get(f"{SECTION}/{kind}/{name}") for name in (BY_OUTPUT, "nn2"))
    shares = {name: closed_share(numbers.get(f"{SECTION}/{kind}/{name}"), base, ceiling) for name in OWN}
    return {name: share for name, share in shares.items() if share is not None}


def _time(found: Found) -> float | None:
    own, exact = (found[SECTION].get(f"{SECTION}/seconds/{name}") for name in (BY_OUTPUT, EXACT))
    return own / exact if own and exact else None


def _span(times: list[float]) -> str:
    return joined(dict.fromkeys(f"{end(times):.2g}" for end in (min, max)), "to")


def _who(found: Found) -> str:
    return who({name: share >= HALF for name, share in _shares(found, KINDS[0]).items()})


def _counted(found: Found, key: str, what: str) -> str:
    """How many a row had; of this form and of ours where they had not as many."""
    counts = {name: int(value) for name in (BY_OUTPUT, *OWN) if (value := _count(found, key, name))}
    own, others = counts.pop(BY_OUTPUT, 0), [f"{count:,}" for count in dict.fromkeys(counts.values())]
    if others == [f"{own:,}"]:
        return f"{own:,} {what} for each row"
    return f"{own:,} {what} for the form by output, {joined(others)} for ours"


def _count(found: Found, key: str, name: str) -> float | None:
    value: float | None = found[SECTION].get(f"{SECTION}/{key}/{name}")
    return value
