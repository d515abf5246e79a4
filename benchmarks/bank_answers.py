"""What the page of bank sizes says: what more training images bring, seed by seed beside 20,000."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.answers import EXACT, OWN, Found, interval_of, is_middle, side, signed, steps
from benchmarks.entropy_answers import NOT_MEASURED
from benchmarks.titles import called, markdown, on

KIND = "bank_sizes"
SIZED = (EXACT, OWN[1])  # whose banks are cut
MIDDLE, FEWEST = 20_000, 5_000  # images of the cut banks; rows are named by them
WORDS = {1: "surely higher", 0: "not surely other", -1: "surely lower"}
ROWS = tuple(row for name in SIZED for row in (name, f"{name}_{MIDDLE}", f"{name}_{FEWEST}"))


def bank_verdict(found: Found) -> str:
    """The medians of r2 with each bank, and held-out error with all images over that with the middle one."""
    said = []
    for name in SIZED:
        medians = {
            row: found["scalars"].get(f"{KIND}/median_r2/{row}") for row in ROWS if row.startswith(name)
        }
        told = [
            f"{r2:.3f} with {found['scalars'][f'{KIND}/bank/{row}']:,.0f}"
            for row, r2 in medians.items()
            if r2 is not None
        ]
        ratios = held(found, name)
        error = f". Its held-out error with all images is {_span(ratios)} times that with {MIDDLE:,}"
        said += [f"{called(name)}: median r2 {', '.join(told)}{error if ratios else ''}"] if told else []
    return ". ".join(one[0].upper() + one[1:] for one in said) or NOT_MEASURED


def bank_together(known: Mapping[str, Found]) -> str:
    """Whether all images in place of the middle bank make r2 surely higher, of whom; and a small table."""
    ways: dict[str, list[str]] = {}
    rows = []
    for title, found in known.items():
        for name in SIZED:
            more, fewer = (gain(found, name, row) for row in (name, f"{name}_{FEWEST}"))
            if more is not None:
                ways.setdefault(f"{WORDS[side(more)]} for {called(name)}", []).append(title)
                cells = [None if one is None else signed(one) for one in (fewer, more)]
                rows.append([f"{called(name)}, {title}", *cells, _span(held(found, name))])
    if not rows:
        return ""
    told = "; ".join(f"{way} {on(titles)}" for way, titles in ways.items())
    columns = (
        f"beside {MIDDLE:,} training images", f"r2 with {FEWEST:,}", "r2 with all", "error with all, times"
    )  # fmt: skip
    lead = f"With all training images in place of {MIDDLE:,} the r2 of samples is {told}."
    return f"{lead}\n\n{markdown(columns, rows)}"


def gain(found: Found, name: str, row: str) -> tuple[float, float, float] | None:
    """The median of the differences in r2 of a row to the middle bank's, seed by seed, with its interval."""
    return interval_of(found, f"{KIND}/median_r2_over_{name}_{MIDDLE}", row)


def held(found: Found, name: str) -> list[float]:
    """The held-out error with all images over that with the middle bank, at the middle noise levels."""
    whole, cut = (steps(found, f"{KIND}/heldout_ratio/{row}/") for row in (name, f"{name}_{MIDDLE}"))
    return [whole[t] / cut[t] for t in whole if t in cut and is_middle(t)]


def _span(ratios: list[float]) -> str:
    return f"{min(ratios):.3f} to {max(ratios):.3f}" if ratios else "-"
