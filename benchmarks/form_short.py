"""The short answers of the pages on the forms of PCA locality, and of larger images, over all data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.answers import EXACT, FLOOR, OWN, RELEASED, TAUS, Found, differences, is_same, levels, steps
from benchmarks.titles import called, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
Pairs = Sequence[tuple[str, str]]  # a row, and the row that it is set beside
HIGHER, SAME, LOWER, UNSURE, SPLIT = (
    "surely higher", "the same", "surely lower", "not surely other", "in dispute between mean and median",
)  # fmt: skip
FALL = 0.5  # of the best median r2: sensitive, where the worst tau leaves less


def beside(section: str, pairs: Pairs, asks: bool = False) -> Callable[[Known], str]:
    """Which rows have surely higher r2 than others, on which data, and a table of medians.

    A question that asks whether they have is answered by yes, no or in part first.
    """

    def together(known: Known) -> str:
        bases = {base for _, base in pairs}
        told: dict[str, dict[str, list[str]]] = {}
        for name, base in pairs:
            where: dict[str, list[str]] = {}
            for title, found in known.items():
                where.setdefault(_way(differences(found, name, section, base)), []).append(title)
            for way, titles in where.items():
                whose = called(name) if len(bases) == 1 else f"{called(name)} (beside {called(base)})"
                told.setdefault(way, {}).setdefault(on(titles), []).append(whose)
        ways = [way for way in (HIGHER, SAME, LOWER, UNSURE, SPLIT) if way in told]
        if not ways:
            return ""
        said = []
        for way in ways:
            parts = [f"{' and '.join(names)} {titles}" for titles, names in told[way].items()]
            said.append(f"{way[0].upper()}{way[1:]}: {'; '.join(parts)}")
        lead = "Yes" if ways == [HIGHER] else "In part" if HIGHER in ways else "No"
        than = f", set beside that of {_that(bases.pop())}" if len(bases) == 1 else ""
        start = [f"{lead}, by the r2 of samples{than}" if asks else f"By the r2 of samples{than}"]
        rows = list(dict.fromkeys(row for pair in pairs for row in reversed(pair)))
        return f"{'. '.join([*start, *said])}.\n\n{_medians(known, section, rows)}"

    return together


def taus_together(known: Known) -> str:
    """How far the worst of some taus is below the best one, beside Wiener."""
    said, falls = [], []
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
    lead = ["Very"] if all(falls) else ["Not much"] if not any(falls) else ["On some data very"]
    return " ".join(f"{one}." for one in [*lead, *said]) if said else ""


def larger_together(rows: Sequence[str]) -> Callable[[Known], str]:
    """At how many noise levels each row has surely less error than Wiener."""

    def together(known: Known) -> str:
        return " ".join(f"{_less(found, rows, title)}." for title, found in known.items())

    return together


def _less(found: Found, rows: Sequence[str], title: str) -> str:
    """The rows that have surely less error at some noise levels, and those that have it at none."""
    start = "larger/heldout_ratio_high"
    counts = {row: len(levels(found, f"{start}/{row}/", lambda high: high < 1)) for row in rows}
    among = {row: len(steps(found, f"{start}/{row}/")) for row in rows}
    told = [f"{called(row)} at {counts[row]} of {among[row]} noise levels" for row in rows if counts[row]]
    none = [
        called(row) + (", whose tau nobody chose for these images" if row == EXACT else "")
        for row in rows
        if among[row] and not counts[row]
    ]
    said = [f"Surely less error {on([title])}: {joined(told)}"] if told else []
    said += [f"At none: {'; '.join(none)}"] if none else []
    return ". ".join(said)


def _way(known: Sequence[tuple[float, float, float]]) -> str:
    """Higher or lower where the intervals of mean and median agree."""
    if not known:
        return ""
    if is_same(known):
        return SAME
    words = {HIGHER if low > 0 else LOWER if high < 0 else UNSURE for _, low, high in known}
    return words.pop() if len(words) == 1 else SPLIT


def _that(base: str) -> str:
    return f"the {called(base)}" if base == RELEASED else called(base)


def _medians(known: Known, section: str, rows: Sequence[str]) -> str:
    cells = [[called(row), *(_median(found, section, row) for found in known.values())] for row in rows]
    return markdown(("median r2", *known), cells)


def _median(found: Found, section: str, row: str) -> float | None:
    value = found["scalars"].get(f"{section}/median_r2/{row}")
    return None if value is None else float(value)


BATCHES = beside("variants", [(f"wssm_{n}", EXACT) for n in (128, 512, 2048)], asks=True)
MASKS = beside("variants", [("float32", EXACT), ("float32_wssm_512", "wssm_512")])
ORIENTATION = beside("variants", [(row, EXACT) for row in ("axis_row", "threshold_row", "both_row")])
AGAINST_RELEASED = beside("released", [(row, RELEASED) for row in OWN], asks=True)
