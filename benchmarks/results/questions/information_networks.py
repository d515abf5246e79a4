"""What the page on the posterior's entropy says of errors to networks' estimates: how often a share fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results.words.answers import Found
from benchmarks.results.words.shares import CLEAN, FAILS, FEW, LOOKS, YOUNG, Measured, little, measured
from benchmarks.results.words.titles import joined, on


@dataclass(frozen=True)
class Tally:
    """Of how many networks one share fails, and how many of their cells cost too much."""

    fails: int
    networks: int
    dear: int
    cells: int

    @classmethod
    def of(cls, every: Sequence[Measured]) -> Tally:
        """Of those whose predictions were measured."""
        some = [one for one in every if one.costs]
        return cls(
            sum(one.word == FAILS for one in some), len(some),
            sum(one.dear for one in some), sum(len(one.costs) for one in some),
        )  # fmt: skip

    @property
    def mostly(self) -> bool:
        """Whether one share fails with more than half of them."""
        return 2 * self.fails > self.networks


def against(run: Found, look: str) -> list[Measured]:
    """The shares by errors to networks' estimates, by what shows how far they look."""
    return [one for one in measured(run) if one.target != CLEAN and one.where.split("/")[0] == look]


def tallies(known: Mapping[str, Found]) -> dict[str, Tally]:
    """Windows and Wiener masks, each over the networks of all data sets; without what was not measured."""
    every = {
        look: Tally.of([one for run in known.values() for one in against(run, key)])
        for key, look in LOOKS.items()
    }
    return {look: one for look, one in every.items() if one.networks}


def told_apart(known: Mapping[str, Found]) -> Iterator[str]:
    """With how many networks one share fails: windows and masks are counted apart."""
    counts = [
        f"{look} with {one.fails} of {one.networks}{' networks' * (k == 0)}"
        for k, (look, one) in enumerate(tallies(known).items())
    ]
    if counts:
        yield f"against networks it fails for {joined(counts, 'and for')}"


def the_rule(known: Mapping[str, Found]) -> Iterator[str]:
    """What fails, what the per cent are of, and beside what that is strict."""
    if tallies(known):
        yield f"it fails where extra error is above {little()} in more than one of {FEW} cells"
        yield (
            f"the {little()} are of an error to clean images, or of a squared distance to a network. The "
            "first has a part in it that no denoiser can remove, and the second has not"
        )
        yield "so the rule is stricter against networks"


def in_cells(known: Mapping[str, Found]) -> dict[str, list[str]]:
    """Of each data set: networks with which one share fails, and cells above; windows, then masks."""
    told = {}
    for title, run in known.items():
        pair = [Tally.of(against(run, look)) for look in LOOKS]
        fails = [f"{one.fails} of {one.networks}" if one.networks else "-" for one in pair]
        dear = [f"{one.dear} of {one.cells}" if one.cells else "-" for one in pair]
        told[title] = [", ".join(fails), ", ".join(dear)]
    return told


def without_young(known: Mapping[str, Found]) -> Iterator[str]:
    """The same without networks early in training, on data that have some."""
    for title, run in known.items():
        every = {look: against(run, key) for key, look in LOOKS.items()}
        young = {one.target for some in every.values() for one in some if YOUNG.match(one.target)}
        grown = {
            look: Tally.of([one for one in some if one.target not in young]) for look, some in every.items()
        }
        counts = [
            f"{look} with {one.fails} of {one.networks} ({one.dear} of {one.cells} cells above {little()})"
            for look, one in grown.items()
            if one.networks
        ]
        if young and counts:
            goes = joined(f"{count:,}" for count in sorted(int(YOUNG.sub(r"\1", one)) for one in young))
            yield (
                f"without networks early in training (after {goes} steps) it fails {on([title])} for "
                f"{joined(counts, 'and for')}"
            )
