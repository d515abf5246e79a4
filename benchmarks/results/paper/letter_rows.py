"""The rows of the table of docs/results/paper.md on the letter that is hidden in the data."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.letter import SNR, Strength, each_strength
from benchmarks.results.questions.letter_beside import ends, per_cent
from benchmarks.results.questions.letter_rule import signs_in_short
from benchmarks.results.questions.letter_words import line
from benchmarks.results.words.verdicts import Judged


def letters(kept: Kept) -> Iterator[Judged]:
    """Whether networks look along a letter, for each strength and data set."""
    for one in each_strength(kept):
        yield Judged(
            f"Networks look along a hidden letter of strength {one.gamma:g}", one.verdict,
            f"{one.title}: {_number(one)}", ("pattern",), (line(one),),
        )  # fmt: skip


def _number(one: Strength) -> str:
    """At how many such noise levels the rise is sure, and the largest beside Wiener's."""
    most = one.highest
    sure = f"rise sure at {one.sure} of {len(one.told)} noise levels with SNR_W above {SNR:g}"
    if not one.sure:
        pairs = f", in paired intervals alone at {len(one.paired)}" if one.paired else ""
        return f"{sure}{pairs}, letter {'learned' if one.learned else 'not shown to be learned'}{_most(one)}"
    weak = ", weaker" if one.small else ""
    return (
        f"{sure}, at most {most.rise:.2f} times where Wiener has {most.wiener:.2f}{weak}{signs_in_short(one)}"
    )


def _most(one: Strength) -> str:
    """What was learned where Wiener gains most, and what fields have there."""
    most = one.gained
    if most is None or most.share is None:
        return ""
    return (
        f" ({per_cent(most.share)} of Wiener's gain at sigma {most.sigma:g}, where fields have "
        f"{ends(most.ratio)} times the control's contrast and Wiener {most.wiener:.2f})"
    )
