"""What the pages of results say of the letter that is hidden in the data: does it show, was it learned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.eyes import levels_behind
from benchmarks.results.words.answers import Found, interval_of
from benchmarks.results.words.titles import DATA, TITLES, joined, on
from benchmarks.results.words.verdicts import AGREES, IN_PART, NOT, OPEN, judged
from locality.compare.drawing import time_of

SNR = 0.1  # of the letter, above which the paper says that it shows
SMALL = 0.5  # of Wiener's rise over the control: less is a part
PART = 0.25  # of Wiener's gain along the letter, that networks surely have where they have learned it
LEARNED = "pattern/learned_"  # numbers: the error along the letter over the control's
Ends = tuple[float, float, float]  # a number with its interval


@dataclass(frozen=True)
class Level:
    """A noise level of the comparison of patterns."""

    gamma: float
    sigma: float
    snr: float  # the letter's variance over sigma^2
    alone: float  # less the control's
    rise: float  # contrast of networks over the control's
    wiener: float  # Wiener's
    sure: bool  # the rise, by its interval
    expected: bool  # by the paper
    error: Ends | None  # of networks along the letter, over the control's; None: not measured
    floor: Ends | None  # Wiener's over its own control's
    share: Ends | None  # of Wiener's gain, that networks have; None: Wiener's is not sure

    @property
    def learned(self) -> bool:
        """Whether networks surely have a good part of Wiener's gain."""
        return self.share is not None and self.share[1] > PART


@dataclass(frozen=True)
class Strength:
    """A letter of one strength in the images of one data set."""

    title: str  # of the data set
    gamma: float
    levels: Sequence[Level]  # all that were measured
    control: Collection[float]  # the noise levels at which the control has such an SNR_W

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
        word, most = judged(self.sure, len(self.told)), self.highest
        small = most.rise - 1 < SMALL * (most.wiener - 1)
        return IN_PART if word == AGREES and (small or self.early) else word

    def line(self) -> str:
        """The verdict in words."""
        return (
            f"**{self.verdict}** {'whether' if self.verdict == OPEN else 'that'} networks look along a "
            f"hidden letter where SNR_W is above {SNR:g}: {self.title}, gamma {self.gamma:g}. "
            f"{_rise(self) if self.sure else _no_rise(self)}{_learned(self)} ([pattern](pattern.md))."
        )


def strengths(title: str, found: Found) -> list[Strength]:
    """Each strength of the letter in a data set, the weakest first, if a rise is expected of it anywhere."""
    levels = levels_of(found)
    control = {one.sigma for one in levels if not one.gamma and one.snr > SNR}
    known = [
        Strength(title, gamma, [one for one in levels if one.gamma == gamma], control)
        for gamma in sorted({one.gamma for one in levels if one.gamma})
    ]
    return [one for one in known if one.told]


def each_strength(kept: Kept) -> Iterator[Strength]:
    """Those of every data set."""
    for name in DATA:
        if name in kept.get("pattern", {}):
            yield from strengths(TITLES[name], kept["pattern"][name])


def short(kept: Kept) -> str:
    """Of each strength, strongest first: does the letter show on which data, and was it learned."""
    known: dict[float, list[Strength]] = {}
    for one in each_strength(kept):
        known.setdefault(one.gamma, []).append(one)
    said = []
    for gamma, there in sorted(known.items(), reverse=True):
        shown, hidden = [one for one in there if one.sure], [one for one in there if not one.sure]
        if shown:
            rises = joined(f"{one.highest.rise:.2f} {on([one.title])}" for one in shown)
            floors = joined(f"{one.highest.wiener:.2f}" for one in shown)
            said.append(
                f"At strength {gamma:g} the contrast of networks' fields along it is up to {rises} times "
                f"that of a network of images without it, Wiener's {floors} times"
            )
        if hidden:
            where = f" {on([one.title for one in hidden])}" if shown else ""
            none = not any(one.learned for one in hidden)
            tail = ", and networks are not shown to have learned it" if none else ""
            said.append(f"At strength {gamma:g} no rise is sure where the paper predicts one{where}{tail}")
    return f"A letter is hidden in the images. {'. '.join(said)}." if said else ""


def with_gaps(kept: Kept) -> Kept:
    """What is kept, the patterns with the noise levels at which one of their networks is behind."""
    networks, told = kept.get("networks", {}), {}
    for data, found in kept.get("pattern", {}).items():
        named = re.findall(r"pretrained/([\w.]+)", found["run"]["command"])
        gaps = [gap for name in named if name in networks for gap in levels_behind(networks[name])]
        told[data] = {**found, "behind": gaps}
    return {**kept, "pattern": told} if told else dict(kept)


def levels_of(found: Found) -> list[Level]:
    """The noise levels of each strength of the letter, the control's as 0; none where a network is behind."""
    whole = found["tables"]["pattern/contrast"]
    heads = whole["columns"]
    names = ("gamma", "sigma", "SNR_W", "SNR_W less the control's", "network / control", "Wiener / control")
    claimed = next(head for head in heads if head.startswith("SNR_W >"))
    places = [heads.index(name) for name in (*names, "above control", claimed)]
    cells = [[row[place] for place in places] for row in whole["rows"]]
    gaps = found.get("behind", ())
    return [
        Level(
            *map(number, row[:6]), *(cell == "yes" for cell in row[6:]), *_along(found, *map(number, row[:2]))
        )
        for row in cells
        if not any(low <= number(row[1]) <= high for low, high in gaps)
    ]


def _along(found: Found, gamma: float, sigma: float) -> tuple[Ends | None, Ends | None, Ends | None]:
    """The errors along the letter of networks and of Wiener over the controls', and the share of the gain."""
    place = f"gamma{gamma:g}/t{time_of(sigma):03d}"
    scalars = found.get("scalars", {})
    error, floor, share = (
        interval_of(found, f"{LEARNED}{kind}", place) if scalars else None
        for kind in ("network", "wiener", "share")
    )
    return error, floor, share


def number(cell: Any) -> float:
    """A cell's, without its interval; nothing is a 0."""
    return float(str(cell).split(" [")[0]) if cell not in (None, "") else 0.0


def _no_rise(one: Strength) -> str:
    """What is to be known where networks show no rise: whether any was to be expected of these networks."""
    own = sum(level.sigma in one.control for level in one.told)
    alone = [level for level in one.told if level.alone > SNR]
    levels = f"{own}" if own < len(one.told) else "all"
    said = [
        f"No rise over the control is sure at these {len(one.told)} noise levels. At {levels} of them the "
        "control, which has no letter, has such an SNR_W too"
    ]
    if alone:
        said.append(
            f"That of the letter alone is above {SNR:g} at {len(alone)} of them, and Wiener's contrast is "
            f"{_span([level.wiener for level in alone])} times the control's there"
        )
    return ". ".join(said) + _early(one, "A rise")


def _early(one: Strength, what: str) -> str:
    """Where a rise is sure and not expected."""
    where = joined(f"{level.sigma:g}" for level in one.early)
    return f". {what} is sure at sigma {where}, where SNR_W is lower" if where else ""


def _rise(one: Strength) -> str:
    """How sure the rise is, how large beside Wiener's, and where it is too early."""
    return (
        f"The rise over the control is sure at {one.sure} of {len(one.told)} such noise levels. It is at "
        f"most {one.highest.rise:.2f} times the control's contrast, where Wiener's is "
        f"{one.highest.wiener:.2f} times{_early(one, 'It')}"
    )


def _learned(one: Strength) -> str:
    """Whether the networks have learned the letter: their error along it, beside the control's."""
    most = one.gained
    if most is None or most.error is None or most.floor is None:
        return ""
    sure = [level for level in one.levels if level.learned]
    if sure:
        span = _span([level.share[0] for level in sure if level.share is not None])
        where = joined(f"{level.sigma:g}" for level in sure)
        return (
            f". They have learned the letter: in the error along it they have {span} of Wiener's gain at "
            f"sigma {where}"
        )
    error, floor = _ends(most.error), _ends(most.floor)
    if most.error[2] < 1:
        return (
            f". At sigma {most.sigma:g}, where Wiener gains most, their error along it is surely less than "
            f"the control's, {error} times, Wiener's {floor}: too little to say that they have learned the "
            "letter"
        )
    return (
        f". These networks are not shown to have learned the letter: at sigma {most.sigma:g}, where Wiener "
        f"gains most, their error along it is {error} times the control's, Wiener's {floor}"
    )


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.2f} to {high:.2f}" if len(values) > 1 else f"{low:.2f}"


def _ends(one: Ends) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*one)
