"""The short answers of the pages on the forms of PCA locality, over all data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.results.questions.forms import typed_tau
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    RELEASED,
    TAUS,
    Found,
    differences,
    is_same,
    number_of,
    stands_to,
)
from benchmarks.results.words.titles import called, capital, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
Pairs = Sequence[tuple[str, str]]  # a row, and the row that it is set beside
HIGHER, SAME, LOWER, UNSURE, SPLIT = (
    "higher", "the same", "lower", "not told apart", "mean and median disagree",
)  # fmt: skip
WITH = {  # what follows, of rows that are called by what they have
    "axis_row": "a mask by rows",
    "threshold_row": "a threshold for each row",
    "both_row": "a mask and a threshold by rows",
    "float32": "masks of float32 factors",
    "float32_wssm_512": "masks of float32 factors in batches of 512",
}
BESIDE_FLOOR = {  # how r2 with a tau stands to Wiener's
    1: "surely above Wiener's with tau",
    -1: "surely below Wiener's with tau",
    0: "not told apart from Wiener's with tau",
}
FALL = 0.5  # of the best median r2: sensitive, where the worst tau leaves less


def beside(
    section: str,
    pairs: Pairs,
    asks: bool = False,
    usual: str = "",
    answers: Mapping[str, str] | None = None,
) -> Callable[[Known], str]:
    """The largest sure differences in r2, and a table of medians with what is sure.

    A question that asks whether rows have more is answered by yes or no. One that asks which to take is
    answered by `usual`, or by the one row of `answers` that is surely higher somewhere and nowhere lower.
    Where some settings were found on samples and others on val images, each protocol has its own answer.
    """

    def together(known: Known) -> str:
        ways = {
            title: {name: way_of(differences(found, name, section, base)) for name, base in pairs}
            for title, found in known.items()
        }
        if not any(way for one in ways.values() for way in one.values()):
            return ""
        said = [_which(ways, usual, answers or {})] if usual else []
        groups = protocols.apart(known) if asks else {"": known}
        for protocol, group in groups.items():
            own = {title: ways[title] for title in group}
            told = [*_sure(group, section, pairs, own, asks), *_rest(own)]
            said += _of_protocol(protocol, group, told) if len(groups) > 1 else told
        bases = list(dict.fromkeys(base for _, base in pairs))
        rows: list[list[Any]] = [
            [called(base), *(_median(found, section, base) for found in known.values())]
            for base in bases
            if base not in dict(pairs)
        ]
        for name, base in pairs:
            row = called(name) + (f", beside {called(base)}" if len(bases) > 1 else "")
            cells = [
                _cell(_median(found, section, name), ways[title][name]) for title, found in known.items()
            ]
            rows.append([row, *cells])
        if len(groups) > 1:
            rows.append(["settings found on", *map(protocols.found_on, known.values())])
        rival = _that(bases[0]) if len(bases) == 1 else "the row that is named after 'beside'"
        note = (
            "Differences are medians over seeds. Cells have the median r2, and in brackets whether the row "
            f"is surely higher or lower than {rival}."
        )
        parts = [" ".join(f"{capital(one)}." for one in said), markdown(("median r2", *known), rows), note]
        return "\n\n".join(parts)

    return together


def _of_protocol(protocol: str, group: Known, told: Sequence[str]) -> list[str]:
    """Sentences of the data sets of one protocol, which begin with what it is."""
    lead = f"{on(list(group))} ({protocols.of(protocol, group) or 'settings not recorded'})"
    return [f"{lead}: {told[0]}", *told[1:]] if told else []


def _which(ways: Mapping[str, Mapping[str, str]], usual: str, answers: Mapping[str, str]) -> str:
    """The usual form, or the one that is surely higher on some data and surely lower on none."""
    told = {row: {one[row] for one in ways.values()} for row in answers}
    better = [row for row, words in told.items() if HIGHER in words]
    if not better:
        return f"{usual}: nothing else is surely higher"
    safe = [row for row in better if LOWER not in told[row]]
    return answers[safe[0]] if safe else "it depends on the data"


def _sure(
    known: Known, section: str, pairs: Pairs, ways: Mapping[str, Mapping[str, str]], asks: bool
) -> list[str]:
    """The largest sure difference on each data set, up and down, told once for each row."""
    told: dict[tuple[str, str], list[str]] = {}
    for title, found in known.items():
        for way in (HIGHER, LOWER):
            sure = {
                name: abs(differences(found, name, section, base)[-1][0])
                for name, base in pairs
                if ways[title][name] == way
            }
            if sure:
                name = max(sure, key=lambda row: sure[row])
                told.setdefault((way, name), []).append(f"by {sure[name]:.3f} {on([title])}")
    yes = {HIGHER: "yes. With", LOWER: "no. With"} if asks else {}
    return [
        f"{yes.get(way, 'with')} {WITH.get(name, called(name))} r2 is {way} {joined(places)}"
        for (way, name), places in sorted(told.items(), key=lambda one: one[0][0] == LOWER)
    ]


def _rest(ways: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The data on which no row is surely higher or lower."""
    told: dict[str, list[str]] = {}
    for title, one in ways.items():
        words = set(filter(None, one.values()))
        if words and not words & {HIGHER, LOWER}:
            said = "r2 is the same" if words == {SAME} else "nothing is sure"
            told.setdefault(f"there {SPLIT}" if SPLIT in words else said, []).append(title)
    undecided = f"there {SPLIT}"
    return [
        f"undecided {on(titles)}: {said}" if said == undecided else f"{on(titles)} {said}"
        for said, titles in told.items()
    ]


def _cell(value: float | None, way: str) -> str | None:
    return None if value is None else f"{value:.3f}" + (f" ({way})" if way else "")


def taus_together(known: Known) -> str:
    """How far the worst of some taus is below the best one, beside Wiener."""
    said, falls, stands = [], [], list[str]()
    for title, found in known.items():
        medians = {name: r2 for name in TAUS if (r2 := _median(found, "variants", name)) is not None}
        if medians:
            best, worst = (end(medians, key=lambda name: medians[name]) for end in (max, min))
            floor = _median(found, "variants", FLOOR)
            falls.append(medians[worst] < FALL * medians[best])
            said.append(
                f"On {title} the median r2 falls from {medians[best]:.2f} ({called(best)}) to "
                f"{medians[worst]:.2f} ({called(worst)})" + (f"; Wiener has {floor:.2f}" if floor else "")
            )
            stands += _beside_floor(title, found, medians)
    if not said:
        return ""
    lead = "Very" if all(falls) else "Not much" if not any(falls) else "On some data very"
    rows = [[called(row), *(_median(one, "variants", row) for one in known.values())] for row in TAUS]
    told, beside_floor = (" ".join(f"{one}." for one in some) for some in ([lead, *said], stands))
    table = markdown(("median r2", *known), rows)
    return "\n\n".join(filter(None, [told, table, beside_floor]))


def _beside_floor(title: str, found: Found, taus: Iterable[str]) -> list[str]:
    """With which taus r2 is surely above Wiener's and with which surely below: never by medians alone."""
    ways: dict[int, list[str]] = {}
    for name in taus:
        row = EXACT if name == typed_tau(found) else name  # one row twice: seeds were compared with that
        if (stands := stands_to(found, "variants/median_r2", row, FLOOR)) is not None:
            ways.setdefault(stands, []).append(called(name).removeprefix("tau "))
    told = [f"{BESIDE_FLOOR[way]} {joined(ways[way])}" for way in BESIDE_FLOOR if way in ways]
    return [f"On {title} r2 is {'; '.join(told)}"] if told else []


def way_of(known: Sequence[tuple[float, float, float]]) -> str:
    """Higher or lower where the intervals of mean and median agree."""
    if not known:
        return ""
    if is_same(known):
        return SAME
    words = {HIGHER if low > 0 else LOWER if high < 0 else UNSURE for _, low, high in known}
    return words.pop() if len(words) == 1 else SPLIT


def _that(base: str) -> str:
    return f"the {called(base)}" if base == RELEASED else called(base)


def _median(found: Found, section: str, row: str) -> float | None:
    return number_of(found, f"{section}/median_r2", row)


BATCHES = beside("variants", [(f"wssm_{n}", EXACT) for n in (128, 512, 2048)], asks=True)
MASKS = beside("variants", [("float32", EXACT), ("float32_wssm_512", "wssm_512")])
ORIENTATION = beside(
    "variants",
    [(row, EXACT) for row in ("axis_row", "threshold_row", "both_row")],
    usual="column masks with one threshold for all rows, as released",
    answers={
        "axis_row": "row masks with one threshold for all rows",
        "threshold_row": "column masks with a threshold for each row",
        "both_row": "row masks with a threshold for each row",
    },
)
AGAINST_RELEASED = beside("released", [(row, RELEASED) for row in OWN], asks=True)
