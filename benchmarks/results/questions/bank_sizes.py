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
from benchmarks.results.words.titles import called, markdown, on

KIND = "bank_sizes"
SIZED = (EXACT, OWN[1])  # whose banks are cut
BASE, FEWEST = 20_000, 5_000  # images of the cut banks; rows are named by them
GAINS = {1: "surely higher", 0: "not surely other", -1: "surely lower"}
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
    return ". ".join(one[0].upper() + one[1:] for one in said) or NOT_MEASURED


def bank_together(known: Mapping[str, Found]) -> str:
    """Whether all images in place of the base bank make r2 surely higher, of whom; and a small table."""
    ways: dict[str, list[str]] = {}
    rows = []
    for title, found in known.items():
        for name in SIZED:
            more, fewer = (gain(found, name, row) for row in (name, f"{name}_{FEWEST}"))
            if more is not None:
                ways.setdefault(f"{GAINS[side(more)]} for {called(name)}", []).append(title)
                cells = [None if one is None else signed(one) for one in (fewer, more)]
                rows.append([f"{called(name)}, {title}", *cells, _span(held(found, name))])
    if not rows:
        return ""
    told = "; ".join(f"{way} {on(titles)}" for way, titles in ways.items())
    columns = (
        f"r2 seed by seed less that with {BASE:,} training images", f"with {FEWEST:,}", "with all",
        f"held-out error with all / with {BASE:,}",
    )  # fmt: skip
    taus = "".join(dict.fromkeys(map(with_tau, known.values())))
    lead = f"With all training images in place of {BASE:,} the r2 of samples{taus} is {told}."
    return f"{lead}\n\n{markdown(columns, rows)}"


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
