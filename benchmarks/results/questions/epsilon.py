"""What the page of epsilon says: how near samples come to a network that predicts the noise."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.words.answers import EXACT, FLOOR, OWN, Found, interval_of, number_of, side, signed
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, joined, markdown, on

KIND = "epsilon"
V = "network"  # the network that predicts v
DATA_ALONE = (OWN[1], EXACT, FLOOR)
RIVALS = (OWN[1], FLOOR)  # that are set beside PCA locality, seed by seed
ROWS = (V, *DATA_ALONE, "optimal")
TO_V, TO_EPSILON = f"{KIND}/median_r2", f"{KIND}/median_r2_second"
WORDS = {1: "surely nearer to it than", 0: "not told apart from", -1: "surely farther from it than"}
COLUMNS = ("", "to the network that predicts v", "to the one that predicts the noise")


def epsilon_table(found: Found) -> Table:
    """The median r2 of samples to both networks."""
    rows = [[called(row), number_of(found, TO_V, row), to_noise(found, row)] for row in ROWS]
    return COLUMNS, [row for row in rows if row[2] is not None]


def epsilon_verdict(found: Found) -> str:
    """The differences from PCA locality in r2 to the network that predicts the noise, seed by seed."""
    told = [
        f"{called(row)} {signed(one)}"
        for row in RIVALS
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
    there = {title: found for title, found in known.items() if epsilon_table(found)[1]}
    if not there:
        return ""
    farther = [title for title, found in there.items() if all_farther(found)]
    leads, rows = [], []
    for title, found in there.items():
        ways = {row: way for row in RIVALS if (way := lead(found, row)) is not None}
        told = joined(f"{called(row)} is {WORDS[way]} {called(EXACT)}" for row, way in ways.items())
        leads.append(f"On {title} {told}")
        rows += [[f"{row}, {title}", *map(_cell, both)] for row, *both in epsilon_table(found)[1]]
    first = (
        f"All are farther from it than from the network that predicts v {on(farther)}."
        if len(farther) == len(there)
        else "Not all are farther from it than from the network that predicts v."
    )
    said = [*leads, *_banks(there)]
    return f"{first} {'. '.join(said)}.\n\n{markdown(COLUMNS, rows)}"


def _banks(known: Mapping[str, Found]) -> list[str]:
    """How many training images each row reads."""
    told = []
    for title, found in known.items():
        counts = {row: found["scalars"].get(f"{KIND}/bank/{row}") for row in (OWN[1], EXACT)}
        words = joined(f"{called(row)} reads {count:,.0f}" for row, count in counts.items() if count)
        told += [f"On {title} {words} training images"] if words else []
    return told


def all_farther(found: Found) -> bool:
    """Whether every row that was measured beside both is farther from it than from the other."""
    both = [(number_of(found, TO_V, row), to_noise(found, row)) for row in ROWS]
    return all(noise < v for v, noise in both if v is not None and noise is not None)


def to_noise(found: Found, row: str) -> float | None:
    """The median r2 of a row's samples to those of the network that predicts the noise."""
    return number_of(found, TO_EPSILON, row)


def r2_told(found: Found | None) -> list[str]:
    """The r2 to it, of denoisers of the data and of the network that predicts v: `Wiener 0.36`, and so on."""
    known = {row: to_noise(found, row) for row in (*DATA_ALONE, V)} if found else {}
    return [
        f"{'the first network' if row == V else called(row)} {r2:.2f}"
        for row, r2 in known.items()
        if r2 is not None
    ]


def lead(found: Found, row: str) -> int | None:
    """1, 0, -1: surely nearer to it than PCA locality, not told apart, surely farther."""
    one = interval_of(found, f"{TO_EPSILON}_over_{EXACT}", row)
    return None if one is None else side(one)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
