"""The short answer of the page of our own denoisers, over all data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.questions import own_by_output
from benchmarks.results.questions.forms_short import HIGHER, LOWER, SAME, SPLIT, UNSURE, way_of
from benchmarks.results.questions.own import AIMS, ahead, measured, met, word
from benchmarks.results.questions.own_gap import gap, halved, who
from benchmarks.results.words import members, protocols
from benchmarks.results.words.answers import EXACT, FLOOR, OWN, Found, levels, listed, number_of, steps
from benchmarks.results.words.titles import called, capital, joined, markdown, on

BESIDE = {  # the released form
    HIGHER: "they are nearer, too,", LOWER: "they are farther", SAME: "they are as near",
    UNSURE: "it is undecided", SPLIT: "mean and median disagree",
}  # fmt: skip
HALF_OF_MEDIAN, HALF_OF_MEAN = f"{AIMS[0]} in median r2", f"{AIMS[0]} in mean r2"
SECOND = "paper/median_r2_second"  # of samples, to those of the second network


def own_together(known: Mapping[str, Found]) -> str:
    """Whether ours beat PCA locality and Wiener, and how near they come to both networks."""
    there = {title: found for title, found in known.items() if met(found)}
    if not there:
        return ""
    said = [f"{one}." for one in (*_beat(known), *_over_released(known))]
    return "\n\n".join([" ".join(said), *_to_second(known), *protocols.unlike(known, (*OWN, EXACT))])


def own_beside(known: Mapping[str, Found]) -> str:
    """Where ours have less and more error, and which of three aims they meet."""
    there = {title: found for title, found in known.items() if met(found)}
    rows = [[HALF_OF_MEDIAN, *(_halved(found, "median_r2") for found in there.values())]]
    rows.append([HALF_OF_MEAN, *(_halved(found, "r2") for found in there.values())])
    rows += own_by_output.rows(there)
    rows += [[AIMS[place], *(_aimed(found, place) for found in there.values())] for place in (1, 2)]
    lead = (
        f"This project set itself three aims. Brackets have the numbers of {_names(OWN)}, without intervals. "
        "The gap is that in r2 of samples, from PCA locality's best form to a second network. The best form "
        "is the one with the highest median: exact, by batch averages, by entropy, or released where its run "
        "has the same rows."
    )
    beside = (*_read(there), *own_by_output.beside(there))
    more = " ".join(f"{capital(one)}." for one in beside)
    errors = " ".join(f"{one}." for one in _errors(known))
    return "\n\n".join(filter(None, [errors, lead, markdown(("", *there), rows), more]))


def _read(known: Mapping[str, Found]) -> list[str]:
    """What times are of, where stacked locality reads fewer images inside than the row of PCA locality."""
    return [
        f"{on([title])} PCA locality's time is of {bank:,.0f} training images. {members.told(found, 'paper')}"
        for title, found in known.items()
        if (bank := number_of(found, "paper/bank", EXACT))
        and members.fewer(found, "paper").get(EXACT, bank) < bank
    ]


def _beat(known: Mapping[str, Found]) -> list[str]:
    """Whether ours are nearer to the network's samples than both, and on which data."""
    told: dict[str, list[str]] = {}
    words = set()
    for title, found in known.items():
        one = {word(found, name, base) for name in OWN for base in (EXACT, FLOOR)} - {None}
        if one:
            words |= one
            told.setdefault(ahead(found), []).append(title)
    if not told:
        return []
    lead = "Yes" if words == {"nearer to"} else "In part" if "nearer to" in words else "No"
    said = [
        f"{sentence} on all {len(titles)} data sets"
        if len(titles) == len(known) > 1
        else f"{sentence} {on(titles)}"
        for sentence, titles in told.items()
    ]
    return [f"{lead}, in r2 of samples", *said]


def _over_released(known: Mapping[str, Found]) -> list[str]:
    """How ours stand to the released form, in runs that had it."""
    told: dict[str, dict[tuple[str, ...], list[str]]] = {way: {} for way in BESIDE}
    for title, found in known.items():
        ways = {name: way_of(one) for name, one in found.get("over_released", {}).items() if one}
        for way in dict.fromkeys(ways.values()):
            names = tuple(name for name in ways if ways[name] == way)
            told[way].setdefault(names, []).append(title)
    said = [
        f"{BESIDE[way]} {on(titles)}{_alone(names)}"
        for way, sets in told.items()
        for names, titles in sets.items()
    ]
    start = "Beside the [released form](released_form.md) of PCA locality"
    return [f"{start} {'; '.join(said)}", *_of_another_protocol(known)] if said else []


def _of_another_protocol(known: Mapping[str, Found]) -> list[str]:
    """On which data the run of the released form had settings that were found in another way."""
    others: dict[str, list[str]] = {}
    for title, found in known.items():
        if way := found.get("released_on"):
            others.setdefault(way, []).append(title)
    return [
        f"{capital(on(titles))} settings were found on {way}: another protocol"
        for way, titles in others.items()
    ]


def _to_second(known: Mapping[str, Found]) -> list[str]:
    """The median r2 to the network and to the second one, against which nothing was chosen: a table."""
    there = {title: found for title, found in known.items() if f"{SECOND}/network" in found["scalars"]}
    rows = [
        [called(row), *(_both(found["scalars"], row) for found in there.values())]
        for row in ("network", *OWN, EXACT, FLOOR)
    ]
    lead = (
        "Median r2 of samples: to the network, then to the second network, against which no setting was "
        "chosen:"
    )
    return [f"{lead}\n\n{markdown(('', *there), rows)}"] if there else []


def _both(scalars: Mapping[str, float], row: str) -> str | None:
    first, second = (scalars.get(f"{start}/{row}") for start in ("paper/median_r2", SECOND))
    told = ["-" if one is None else f"{one:.3f}" for one in (first, second)]
    return None if second is None else ", ".join(told)


def _errors(known: Mapping[str, Found]) -> list[str]:
    """At how many noise levels ours have surely less error on held-out images, and where surely more."""
    said = []
    for base, kind in ((EXACT, f"heldout_over_{EXACT}"), (FLOOR, "heldout_ratio")):
        less, among, more = [], set(), []
        for title, found in known.items():
            above: dict[str, list[str]] = {}
            for name in OWN:
                start = f"paper/{kind}_{{}}/{name}/"
                if times := steps(found, start.format("high")):
                    among.add(len(times))
                    less.append(len(levels(found, start.format("high"), lambda high: high < 1)))
                    if worse := levels(found, start.format("low"), lambda low: low > 1):
                        above.setdefault(listed(worse), []).append(name)
            more += [f"{on([title])} at sigma {at}{_alone(names)}" for at, names in above.items()]
        if among:
            count = str(less[0]) if min(less) == max(less) else f"{min(less)} to {max(less)}"
            said.append(
                f"Their error on held-out images is surely less than that of {called(base)} at {count} of "
                f"{max(among)} noise levels, and surely more {joined(more) or 'nowhere'}"
            )
    return said


def _aimed(found: Found, place: int) -> str:
    """Which of ours meet an aim, and the numbers of all."""
    lead = who({name: one[place] for name, one in met(found).items()})
    told = ", ".join(f"{one[place]:.2f}" for one in measured(found).values())
    return f"{lead} ({'at most ' if place == 2 else ''}{told})"


def _halved(found: Found, kind: str) -> str:
    """Which of ours close half of the gap, and how much they close."""
    return halved({name: share for name in met(found) if (share := gap(found, name, kind)) is not None})


def _alone(names: Sequence[str]) -> str:
    return "" if len(names) > 1 else f" ({called(names[0])} alone)"


def _names(names: Sequence[str]) -> str:
    return " and ".join(map(called, names))
