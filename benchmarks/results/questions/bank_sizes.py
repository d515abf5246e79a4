"""What the page of bank sizes says: what more training images bring, seed by seed beside 20,000."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.questions.entropy import NOT_MEASURED
from benchmarks.results.words.answers import (
    EXACT,
    OWN,
    Found,
    interval_of,
    is_middle,
    number_of,
    side,
    signed,
    steps,
)
from benchmarks.results.words.had import on_each
from benchmarks.results.words.titles import called, capital, markdown, plus

KIND = "bank_sizes"
SIZED = (EXACT, OWN[1])  # whose banks are cut
BASE, FEWEST = 20_000, 5_000  # images of the cut banks; rows are named by them
GAINS = {  # of one row, and of several
    1: ("surely gains", "surely gain"),
    0: ("neither gains nor loses surely", "neither gain nor lose surely"),
    -1: ("surely loses", "surely lose"),
}
BANKS = {name: (name, f"{name}_{BASE}", f"{name}_{FEWEST}") for name in SIZED}  # the rows of each
ROWS = tuple(row for rows in BANKS.values() for row in rows)


def bank_verdict(found: Found) -> str:
    """The medians of r2 with each bank, and held-out error with all images over that with the base's."""
    said = []
    for name in SIZED:
        known = _medians(found, name)
        if len(known) < 2:
            continue  # the data have no more images than the smallest bank
        told = ", ".join(f"{r2:.3f} with {count:,.0f}" for count, r2 in sorted(known.items()))
        ratios = held(found, name)
        error = f". Its held-out error with all images is {_span(ratios)} times that with {BASE:,}"
        said.append(f"{called(name)}: median r2 {told}{error if ratios else ''}")
    return ". ".join(capital(one) for one in said) or NOT_MEASURED


def bank_together(known: Mapping[str, Found]) -> str:
    """Whether all images in place of the base bank make r2 surely higher, of whom; and a small table."""
    rows, said = [], []
    for title, found in known.items():
        ways: dict[int, list[str]] = {}
        for name in SIZED:
            more, fewer = (gain(found, name, row) for row in (name, f"{name}_{FEWEST}"))
            if more is not None:
                images = f" with {count:,.0f}" if (count := _bank(found, name)) else ""
                ways.setdefault(side(more), []).append(f"{called(name)} {plus(more[0])}{images}")
                cells = [None if one is None else signed(one) for one in (fewer, more)]
                rows.append([f"{called(name)}, {title}", *cells, _span(held(found, name))])
        for way, told in ways.items():
            who = "both rows" if len(told) == len(SIZED) == 2 else f"{len(told)} row{'s' * (len(told) > 1)}"
            verb = GAINS[way][len(told) > 1]
            said.append(f"On {title} {who} {verb} in r2 of samples: {'; '.join(told)}")
    if not rows:
        return ""
    columns = (
        f"r2 seed by seed less that with {BASE:,} training images", f"with {FEWEST:,}", "with all",
        f"held-out error with all / with {BASE:,}",
    )  # fmt: skip
    lead = f"{'. '.join(said)}. We compare with {BASE:,} training images."
    more_of = on_each(known, KIND)
    return "\n\n".join([lead, markdown(columns, rows), *([more_of] if more_of else [])])


def gain(found: Found, name: str, row: str) -> tuple[float, float, float] | None:
    """The median of the differences in r2 to the base bank's, where the row had other images."""
    if _bank(found, row) == _bank(found, f"{name}_{BASE}"):
        return None
    return interval_of(found, f"{KIND}/median_r2_over_{name}_{BASE}", row)


def with_tau(found: Found) -> str:
    """With how many training images PCA locality's tau was chosen, where that was recorded."""
    known = {one[0]: one[3] for one in found.get("calibrated") or []}
    return f", with a tau chosen with {known[EXACT]}," if EXACT in known else ""


def held(found: Found, name: str) -> list[float]:
    """The held-out error with all images over that with the base bank's, at the middle noise levels."""
    whole, cut = (steps(found, f"{KIND}/heldout_ratio/{row}/") for row in (name, f"{name}_{BASE}"))
    return [whole[t] / cut[t] for t in whole if t in cut and is_middle(t)]


def _bank(found: Found, row: str) -> float | None:
    return number_of(found, f"{KIND}/bank", row)


def _medians(found: Found, name: str) -> dict[float, float]:
    """The median r2 with each number of training images."""
    known = {_bank(found, row): found["scalars"].get(f"{KIND}/median_r2/{row}") for row in BANKS[name]}
    return {count: float(r2) for count, r2 in known.items() if count is not None and r2 is not None}


def _span(ratios: list[float]) -> str:
    return f"{min(ratios):.3f} to {max(ratios):.3f}" if ratios else "-"
