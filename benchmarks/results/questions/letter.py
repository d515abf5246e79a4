"""What the pages of results say of the letter that is hidden in the data: does it show, was it learned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.results.kept.gathering import SIGNED, Kept
from benchmarks.results.questions.eyes import levels_behind
from benchmarks.results.questions.letter_levels import Level, levels_of
from benchmarks.results.words.answers import Found
from benchmarks.results.words.titles import DATA, TITLES
from benchmarks.results.words.verdicts import AGREES, IN_PART, NOT, OPEN, judged

SNR = 0.1  # of the letter, above which the paper says that it shows

SMALL = 0.5  # of Wiener's rise over the control: less is a part


@dataclass(frozen=True)
class Strength:
    """A letter of one strength in the images of one data set."""

    title: str  # of the data set
    gamma: float
    levels: Sequence[Level]  # all that were measured
    control: Collection[float]  # the noise levels at which the control has such an SNR_W
    signed: Sequence[Level] = ()  # the same with fields of signed means, where they were measured
    name: str = ""  # of the data set with its kind of networks, where one asks for others

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
        return self.highest.rise - 1 < SMALL * (self.highest.wiener - 1)

    @property
    def hidden(self) -> bool:
        """Whether networks have learned the letter and their fields show little of it, however reduced."""
        most = self.highest_signed
        signed = most is None or most.rise - 1 < SMALL * (most.wiener - 1)
        return self.learned and self.small and signed

    @property
    def gained(self) -> Level | None:
        """The level at which Wiener gains most along the letter, where that was measured."""
        known = [one for one in self.levels if one.floor is not None]
        return min(known, key=lambda one: one.floor or (1.0, 1.0, 1.0), default=None)

    @property
    def learned(self) -> bool:
        """Whether networks have learned the letter, by their error along it at any level."""
        return any(one.learned for one in self.levels)

    @property
    def verdict(self) -> str:
        """How the paper's claim stands, where a rise is expected anywhere."""
        if not self.sure:
            return NOT if any(one.learned for one in self.told) else OPEN
        word = judged(self.sure, len(self.told))
        return IN_PART if word == AGREES and (self.small or self.early) else word


def strengths(title: str, found: Found, name: str = "") -> list[Strength]:
    """Each strength of the letter in a data set, the weakest first, if a rise is expected of it anywhere."""
    levels = levels_of(found)
    control = {one.sigma for one in levels if not one.gamma and one.snr > SNR}
    signed = levels_of(found["signed"]) if "signed" in found else []
    known = [
        Strength(title, gamma, _of(gamma, levels), control, _of(gamma, signed), name)
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


def with_gaps(kept: Kept) -> Kept:
    """What is kept, the patterns with the noise levels at which one of their networks is behind."""
    networks, told = {**kept.get("unshipped", {}), **kept.get("networks", {})}, {}
    for data, found in kept.get("pattern", {}).items():
        named = re.findall(r"(?:pretrained|exports)/([\w.]+)", found["run"]["command"])
        gaps = [gap for name in named if name in networks for gap in levels_behind(networks[name])]
        told[data] = {**found, "behind": gaps}
        if signed := kept.get(SIGNED, {}).get(data):
            told[data]["signed"] = {**signed, "behind": gaps}
    return {**kept, "pattern": told} if told else dict(kept)
