"""The rows of the table of docs/results/paper.md on the letter that is hidden in the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.gathering import Kept
from benchmarks.letters import Level, each_strength, patterns, verdict
from benchmarks.titles import TITLES
from benchmarks.verdicts import Judged


def letters(kept: Kept) -> Iterator[Judged]:
    """Whether networks look along a letter, for each strength and data set that has lines of its own."""
    lines = iter(patterns(kept))
    for name, gamma, levels in each_strength(kept):
        if word := verdict(levels, gamma):
            told = [one for one in levels if one.gamma == gamma and one.expected]
            yield Judged(
                f"Networks look along a hidden letter of strength {gamma:g}",
                word,
                f"{TITLES[name]}: {_number(told)}",
                ("pattern",),
                (next(lines),),
            )


def _number(told: Sequence[Level]) -> str:
    """At how many noise levels the rise is sure, and the largest beside Wiener's."""
    sure, most = sum(one.sure for one in told), max(told, key=lambda one: one.rise)
    if not sure:
        learned = "learned" if any(one.learned for one in told) else "not shown to be learned"
        return f"no sure rise at {len(told)} noise level{'s' * (len(told) > 1)}, letter {learned}"
    return (
        f"rise sure at {sure} of {len(told)} noise levels, at most {most.rise:.2f} times where Wiener has "
        f"{most.wiener:.2f}"
    )
