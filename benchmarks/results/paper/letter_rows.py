"""The rows of the table of docs/results/paper.md on the letter that is hidden in the data."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.letter import SNR, Strength, each_strength
from benchmarks.results.questions.letter_beside import left_out_in_short
from benchmarks.results.questions.letter_rule import learned_in_part, signs_in_short
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
        learned = "learned" if one.learned else "not shown to be learned"
        pairs = f", in paired intervals alone at {len(one.paired)}" if one.paired else ""
        part = (
            f", error along it surely less than the control's {said}"
            if (said := learned_in_part(one))
            else ""
        )
        return f"{sure}{pairs}, letter {learned}{part}{left_out_in_short(one)}"
    weak = ", weaker" if one.small else ""
    return (
        f"{sure}, at most {most.rise:.2f} times where Wiener has {most.wiener:.2f}{weak}"
        f"{signs_in_short(one)}{left_out_in_short(one)}"
    )
