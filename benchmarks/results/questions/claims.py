"""What the front page and the page on the paper both count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

from benchmarks.results.questions.eyes import (
    AIM,
    CONTROL,
    COVARIANCE,
    EYE,
    networks_of,
    sees,
    undecided,
    who_sees,
)
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    Found,
    interval_of,
    is_middle,
    listed,
    number_of,
    side,
    steps,
)
from benchmarks.results.words.titles import DATA, TITLES, called, joined, on, spelled
from benchmarks.results.words.verdicts import weaker

OF_DATA = (FLOOR, EXACT)  # rows of comparisons of fields that are made of the covariance
WORDS = {1: "ahead of", 0: "level with", -1: "behind"}


def standing(
    tables: Mapping[str, Found], row: str, base: str, section: str = "paper"
) -> dict[int, list[str]]:
    """1, 0, -1 -> the data on which a row is ahead of another, level with it or behind, seed by seed.

    By the interval of the median of the differences in r2 of samples to the network.
    """
    sorts: dict[int, list[str]] = {way: [] for way in WORDS}
    for name in DATA:
        known = interval_of(tables[name], f"{section}/median_r2_over_{base}", row) if name in tables else None
        if known is not None:
            sorts[side(known)].append(TITLES[name])
    return {way: names for way, names in sorts.items() if names}


def standing_to(tables: Mapping[str, Found], rival: str, section: str = "paper") -> dict[int, list[str]]:
    """How PCA locality stands to a rival: the numbers are of the rival over PCA locality."""
    turned = standing(tables, rival, EXACT, section)
    return {way: turned[-way] for way in WORDS if -way in turned}


def stands(sorts: Mapping[int, list[str]], rival: str, sure: str = "") -> str:
    """`ahead of Wiener on A; level with Wiener on B`; a word before those that are not level."""
    return "; ".join(f"{sure * bool(way)}{WORDS[way]} {rival} {on(names)}" for way, names in sorts.items())


def but_medians(tables: Mapping[str, Found], row: str, base: str, sorts: Mapping[int, list[str]]) -> str:
    """Where a row is ahead seed by seed, and the other has the higher median; or behind, and the lower."""
    for way, (higher, lower) in ((1, (base, row)), (-1, (row, base))):
        told = [
            f"on {TITLES[name]} ({_median(found, higher):.3f}, {_median(found, lower):.3f})"
            for name, found in tables.items()
            if TITLES[name] in sorts.get(way, ()) and _median(found, higher) > _median(found, lower)
        ]
        if told:
            return f". {called(higher)} has the higher median r2 all the same {joined(told)}"
    return ""


def _median(found: Found, row: str) -> float:
    value = number_of(found, "paper/median_r2", row)
    return nan if value is None else value


@dataclass(frozen=True)
class Eyes:
    """Whose field has the second spot on the other eye."""

    networks: list[str]  # of faces
    seen: list[str]  # those that have it at a middle noise level, and there surely more than any control
    others: list[str]  # networks of other data: the controls
    fooled: list[str]  # those of the controls that have it at a middle noise level
    made: list[str]  # denoisers that are made of the covariance and have it
    given: list[str]  # networks that are given the covariance, and do not count
    unsure: dict[str, list[int]]  # networks -> time-steps at which the control may have as much

    @classmethod
    def of(cls, found: Found) -> Eyes:
        """From the numbers of a run."""
        spots, without = who_sees(found)
        names = sorted(spots | without)
        others = [name for name in names if CONTROL.search(name)]
        networks = networks_of(found)
        seen = [name for name in networks if name in spots]
        fooled = [name for name in others if _at_middle(found, name)]
        unsure = {name: times for name in networks if (times := undecided(found, name))}
        made = [name for name in OF_DATA if name in spots]
        apart = (*OF_DATA, *others)
        given = [name for name in names if COVARIANCE.search(name) and name not in apart]
        return cls(networks, seen, others, fooled, made, given, unsure)

    def trained(self) -> str:
        """What the controls were trained on, where their names say so."""
        names = [called(name) for name in self.others if called(name) != name]
        return f"trained on other images{f' ({joined(names)})' if names else ''}"

    def counted(self) -> str:
        """How many look where the covariance has an eye's twin."""
        return f"{len(self.seen)} of {len(self.networks)} networks of cats that are not given the covariance"

    def some(self) -> str:
        """`all five`, `both` or `three of five`: how many look there."""
        seen, of = len(self.seen), len(self.networks)
        if seen < of or of < 2:
            return f"{spelled(seen) if seen else 'none'} of {spelled(of)}"
        return "both" if of == 2 else f"all {spelled(of)}"

    def beside_wiener(self, found: Found) -> tuple[float, dict[str, float]] | None:
        """At a level at which all that have the spot have it: Wiener's ratio, and those that are weaker."""
        t = self.shared(found)
        ratios = {name: steps(found, f"mirror/ratio/{EYE}/{name}/") for name in (FLOOR, *self.seen)}
        if t is None or t not in ratios[FLOOR]:
            return None
        floor = ratios.pop(FLOOR)[t]
        return floor, {name: one[t] for name, one in ratios.items() if weaker(one[t], floor)}

    def weaker(self, found: Found) -> str:
        """`3 of 5 networks are weaker: 4.9 to 5.9 times the ring's ...`, or nothing."""
        known, t = self.beside_wiener(found), self.shared(found)
        if known is None or t is None or not known[1]:
            return ""
        floor, some = known
        span = " to ".join(f"{value:.1f}" for value in sorted({min(some.values()), max(some.values())}))
        verb = "are" if len(some) > 1 else "is"
        return (
            f"{len(some)} of {len(self.seen)} {verb} weaker: {span} times as much there as on the ring "
            f"around it at sigma {listed([t])}, where Wiener has {floor:.1f}"
        )

    def shared(self, found: Found) -> int | None:
        """A middle time-step at which all that have the spot surely have it; the middle one of these."""
        times = [set(filter(is_middle, sees(found, EYE, name))) for name in self.seen]
        both = sorted(set.intersection(*times)) if times else []
        return both[len(both) // 2] if both else None


def _at_middle(found: Found, name: str) -> bool:
    """Whether a ratio is surely above the aim at a middle noise level, whatever others have."""
    low = steps(found, f"mirror/ratio_low/{EYE}/{name}/")
    return any(is_middle(t) and value >= AIM for t, value in low.items())
