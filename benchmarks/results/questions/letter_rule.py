"""What verdicts on a hidden letter hang on: how fields are averaged, and which gain counts as learned."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.questions.letter import Strength
from benchmarks.results.questions.letter_levels import PART
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


def in_brief(known: Sequence[Strength]) -> str:
    """At how many looks some is surely learned of letters that are not called learned."""
    some = [one for one in known if one.some and not one.learned]
    if not some:
        return ""
    less = sum(len(one.some) for one in known)
    looks = sum(level.error is not None for one in known for level in one.every)
    seed = ", one seed each" if all(one.seeds == 1 for one in known) else ""
    shown = any(level.sure for one in some for level in one.some)
    field = "" if shown else ". No field surely shows it there"
    where = on([one.title for one in some])
    return f"Some of it is surely learned {where} ({less} of {looks} looks{seed}){field}"
