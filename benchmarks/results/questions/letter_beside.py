"""What the pages of results say beside the sure rises of a letter: small ones, one seed, levels left out."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.questions.eyes import LEFT_OUT
from benchmarks.results.questions.letter import SNR, Strength
from benchmarks.results.questions.letter_levels import Ends, Level
from benchmarks.results.words.titles import joined
from locality.compare.claims import BETWEEN_SEEDS


def beside_the_rise(one: Strength) -> str:
    """What is to be known before the count of sure rises is believed; each sentence after a space."""
    said = (_paired(one), _signed(one), _one_seed(one), _left_out(one))
    return "".join(f" {some}" for some in said if some)


def left_out_as_expected(one: Strength) -> str:
    """Of levels left out at which a rise is expected, at how many it is sure; for a cell."""
    there, _ = _split(one.left_out)
    return f" (left out: {_of(there)})" if there else ""


def _paired(one: Strength) -> str:
    """Where the paired interval alone says that there is a rise, and how large it is beside Wiener's."""
    some = one.paired
    if not some:
        return ""
    like = sum(level.like_wiener for level in some)
    rises, wieners = (_each(some, key) for key in ("rise", "wiener"))
    small = "Small rises: the" if max(level.rise for level in some) <= BETWEEN_SEEDS else "The"
    size = f"Wiener's {wieners}, inside the interval at {like} of {len(some)}"
    if like == len(some):
        size = f"This is about Wiener's size: {wieners}, inside the interval{' each time' * (like > 1)}"
    return f"{small} paired interval alone is above 1 at {at(some)} ({rises} times). {size}."


def _signed(one: Strength) -> str:
    """The same of fields of signed means, where no rise of the others is sure."""
    up, down = ([x for x in one.signed if getattr(x, way)] for way in ("paired", "falls"))
    if one.sure or not one.signed:
        return ""
    start = "Where derivatives keep their signs, the paired interval is above 1 at"
    said = [f"{start} {at(up) if up else 'no noise level'}"]
    if up:
        rises, wieners = (span([getattr(x, key) for x in up]) for key in ("rise", "wiener"))
        said[0] += f" ({rises} times, Wiener's {wieners})"
        said.append(f"A rise is sure at {sum(x.sure for x in up) or 'none'} of these")
    if down:
        said.append(f"The interval is below 1 at {at(down)} ({span([x.rise for x in down])} times)")
    return f"{'. '.join(said)}."


def _one_seed(one: Strength) -> str:
    """What one seed cannot say."""
    if one.seeds != 1:
        return ""
    if small := one.within:
        return (
            f"Paired intervals are above 1 at {at(small)}, too ({span([level.rise for level in small])} "
            "times). This is one seed: such rises are not told from a difference between seeds."
        )
    return "This is one seed: differences between seeds are not in the intervals." if one.sure else ""


def _left_out(one: Strength) -> str:
    """The noise levels left out, what they would show, and whether the verdict would be another."""
    if not one.left_out:
        return ""
    there, others = _split(one.left_out)
    said = [f"{LEFT_OUT}: {at(one.left_out)}"]
    if there:
        said.append(f"SNR_W is above {SNR:g} at {len(there)} of these, and a rise is sure at {_of(there)}")
    if others:
        rises = [level for level in others if level.sure]
        spans = (span([getattr(x, key) for x in rises]) for key in ("rise", "wiener")) if rises else ()
        told = " ({} times, Wiener's {})".format(*spans) if rises else ""
        said.append(f"SNR_W is lower at {len(others)}, and a rise is sure at {_of(others)}{told}")
    if others and any(level.sure for level in others):
        said.append("There the claim has none")
    word = one.whole.verdict
    same = "With them the verdict is the same"
    said.append(same if word == one.verdict else f"With them the verdict would be: {word.lower()}")
    return f"{'. '.join(said)}."


def _split(levels: Sequence[Level]) -> tuple[list[Level], list[Level]]:
    """Those at which the claim has a rise, and the others."""
    return [x for x in levels if x.expected], [x for x in levels if not x.expected]


def _of(levels: Sequence[Level]) -> str:
    return f"{sum(level.sure for level in levels)} of {len(levels)}"


def _each(levels: Sequence[Level], key: str) -> str:
    return joined(f"{getattr(level, key):.2f}" for level in levels)


def at(levels: Sequence[Level]) -> str:
    """`sigma 3 and 2`."""
    return f"sigma {joined(f'{level.sigma:g}' for level in levels)}"


def span(values: Sequence[float]) -> str:
    """The least and the most."""
    return " to ".join(dict.fromkeys(f"{value:.2f}" for value in (min(values), max(values))))


def ends(one: Ends) -> str:
    """A number with its interval."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(*one)


def per_cent(share: Ends) -> str:
    """A share with its interval, in per cent."""
    return "{:.0f} % [{:.0f}, {:.0f}]".format(*(100 * one for one in share))
