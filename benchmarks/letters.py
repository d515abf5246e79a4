"""What docs/results/paper.md says of the letter that is hidden in the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.answers import Found
from benchmarks.gathering import Kept
from benchmarks.titles import DATA, TITLES

SNR = 0.1  # of the letter, above which the paper says that it shows
SMALL = 0.5  # of Wiener's rise over the control: less is a part


def patterns(kept: Kept) -> Iterator[str]:
    """Whether networks look along a hidden letter where the paper says so."""
    for name in DATA:
        found = kept.get("pattern", {}).get(name)
        levels = levels_of(found) if found else []
        for gamma in sorted({one.gamma for one in levels if one.gamma}):
            control = {one.sigma for one in levels if not one.gamma and one.snr > SNR}
            told = [one for one in levels if one.gamma == gamma and one.expected]
            sure = sum(one.sure for one in told)
            if not told:
                continue
            word, what = _rise(told, sure) if sure else ("Open", _no_rise(told, control))
            yield (
                f"**{word}** {'that' if sure else 'whether'} networks look along a hidden letter where SNR_W "
                f"is above {SNR:g}: {TITLES[name]}, gamma {gamma:g}. {what} ([pattern](pattern.md))."
            )


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


def levels_of(found: Found) -> list[Level]:
    """The noise levels of each strength of the letter, the control's as 0."""
    whole = found["tables"]["pattern/contrast"]
    heads = whole["columns"]
    names = ("gamma", "sigma", "SNR_W", "SNR_W less the control's", "network / control", "Wiener / control")
    claimed = next(head for head in heads if head.startswith("SNR_W >"))
    places = [heads.index(name) for name in (*names, "above control", claimed)]
    return [
        Level(*map(number, cells[:6]), *(cell == "yes" for cell in cells[6:]))
        for cells in ([row[place] for place in places] for row in whole["rows"])
    ]


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
    return ". ".join([*said, "The paper's networks were trained for longer"])


def _rise(told: Sequence[Level], sure: int) -> tuple[str, str]:
    """How sure the rise is, and how large beside Wiener's."""
    most = max(told, key=lambda one: one.rise)
    small = most.rise - 1 < SMALL * (most.wiener - 1)
    word = judged(sure, len(told))
    return "Agrees in part" if small and word == "Agrees" else word, (
        f"The rise over the control is sure at {sure} of {len(told)} such noise levels. It is at most "
        f"{most.rise:.2f} times the control's contrast, where Wiener's is {most.wiener:.2f} times"
    )
