"""What verdicts on a hidden letter hang on: how fields are averaged, and which gain counts as learned."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.questions.letter import Strength
from benchmarks.results.questions.letter_beside import per_cent
from benchmarks.results.questions.letter_levels import PART, Ends, Level
from benchmarks.results.words.titles import joined, on
from benchmarks.results.words.verdicts import AGREES, judged

RULE = (
    f"where Wiener gains most along it they do not surely have {100 * PART:.0f} % of that gain, which is our "
    "rule"
)


def signs_in_short(one: Strength) -> str:
    """The largest rise with signs kept, and whether the verdict hangs on which fields are taken."""
    most, signed = one.highest, one.highest_signed
    if signed is None or not one.sure:
        return ""
    small = one.small_signed
    told = f"; with signs kept {signed.rise:.2f} where Wiener has {signed.wiener:.2f}"
    told += ", weaker" if small else ", not weaker" if one.small else ""
    if small == one.small or one.early or judged(one.sure, len(one.told)) != AGREES:
        return told
    shares = joined(f"{100 * (level.rise - 1) / (level.wiener - 1):.0f} %" for level in (most, signed))
    return f"{told}: the verdict hangs on this choice, which is ours ({shares} of Wiener's rise)"


def learned_in_part(one: Strength) -> str:
    """Where some of a letter is surely learned, of how many looks, and where the error along it is more."""
    less = one.some
    if one.learned or not less:
        return ""
    looks = looks_at(one)
    more = sum(error[1] > 1 for error in looks)
    lead = f"at {_at(less)}, {len(less)} of {len(looks)} noise levels"
    return f"{lead}, and surely more at {more}" if more else lead


def looks_at(one: Strength) -> list[Ends]:
    """The error along the letter at every noise level at which it was measured, those left out too."""
    return [level.error for level in one.every if level.error is not None]


def in_brief(known: Sequence[Strength]) -> str:
    """The same in short, of letters that are not called learned."""
    some = [one for one in known if learned_in_part(one)]
    if not some:
        return ""
    less, looks = sum(len(one.some) for one in known), sum(len(looks_at(one)) for one in known)
    seed = ", one seed each" if all(one.seeds == 1 for one in known) else ""
    shown = any(level.sure for one in some for level in one.some)
    field = "" if shown else ". No field surely shows it there"
    where = on([one.title for one in some])
    return f"Some of it is surely learned {where} ({less} of {looks} looks{seed}){field}"


def _at(levels: Sequence[Level]) -> str:
    """`sigma 0.7 and 0.3 (35 % [22, 68] of Wiener's gain)`, the share where Wiener's gain is sure."""
    shares = [f" ({per_cent(level.share)} of Wiener's gain)" if level.share else "" for level in levels]
    told = joined(f"{level.sigma:g}{share}" for level, share in zip(levels, shares, strict=True))
    return f"sigma {told}"
