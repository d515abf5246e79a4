"""What the pages of results say of the letter that is hidden in the data: does it show, was it learned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.results.kept.choosing import LETTERS, WEAK
from benchmarks.results.kept.gathering import Kept, with_signed
from benchmarks.results.questions.eyes import levels_behind
from benchmarks.results.questions.letter_levels import Level, levels_of, seeds_of
from benchmarks.results.words.answers import Found
from benchmarks.results.words.titles import DATA, TITLES
from benchmarks.results.words.verdicts import AGREES, IN_PART, NOT, OPEN, judged, weaker
from locality.compare.claims import least_ratio

SNR = 0.1  # of the letter, above which the paper says that it shows


@dataclass(frozen=True)
class Strength:
    """A letter of one strength in the images of one data set."""

    title: str  # of the data set
    gamma: float
    every: Sequence[Level]  # that was measured, those left out too
    control: Collection[float]  # the noise levels at which the control has such an SNR_W
    signed: Sequence[Level] = ()  # the same as `levels` with fields of signed means, where measured
    seeds: int = 0  # of the networks; 0: not known
    images: Sequence[int] = (0, 0)  # of fields, and of fields of signed means; 0: not known
    name: str = ""  # of the data set with its kind of networks, where one asks for others

    @property
    def levels(self) -> list[Level]:
        """The levels that count: those at which all networks are ahead of Wiener."""
        return [one for one in self.every if not one.left_out]

    @property
    def left_out(self) -> list[Level]:
        """The others."""
        return [one for one in self.every if one.left_out]

    @property
    def told(self) -> list[Level]:
        """The levels at which the paper expects a rise."""
        return [one for one in self.levels if one.expected]

    @property
    def sure(self) -> int:
        """At how many of these the rise is sure."""
        return sum(one.sure for one in self.told)

    @property
    def early(self) -> list[Level]:
        """The levels at which a rise is sure and not expected."""
        return [one for one in self.levels if one.sure and not one.expected]

    @property
    def paired(self) -> list[Level]:
        """The levels at which the ratio is surely above 1, as far as seeds go, and the rise is not sure."""
        return [one for one in self.levels if one.paired and not one.sure and self._counts(one)]

    @property
    def within(self) -> list[Level]:
        """Those at which it may be a difference between seeds."""
        return [one for one in self.levels if one.paired and not self._counts(one)]

    @property
    def paired_signed(self) -> list[Level]:
        """Those of fields of signed means at which one is expected, whether the rise is sure or not."""
        return [one for one in self.signed if one.expected and one.paired and self._counts(one)]

    def _counts(self, level: Level) -> bool:
        return level.rise > least_ratio(self.seeds)

    @property
    def highest(self) -> Level:
        """The level with the largest rise of those at which one is expected."""
        return max(self.told, key=lambda one: one.rise)

    @property
    def highest_signed(self) -> Level | None:
        """The same of fields of signed means."""
        known = [one for one in self.signed if one.expected]
        return max(known, key=lambda one: one.rise, default=None)

    @property
    def small(self) -> bool:
        """Whether the largest rise is a small part of Wiener's there."""
        return weaker(self.highest.rise, self.highest.wiener)

    @property
    def small_signed(self) -> bool | None:
        """The same of fields of signed means; None where these were not measured."""
        most = self.highest_signed
        return None if most is None else weaker(most.rise, most.wiener)

    @property
    def hidden(self) -> bool:
        """Whether networks have learned the letter and their fields show little of it, however reduced."""
        return self.learned and self.small and self.small_signed is not False

    @property
    def gained(self) -> Level | None:
        """The level at which Wiener gains most along the letter, where that was measured."""
        known = [one for one in self.levels if one.floor is not None]
        return min(known, key=lambda one: one.floor or (1.0, 1.0, 1.0), default=None)

    @property
    def learned(self) -> bool:
        """Whether networks have learned the letter, by their error along it where Wiener gains most."""
        return self.gained is not None and self.gained.learned

    @property
    def some(self) -> list[Level]:
        """The levels at which they surely have learned some of it."""
        return [one for one in self.levels if one.some]

    @property
    def bounded(self) -> bool:
        """Whether the letter was learned, and fields surely show a small part of what Wiener's do there."""
        there = [one for one in (*self.told, *self.signed) if self.gained and one.sigma == self.gained.sigma]
        return self.learned and bool(there) and all(weaker(one.ratio[2], one.wiener) for one in there)

    @property
    def verdict(self) -> str:
        """How the paper's claim stands, where a rise is expected anywhere."""
        if not self.sure:
            return NOT if self.bounded else OPEN
        word = judged(self.sure, len(self.told))
        return IN_PART if word == AGREES and (self.small or self.early) else word

    @property
    def whole(self) -> Strength:
        """The same with the levels that are left out."""
        return replace(self, every=[replace(one, left_out=False) for one in self.every])


def strengths(title: str, found: Found, name: str = "") -> list[Strength]:
    """Each strength of the letter in a data set, the weakest first, if a rise is expected of it anywhere."""
    levels = levels_of(found)
    control = {one.sigma for one in levels if not one.gamma and one.snr > SNR}
    signed = [one for one in levels_of(found["signed"]) if not one.left_out] if "signed" in found else []
    seeds = seeds_of(found)
    images = [int(one.get("size", 0)) for one in (found, found.get("signed", {}))]
    known = [
        Strength(
            title, gamma, _of(gamma, levels), control, _of(gamma, signed), seeds.get(gamma, 0), images, name
        )
        for gamma in sorted({one.gamma for one in levels if one.gamma})
    ]
    return [one for one in known if one.told]


def _of(gamma: float, levels: Sequence[Level]) -> list[Level]:
    return [one for one in levels if one.gamma == gamma]


def each_strength(kept: Kept) -> Iterator[Strength]:
    """Those of every data set."""
    for name in DATA:
        if name in kept.get("pattern", {}):
            yield from strengths(TITLES[name], kept["pattern"][name], name)


def _once(kept: Kept) -> Kept:
    """What is kept, each strength once: where a weak letter was measured alone, that run has it."""
    told = dict(kept)
    for kind in LETTERS:
        known = kept.get(kind, {})
        told[kind] = {
            name: _without(seeds_of(known[again]), found) if (again := f"{name}{WEAK}") in known else found
            for name, found in known.items()
        }
    return told


def _without(gammas: Collection[float], found: Found) -> Found:
    """A record without the rows of these strengths."""

    def kept(row: Sequence[Any]) -> bool:
        return not float(row[0]) or float(row[0]) not in gammas

    tables = {
        name: {**table, "rows": list(filter(kept, table["rows"]))} for name, table in found["tables"].items()
    }
    return {**found, "tables": tables}


def with_gaps(kept: Kept) -> Kept:
    """What is kept, the patterns with the noise levels at which one of their networks is behind."""
    networks, told = {**kept.get("unshipped", {}), **kept.get("networks", {})}, {}
    for data, found in with_signed(_once(kept), "pattern").get("pattern", {}).items():
        named = re.findall(r"(?:pretrained|exports)/([\w.]+)", found["run"]["command"])
        gaps = [gap for name in named if name in networks for gap in levels_behind(networks[name])]
        told[data] = {**found, "behind": gaps}
        if "signed" in found:
            told[data]["signed"] = {**found["signed"], "behind": gaps}
    return {**kept, "pattern": told} if told else dict(kept)
