"""What the page of epsilon says: how near samples come to a network that predicts the noise."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.words.answers import EXACT, FLOOR, OWN, Found, interval_of, side, signed
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, joined, markdown, on

KIND = "epsilon"
V = "network"  # the network that predicts v
DATA_ALONE = (OWN[1], EXACT, FLOOR)
ROWS = (V, *DATA_ALONE, "optimal")
TO_V, TO_EPSILON = f"{KIND}/median_r2", f"{KIND}/median_r2_second"
WORDS = {1: "surely nearer to it than", 0: "not told apart from", -1: "surely farther from it than"}
COLUMNS = ("", "to the network that predicts v", "to the one that predicts the noise")


def epsilon_table(found: Found) -> Table:
    """The median r2 of samples to both networks."""
    rows = [[called(row), _number(found, TO_V, row), _number(found, TO_EPSILON, row)] for row in ROWS]
    return COLUMNS, [row for row in rows if row[2] is not None]


def epsilon_verdict(found: Found) -> str:
    """The differences from PCA locality in r2 to the network that predicts the noise, seed by seed."""
    told = [
        f"{called(row)} {signed(one)}"
        for row in (OWN[1], FLOOR)
        if (one := interval_of(found, f"{TO_EPSILON}_over_{EXACT}", row))
    ]
    seeds = found["scalars"].get(f"{KIND}/samples/{V}")
    return (
        f"r2 to the network that predicts the noise, seed by seed less PCA locality's: {'; '.join(told)} "
        f"({seeds:.0f} seeds)"
        if told and seeds
        else "not measured"
    )


def epsilon_together(known: Mapping[str, Found]) -> str:
    """Whether all are farther from it, who is surely ahead there, and a small table."""
    farther, leads, rows = [], [], []
    for title, found in known.items():
        both = {row: (_number(found, TO_V, row), _number(found, TO_EPSILON, row)) for row in ROWS}
        measured = {
            row: (v, noise) for row, (v, noise) in both.items() if v is not None and noise is not None
        }
        if not measured:
            continue
        if all(noise < v for v, noise in measured.values()):
            farther.append(title)
        sides = {row: interval_of(found, f"{TO_EPSILON}_over_{EXACT}", row) for row in (OWN[1], FLOOR)}
        leads += [
            f"On {title} "
            + joined(
                f"{called(row)} is {WORDS[side(one)]} {called(EXACT)}" for row, one in sides.items() if one
            )
        ]
        cells = [[_cell(v), _cell(noise)] for v, noise in both.values()]
        rows += [[f"{called(row)}, {title}", *cell] for row, cell in zip(ROWS, cells, strict=True)]
    if not rows:
        return ""
    first = (
        f"All are farther from it than from the network that predicts v {on(farther)}."
        if len(farther) == len(known)
        else "Not all are farther from it than from the network that predicts v."
    )
    return f"{first} {'. '.join(leads)}.\n\n{markdown(COLUMNS, rows)}"


def all_farther(found: Found) -> bool:
    """Whether every row that was measured beside both is farther from it than from the other."""
    both = [(_number(found, TO_V, row), to_noise(found, row)) for row in ROWS]
    return all(noise < v for v, noise in both if v is not None and noise is not None)


def to_noise(found: Found, row: str) -> float | None:
    """The median r2 of a row's samples to those of the network that predicts the noise."""
    return _number(found, TO_EPSILON, row)


def lead(found: Found, row: str) -> int | None:
    """1, 0, -1: surely nearer to it than PCA locality, not told apart, surely farther."""
    one = interval_of(found, f"{TO_EPSILON}_over_{EXACT}", row)
    return None if one is None else side(one)


def _number(found: Found, key: str, row: str) -> float | None:
    value = found["scalars"].get(f"{key}/{row}")
    return None if value is None else float(value)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
