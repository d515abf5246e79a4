"""What the page of epsilon says: how near samples come to a network that predicts the noise."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    Found,
    apart,
    interval_of,
    number_of,
    side,
    signed,
)
from benchmarks.results.words.had import on_each
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, joined, markdown

KIND = "epsilon"
V = "network"  # the network that predicts v
DATA_ALONE = (OWN[1], EXACT, FLOOR)
RIVALS = (OWN[1], FLOOR)  # that are set beside PCA locality, seed by seed
ROWS = (V, *DATA_ALONE, "optimal")
TO_V, TO_EPSILON = f"{KIND}/median_r2", f"{KIND}/median_r2_second"
WORDS = {1: "surely nearer to it than", 0: "not told apart from", -1: "surely farther from it than"}
COLUMNS = ("median r2 of samples", "to the network that predicts v", "to the one that predicts the noise")


def epsilon_table(found: Found) -> Table:
    """The median r2 of samples to both networks."""
    rows = [[_named(row), number_of(found, TO_V, row), to_noise(found, row)] for row in ROWS]
    return COLUMNS, [row for row in rows if row[2] is not None]


def _named(row: str) -> str:
    return "first network" if row == V else called(row)


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
    """Whether denoisers of the data come near to it, what r2 falls to, and a small table."""
    there = {title: found for title, found in known.items() if epsilon_table(found)[1]}
    if not there:
        return ""
    rows, said = [], []
    for title, found in there.items():
        rows += [[f"{row}, {title}", *map(_cell, both)] for row, *both in epsilon_table(found)[1]]
        falls = [
            f"{v:.2f} to {noise:.2f} ({called(row)})"
            for row in DATA_ALONE
            if (v := number_of(found, TO_V, row)) is not None
            and (noise := to_noise(found, row)) is not None
            and noise < v
        ]
        said += [f"On {title} r2 falls from {joined(falls)}"] if falls else []
        said += _nearer_than_first(title, found)
    table, first = markdown(COLUMNS, rows), _near(there)
    return f"{first} {''.join(f'{one}. ' for one in said)}".strip() + f"\n\n{table}"


def _near(known: Mapping[str, Found]) -> str:
    """Whether the best of them is farther from it than the worst of them is from the other network."""
    below = []
    for found in known.values():
        both = [(number_of(found, TO_V, row), to_noise(found, row)) for row in DATA_ALONE]
        there = [(v, noise) for v, noise in both if v is not None and noise is not None]
        below.append(bool(there) and max(noise for _, noise in there) < min(v for v, _ in there))
    if all(below):
        return "Not near."
    if all(map(all_farther, known.values())):
        return "Less near than to those of the network that predicts v."
    return "Not all are farther from it than from the network that predicts v."


def _nearer_than_first(title: str, found: Found) -> list[str]:
    """Denoisers of the data that are nearer to it than the first network is, by the medians."""
    first = to_noise(found, V)
    known = {row: r2 for row in DATA_ALONE if (r2 := to_noise(found, row)) is not None}
    said = []
    for row in (row for row, r2 in known.items() if first is not None and r2 > first):
        own, theirs = (interval_of(found, TO_EPSILON, one) for one in (row, V))
        sure = own is not None and theirs is not None and apart(own, theirs) > 0
        said.append(
            f"There {called(row)} ({known[row]:.2f}) is {'surely ' if sure else ''}nearer to it than the "
            f"first network ({first:.2f}){'' if sure else ', though not surely'}"
        )
    return said


def epsilon_beside(known: Mapping[str, Found]) -> str:
    """Who is surely nearer to it than PCA locality, and how many training images each row reads."""
    said: list[str] = []
    for title, found in known.items():
        told: dict[str, list[str]] = {}
        for row in RIVALS:
            if (way := lead(found, row)) is not None:
                told.setdefault(WORDS[way], []).append(called(row))
        said += [
            f"On {title} {joined(rows)} {'are' if len(rows) > 1 else 'is'} {word} {called(EXACT)}"
            for word, rows in told.items()
        ]
        images = found["scalars"].get(f"{KIND}/bank/{OWN[1]}")
        said += [f"On {title} {called(OWN[1])} had {images:,.0f} training images"] if images else []
    more = on_each(known, KIND)
    return " ".join([*(f"{one}." for one in said), *([more] if more else [])])


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
