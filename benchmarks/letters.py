"""What docs/results/paper.md says of the letter that is hidden in the data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.answers import Found, interval_of
from benchmarks.eye_answers import levels_behind
from benchmarks.gathering import Kept
from benchmarks.titles import DATA, TITLES, joined, on
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


def patterns(kept: Kept) -> Iterator[str]:
    """Whether networks look along a hidden letter where the paper says so, and have learned it."""
    for name, gamma, levels in each_strength(kept):
        told = [one for one in levels if one.gamma == gamma and one.expected]
        if not told:
            continue
        own = [one for one in levels if one.gamma == gamma]
        sure, early = sum(one.sure for one in told), [one for one in own if one.sure and not one.expected]
        control = {one.sigma for one in levels if not one.gamma and one.snr > SNR}
        word = verdict(levels, gamma)
        what = _rise(told, sure, early)[1] if sure else _no_rise(told, control)
        yield (
            f"**{word}** {'whether' if word == 'Open' else 'that'} networks look along a hidden letter where "
            f"SNR_W is above {SNR:g}: {TITLES[name]}, gamma {gamma:g}. {what}{_learned(own)} "
            "([pattern](pattern.md))."
        )


def verdict(levels: Sequence[Level], gamma: float) -> str:
    """How the claim stands for a letter of this strength; empty where nothing is expected of it."""
    own = [one for one in levels if one.gamma == gamma]
    told = [one for one in own if one.expected]
    sure = sum(one.sure for one in told)
    if not sure:
        return "" if not told else "Does not agree" if any(one.learned for one in told) else "Open"
    return _rise(told, sure, [one for one in own if one.sure and not one.expected])[0]


def short(kept: Kept) -> str:
    """Of each strength, strongest first: does the letter show on which data, and was it learned."""
    strengths: dict[float, list[tuple[str, Level, bool, bool]]] = {}
    for name, gamma, levels in each_strength(kept):
        told = [one for one in levels if one.gamma == gamma and one.expected]
        if told:
            most, sure = max(told, key=lambda one: one.rise), any(one.sure for one in told)
            learned = any(one.learned for one in levels if one.gamma == gamma)
            strengths.setdefault(gamma, []).append((TITLES[name], most, sure, learned))
    said = []
    for gamma, there in sorted(strengths.items(), reverse=True):
        shown = [one for one in there if one[2]]
        if shown:
            rises = joined(f"{most.rise:.2f} {on([title])}" for title, most, _, _ in shown)
            floors = joined(f"{most.wiener:.2f}" for _, most, _, _ in shown)
            said.append(
                f"At strength {gamma:g} the contrast of networks' fields along it is up to {rises} times "
                f"that of a network of images without it, Wiener's {floors} times"
            )
        if len(shown) < len(there):
            where = "" if not shown else f" {on([title for title, _, sure, _ in there if not sure])}"
            none = not any(learned for _, _, sure, learned in there if not sure)
            tail = ", and networks are not shown to have learned it" if none else ""
            said.append(f"At strength {gamma:g} no rise is sure{where}{tail}")
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


def along(levels: Sequence[Level]) -> Level | None:
    """The noise level at which Wiener gains most along the letter, where that was measured."""
    known = [one for one in levels if one.floor is not None]
    return min(known, key=lambda one: one.floor or (1.0, 1.0, 1.0), default=None)


def _along(found: Found, gamma: float, sigma: float) -> tuple[Ends | None, Ends | None, Ends | None]:
    """The errors along the letter of networks and of Wiener over the controls', and the share of the gain."""
    place = f"gamma{gamma:g}/t{time_of(sigma):03d}"
    scalars = found.get("scalars", {})
    error, floor, share = (
        interval_of(found, f"{LEARNED}{kind}", place) if scalars else None
        for kind in ("network", "wiener", "share")
    )
    return error, floor, share


def _names(kept: Kept) -> list[str]:
    return [name for name in DATA if name in kept.get("pattern", {})]


def each_strength(kept: Kept) -> Iterator[tuple[str, float, list[Level]]]:
    """Each data set, each strength that has a letter, and all levels of the data set."""
    for name in _names(kept):
        levels = levels_of(kept["pattern"][name])
        for gamma in sorted({one.gamma for one in levels if one.gamma}):
            yield name, gamma, levels


def number(cell: Any) -> float:
    """A cell's, without its interval; nothing is a 0."""
    return float(str(cell).split(" [")[0]) if cell not in (None, "") else 0.0


def judged(yes: int, of: int) -> str:
    """The word for so many of some that are as the paper says."""
    return "Agrees" if yes == of else "Does not agree" if yes == 0 else "Agrees in part"


def _no_rise(told: Sequence[Level], control: set[float]) -> str:
    """What is to be known where networks show no rise: whether any was to be expected of these networks."""
    own = sum(one.sigma in control for one in told)
    alone = [one for one in told if one.alone > SNR]
    shown = [one.wiener for one in alone]
    levels = f"{own}" if own < len(told) else "all"
    said = [
        f"No rise over the control is sure at these {len(told)} noise levels. At {levels} of them the "
        "control, which has no letter, has such an SNR_W too"
    ]
    if alone:
        low, high = min(shown), max(shown)
        span = f"{low:.2f} to {high:.2f}" if len(alone) > 1 else f"{low:.2f}"
        said.append(
            f"That of the letter alone is above {SNR:g} at {len(alone)} of them, and Wiener's contrast is "
            f"{span} times the control's there"
        )
    return ". ".join(said)


def _rise(told: Sequence[Level], sure: int, early: Sequence[Level]) -> tuple[str, str]:
    """How sure the rise is, how large beside Wiener's, and where it is too early."""
    most = max(told, key=lambda one: one.rise)
    small = most.rise - 1 < SMALL * (most.wiener - 1)
    word = judged(sure, len(told))
    said = (
        f"The rise over the control is sure at {sure} of {len(told)} such noise levels. It is at most "
        f"{most.rise:.2f} times the control's contrast, where Wiener's is {most.wiener:.2f} times"
    )
    if early:
        said += (
            f". It is sure at sigma {joined(f'{one.sigma:g}' for one in early)}, too, where SNR_W is lower"
        )
    return "Agrees in part" if (small or early) and word == "Agrees" else word, said


def _learned(own: Sequence[Level]) -> str:
    """Whether the networks have learned the letter: their error along it, beside the control's."""
    most = along(own)
    if most is None or most.error is None or most.floor is None:
        return ""
    sure = [one for one in own if one.learned and one.share is not None]
    if sure:
        shares = [one.share[0] for one in sure if one.share is not None]
        span = f"{min(shares):.2f} to {max(shares):.2f}" if len(shares) > 1 else f"{shares[0]:.2f}"
        where = joined(f"{one.sigma:g}" for one in sure)
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


def _ends(one: Ends) -> str:
    return "{:.2f} [{:.2f}, {:.2f}]".format(*one)
