"""The short answers of the pages on the forms of PCA locality, and of larger images, over all data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    RELEASED,
    TAUS,
    Found,
    differences,
    is_same,
    levels,
    number_of,
    steps,
)
from benchmarks.results.words.titles import called, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
Pairs = Sequence[tuple[str, str]]  # a row, and the row that it is set beside
HIGHER, SAME, LOWER, UNSURE, SPLIT = (
    "higher", "the same", "lower", "not told apart", "mean and median disagree",
)  # fmt: skip
AFHQ = 0.02  # the paper's tau for AFHQ
PAPERS_TAU = "which the paper chose for AFHQ, against its own networks and with all images"
OLD_LARGER = {EXACT: {"tau": AFHQ}, FLOOR: {"shrinkage": "ledoit_wolf"}}  # of the run that kept no settings
FALL = 0.5  # of the best median r2: sensitive, where the worst tau leaves less


def beside(section: str, pairs: Pairs, asks: bool = False) -> Callable[[Known], str]:
    """The largest sure difference in r2 on each data set, and a table of medians with what is sure.

    A question that asks whether rows have more is answered by yes, no or in part first.
    """

    def together(known: Known) -> str:
        ways = {
            title: {name: way_of(differences(found, name, section, base)) for name, base in pairs}
            for title, found in known.items()
        }
        among = {way for one in ways.values() for way in one.values() if way}
        if not among:
            return ""
        told: dict[str, list[str]] = {}
        for title, found in known.items():
            if any(ways[title].values()):
                told.setdefault(_most(found, section, pairs, ways[title]), []).append(title)
        text = "; ".join(f"{on(titles)} {said}" for said, titles in told.items())
        lead = "yes: " if among == {HIGHER} else "in part: " if HIGHER in among else "no: "
        text = f"{lead if asks else ''}{text}"
        bases = list(dict.fromkeys(base for _, base in pairs))
        rows = [
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
        rival = _that(bases[0]) if len(bases) == 1 else "the row that it is set beside"
        return (
            f"{text[0].upper()}{text[1:]}. Differences are medians over seeds. Cells have the median r2, and "
            f"how a row stands to {rival}.\n\n{markdown(('median r2', *known), rows)}"
        )

    return together


def _most(found: Found, section: str, pairs: Pairs, ways: Mapping[str, str]) -> str:
    """The largest of the sure differences from other rows, or that there is none."""
    sure = {
        (name, base): differences(found, name, section, base)[-1]
        for name, base in pairs
        if ways[name] in (HIGHER, LOWER)
    }
    if not sure:
        return SPLIT if SPLIT in ways.values() else "nothing is sure"
    name, base = max(sure, key=lambda pair: abs(sure[pair][0]))
    size, *ends = (abs(one) for one in sure[name, base])
    low, high = sorted(ends)
    return (
        f"the r2 of {called(name)} is {size:.3f} [{low:.3f}, {high:.3f}] {ways[name]} than that of "
        f"{_that(base)}{', the largest sure difference' if len(sure) > 1 else ''}"
    )


def _cell(value: float | None, way: str) -> str | None:
    return None if value is None else f"{value:.3f}" + (f" ({way})" if way else "")


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
    none = [called(row) for row in rows if among[row] and not counts[row]]
    said = [f"Surely less error {on([title])}: {joined(told)}"] if told else []
    said += [f"At none: {joined(none)}"] if none else []
    return ". ".join([*said, *_images_read(found, rows), *(_had(found) if among.get(EXACT) else ())])


def _images_read(found: Found, rows: Sequence[str]) -> list[str]:
    """The rows that read a part of the training images."""
    whole, told = found.get("images", 0), dict[int, list[str]]()
    for row in rows:
        bank = found["scalars"].get(f"larger/bank/{row}")
        if bank is not None and bank < whole:
            told.setdefault(int(bank), []).append(called(row))
    return [f"{_first(joined(names))} read {n:,} of {whole:,} training images" for n, names in told.items()]


def _had(found: Found) -> list[str]:
    """The tau of PCA locality where none was found for these images, and whether its covariance is shrunk."""
    rows = found.get("settings", OLD_LARGER)
    own, floor = (rows.get(row, {}) for row in (EXACT, FLOOR))
    chosen = any(row[0] == EXACT for row in found.get("calibrated") or [])
    said, tau = [], own.get("tau")
    if tau is not None and not chosen:
        said.append(f"{called(EXACT)} had tau {tau}" + (f", {PAPERS_TAU}" if tau == AFHQ else ""))
    if floor.get("shrinkage") and not own.get("shrinkage"):
        said.append(f"The covariance of {called(EXACT)} is not shrunk, and {called(FLOOR)}'s is")
    return said


def _first(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


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
ORIENTATION = beside("variants", [(row, EXACT) for row in ("axis_row", "threshold_row", "both_row")])
AGAINST_RELEASED = beside("released", [(row, RELEASED) for row in OWN], asks=True)
