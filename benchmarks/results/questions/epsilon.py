"""What the page of epsilon says: how near samples come to a network that predicts the noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    Found,
    number_of,
    paired,
    side,
    signed,
    stands_to,
)
from benchmarks.results.words.had import on_each
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import called, joined, markdown

KIND = "epsilon"
V = "network"  # the network that predicts v
DATA_ALONE = (OWN[1], EXACT, FLOOR)
RIVALS = (OWN[1], FLOOR)  # that are set beside PCA locality, seed by seed
BESIDE = (*((row, EXACT) for row in (V, *RIVALS)), *((row, FLOOR) for row in (V, OWN[1])))  # who and whom
ROWS = (V, *DATA_ALONE, "optimal")
PREDICTS_V = "first network (predicts v)"  # what it is called in tables
TO_V, TO_EPSILON = f"{KIND}/median_r2", f"{KIND}/median_r2_second"
WORDS = {1: "surely nearer to it than", 0: "not told apart from", -1: "surely farther from it than"}
MEANT = "Nearer and farther are said of r2 to the network that predicts the noise, seed by seed"
TURNS = {  # how a row of the higher median stands to another
    1: ", and is surely nearer",
    0: ". They are not told apart",
    -1: ". Yet it is surely farther, seed by seed",
    None: "",
}
COLUMNS = ("median r2 of samples", "to the network that predicts v", "to the one that predicts the noise")


def epsilon_table(found: Found) -> Table:
    """The median r2 of samples to both networks."""
    known = {row: (number_of(found, TO_V, row), to_noise(found, row)) for row in ROWS}
    rows = [[PREDICTS_V if row == V else called(row), *both] for row, both in known.items()]
    return COLUMNS, [row for row in rows if row[2] is not None]


def named(row: str) -> str:
    """What a row is called here, within a sentence."""
    return "the first network" if row == V else called(row)


def epsilon_verdict(found: Found) -> str:
    """The differences from PCA locality and from Wiener in r2 to the network that predicts the noise."""
    told: dict[str, list[str]] = {}
    for row, base in BESIDE:
        if one := paired(found, TO_EPSILON, row, base):
            told.setdefault(called(base), []).append(f"{named(row)} {signed(one)}")
    seeds = found["scalars"].get(f"{KIND}/samples/{V}")
    each = "; ".join(f"less that of {base}: {', '.join(some)}" for base, some in told.items())
    lead = "r2 to the network that predicts the noise, seed by seed, medians of the differences"
    return f"{lead}, {each} ({seeds:.0f} seeds)" if told and seeds else "not measured"


def epsilon_together(known: Mapping[str, Found]) -> str:
    """Whether denoisers of the data come near to it, what r2 falls to, and a small table."""
    there = {title: found for title, found in known.items() if epsilon_table(found)[1]}
    if not there:
        return ""
    rows, said = [], list(_falls(there))
    for title, found in there.items():
        rows += [[f"{row}, {title}", *map(_cell, both)] for row, *both in epsilon_table(found)[1]]
        said += _beside_medians(title, found)
    table, first = markdown(COLUMNS, rows), _near(there)
    return f"{first} {''.join(f'{one}. ' for one in said)}".strip() + f"\n\n{table}"


def _both(found: Found) -> dict[str, tuple[float, float]]:
    """The medians of rows of the data: to the network that predicts v, to the one that predicts the noise."""
    both = {row: (number_of(found, TO_V, row), to_noise(found, row)) for row in DATA_ALONE}
    return {row: (v, noise) for row, (v, noise) in both.items() if v is not None and noise is not None}


def _falls(known: Mapping[str, Found]) -> Iterator[str]:
    """From where to where r2 falls: of all rows of the data, or of each where these overlap."""
    before = ""
    for title, found in known.items():
        falls = {row: (v, noise) for row, (v, noise) in _both(found).items() if noise < v}
        rows = joined(map(called, falls))
        least = min((v for v, _ in falls.values()), default=0.0)
        most = max((noise for _, noise in falls.values()), default=0.0)
        if most < least:
            whose = "it" if rows == before else f"r2 of {rows}"
            first = "" if before else " (to the network that predicts v)"
            yield f"On {title} {whose} falls from {least:.2f} or more{first} to {most:.2f} or less"
            before = rows
        elif falls:
            told = joined(f"{v:.2f} to {noise:.2f} ({called(row)})" for row, (v, noise) in falls.items())
            yield f"On {title} r2 falls from {told}"


def _near(known: Mapping[str, Found]) -> str:
    """Whether the best of them is farther from it than the worst of them is from the other network."""
    below = []
    for found in known.values():
        there = _both(found).values()
        below.append(bool(there) and max(noise for _, noise in there) < min(v for v, _ in there))
    if all(below):
        return "Not near."
    if all(map(all_farther, known.values())):
        return "Less near than to those of the network that predicts v."
    return "Not all are farther from it than from the network that predicts v."


def _beside_medians(title: str, found: Found) -> list[str]:
    """Rows of the data that have a higher median than the first network, and pairs of rows that seeds turn.

    Differences seed by seed say who is nearer, not the medians.
    """
    known = {row: r2 for row in (V, *DATA_ALONE) if (r2 := to_noise(found, row)) is not None}
    told: dict[tuple[str, int | None], list[str]] = {}
    for high, low in permutations(known, 2):
        stands = stands_to(found, TO_EPSILON, high, low)
        if known[high] > known[low] and (low == V or stands == -1):
            told.setdefault((high, stands), []).append(named(low))
    return [
        f"On {title} {named(high)} has a higher median than {joined(lows)}{TURNS[stands]}"
        for (high, stands), lows in told.items()
    ]


def epsilon_beside(known: Mapping[str, Found]) -> str:
    """Who is surely nearer to it than PCA locality and Wiener, and how many training images it reads."""
    said: list[str] = []
    for title, found in known.items():
        told: dict[str, list[str]] = {}
        for row, base in BESIDE:
            if (way := lead(found, row, base)) is not None:
                told.setdefault(f"{WORDS[way]} {called(base)}", []).append(named(row))
        said += [
            f"On {title} {joined(rows)} {'are' if len(rows) > 1 else 'is'} {stands}"
            for stands, rows in told.items()
        ]
        images = found["scalars"].get(f"{KIND}/bank/{OWN[1]}")
        said += [f"On {title} {called(OWN[1])} had {images:,.0f} training images"] if images else []
    said = [MEANT, *said] if said else []
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
    return [f"{named(row)} {r2:.2f}" for row, r2 in known.items() if r2 is not None]


def lead(found: Found, row: str, base: str = EXACT) -> int | None:
    """1, 0, -1: surely nearer to it than PCA locality or another, not told apart, surely farther."""
    one = paired(found, TO_EPSILON, row, base)
    return None if one is None else side(one)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
