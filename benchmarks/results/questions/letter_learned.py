"""What the page of a hidden letter says of learning it: the gain, whose it is, and where a part is sure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.questions.letter import Strength
from benchmarks.results.questions.letter_beside import at, ends, per_cent
from benchmarks.results.questions.letter_levels import PART
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import joined

GAIN = (
    "A gain is a difference of squared errors along the letter, on the same noised images with the letter: "
    "the control's error less the network's. Wiener's gain is that of a filter of images without the letter "
    "less that of a filter of images with it. So each has a control of its own, and a share of Wiener's gain "
    f"is one gain over the other. We say that networks have learned the letter where they surely have "
    f"{100 * PART:.0f} % of Wiener's gain at the noise level at which Wiener's error falls by the largest "
    "share. Intervals are over images. Of one seed they lack what seeds differ by."
)
ABOVE = (
    "A share above 1 does not say that networks have less error along the letter than Wiener. Their control "
    "has more error than Wiener's control, and so more to gain."
)
HEADS = (
    "squared error along the letter", "at sigma", "networks / their control", "Wiener / its control",
    "their control / Wiener's control", "networks / Wiener", "networks' share of Wiener's gain",
)  # fmt: skip


def learned_in_a_word(one: Strength) -> str:
    """For a cell: `yes`, where they have surely any of it, or that it is not shown."""
    return "yes" if one.learned else f"some, at {at(one.some)}" if one.some else "not shown"


def some_learned(one: Strength) -> str:
    """That networks have surely learned some of the letter, and not so much as we ask for; after a space."""
    if one.learned or not one.some:
        return ""
    count = f"{len(one.some)} of {len(one.every)} noise levels"
    said = f" Networks have surely learned some of the letter, at {count}"
    most = one.gained
    if most is None or most.error is None or most.share is None:
        return f"{said}."
    return (
        f"{said}. At sigma {most.sigma:g}, where Wiener gains most, their error along it is "
        f"{ends(most.error)} times the control's. That is {per_cent(most.share)} of Wiener's gain. We ask "
        f"that the whole interval is above {100 * PART:.0f} % there."
    )


def gains(known: Sequence[Strength]) -> tuple[str, Table]:
    """What a gain is, and a table of errors where Wiener gains most, with a row for each strength."""
    rows, above = [], False
    for one in known:
        cells: list[str | float | None] = [None] * (len(HEADS) - 1)
        if (most := one.gained) is not None and most.error and most.floor:
            start, beside = most.control_beside, most.beside_wiener
            share = most.share[0] if most.share else None
            above |= share is not None and beside is not None and share > 1 < beside
            numbers = (most.error[0], most.floor[0], start, beside, share)
            cells = [f"{most.sigma:g}", *numbers]
        rows.append([f"{one.title}, strength {one.gamma:g}", *cells])
    said = [GAIN, *([ABOVE] if above else []), *_by_the_older_rule(known)]
    return " ".join(said), (HEADS, rows)


def _by_the_older_rule(known: Sequence[Strength]) -> list[str]:
    """Whose letter was learned by the rule of before: 25 % of Wiener's gain at any noise level."""
    others = [one for one in known if not one.learned and any(level.learned for level in one.levels)]
    names = joined(f"{one.title}, strength {one.gamma:g}" for one in others)
    told = f"By it these had learned the letter, too: {names}." if others else "It said the same here."
    return [f"This rule was changed once, when numbers were known: before, any noise level counted. {told}"]
