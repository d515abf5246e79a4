"""What the pages of results say of the letter that is hidden in the data, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.results.kept.choosing import ENDS
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.letter import SNR, Strength, each_strength
from benchmarks.results.questions.letter_beside import at, beside_the_rise, ends, span
from benchmarks.results.questions.letter_levels import PART, Level
from benchmarks.results.words.answers import apart
from benchmarks.results.words.titles import in_networks, joined, on
from benchmarks.results.words.verdicts import NOT, OPEN
from locality.compare.claims import BETWEEN_SEEDS

ORDER = PLAIN, WEAK, PAIRED, LEARNED, HIDDEN = (
    "yes on", "weaker on", "in paired intervals alone on", "learned and not shown on", "not shown on",
)  # fmt: skip
RULE = (
    "A rise is called sure where two things hold. The whole interval of the ratio on the same images is "
    "above 1 (the paired interval). And the networks' contrast is above the upper end of the control's own "
    f"interval. With one seed a third is asked: the ratio is above {BETWEEN_SEEDS:g}. No interval has what "
    "seeds differ by. Where no rise is sure, a claim does not agree if networks have learned the letter and "
    "the upper ends of their ratios, signs kept or not, have less than half of Wiener's rise. Else it is "
    "open."
)


def line(one: Strength) -> str:
    """The verdict in words."""
    said = (
        f"**{one.verdict}** {'whether' if one.verdict == OPEN else 'that'} networks look along a "
        f"hidden letter where SNR_W is above {SNR:g}: {one.title}, gamma {one.gamma:g}. "
        f"{_rise(one) if one.sure else _no_rise(one)}{_learned(one)}.{beside_the_rise(one)}"
    )
    return f"{said.removesuffix('.')} ([pattern](pattern.md))."


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
                f"that of a network of images without it, where Wiener's is {floors} times"
            )
        if hidden:
            where = f" {on([one.title for one in hidden])}" if shown else ""
            none = not any(one.learned for one in hidden)
            more = "more than some of it" if any(one.some for one in hidden) else "it"
            tail = f", and networks are not shown to have learned {more}" if none else ""
            said.append(f"At strength {gamma:g} no rise is sure where the paper predicts one{where}{tail}")
            said += [
                f"The paired interval alone is above 1 {on([one.title])}: {_in_pairs(one)}"
                for one in hidden
                if one.paired
            ]
    return f"A letter is hidden in the images. {'. '.join(said)}." if said else ""


def in_words(known: Sequence[Strength]) -> Iterator[str]:
    """The shortest answer for each strength, strongest first: yes, weakly or not shown, on which data."""
    for gamma in sorted({one.gamma for one in known}, reverse=True):
        told: dict[str, list[str]] = {}
        for one in (some for some in known if some.gamma == gamma):
            rise, floor = one.highest.rise, one.highest.wiener
            numbers = f"{one.title} ({rise:.1f} times the control; Wiener {floor:.1f}{by_measure(one)})"
            if one.sure:
                told.setdefault(WEAK if one.small else PLAIN, []).append(numbers)
            elif one.verdict == NOT:
                small = f"{rise:.2f} times the control; Wiener {floor:.2f}{by_measure(one)}"
                told.setdefault(LEARNED, []).append(f"{one.title} ({small})")
            elif one.paired:
                told.setdefault(PAIRED, []).append(f"{one.title} ({_in_pairs(one)})")
            else:
                told.setdefault(HIDDEN, []).append(f"{one.title}{_signed_in_pairs(one)}")
        said = [f"{word} {joined(told[word])}" for word in ORDER if word in told]
        yield f"At strength {gamma:g}: {', '.join(said)}."


def by_measure(one: Strength) -> str:
    """That the word `weaker` hangs on the measure of fields, where it does, with the other's numbers."""
    most = one.highest_signed
    if most is None or one.small_signed == one.small:
        return ""
    told = "not weaker" if one.small else "weaker"
    return f"; {told} with signs kept: {most.rise:.1f}, Wiener {most.wiener:.1f}"


def highest(one: Strength, signed: bool = False) -> str:
    """The largest rise, Wiener's there, of how many images, and whether it is weaker; or a dash."""
    most, images = one.highest_signed if signed else one.highest, one.images[signed]
    if most is None:
        return "-"
    small = one.sure and (one.small_signed if signed else one.small)
    return f"{most.rise:.2f}, {most.wiener:.2f}{f' ({images})' if images else ''}{', weaker' * bool(small)}"


def _in_pairs(one: Strength) -> str:
    """How large the rises are that only paired intervals show."""
    rises, wieners = (span([getattr(level, key) for level in one.paired]) for key in ("rise", "wiener"))
    seed = "; one seed" if one.seeds == 1 else ""
    return f"{rises} times the control, at {at(one.paired)}; Wiener {wieners}{seed}"


def _signed_in_pairs(one: Strength) -> str:
    """Where fields of signed means show in paired intervals what others do not."""
    up = one.paired_signed
    if not up:
        return ""
    rises, wieners = (span([getattr(level, key) for level in up]) for key in ("rise", "wiener"))
    return (
        f" (with signs kept, in paired intervals: {rises} times the control, at {at(up)}; Wiener {wieners})"
    )


def against(one: Strength) -> str:
    """Where networks have learned a letter and their fields show a small part of what Wiener's do: that."""
    surest = min((level for level in one.levels if level.learned), key=_error, default=None)
    if not one.hidden or surest is None:
        return ""
    return (
        f"Against the claim: {on([one.title])} at strength {one.gamma:g} networks have learned the letter. "
        f"Their error along it is down to {_error(surest):.2f} times the control's. The contrast of their "
        f"fields along it is at most {one.highest.rise:.2f} times the control's, where Wiener's is "
        f"{one.highest.wiener:.2f} times.{signed_told(one)}"
    )


def signed_told(one: Strength) -> str:
    """The largest rise of fields of signed means, beside Wiener's."""
    most = one.highest_signed
    if most is None:
        return ""
    return (
        f" Where derivatives keep their signs in the mean over images, it is at most {most.rise:.2f} times, "
        f"Wiener's {most.wiener:.2f}."
    )


def shown_by_others(one: Strength, known: Sequence[Strength]) -> str:
    """What is seen of the same letter in networks of the same data that predict something else."""
    if (found := _others(one, known)) is None:
        return ""
    rival, kind = found
    signed = rival.highest_signed
    told = f", with signs kept up to {signed.rise:.2f} times" if signed else ""
    return f" In {in_networks(kind)} it is up to {rival.highest.rise:.2f} times{told}."


def others_in_short(one: Strength, known: Sequence[Strength]) -> str:
    """The same within brackets, after a number."""
    found = _others(one, known)
    return f"; in {in_networks(found[1])} {found[0].highest.rise:.2f}" if found else ""


def _others(one: Strength, known: Sequence[Strength]) -> tuple[Strength, str] | None:
    """Those networks' fields and what they predict, where they surely show the letter."""
    data = next((one.name.removesuffix(end) for end in ENDS.values() if one.name.endswith(end)), one.name)
    alike = {f"{data}{end}": kind for kind, end in ENDS.items()}
    for rival in known:
        if rival.name in alike and rival.gamma == one.gamma and rival.sure and not rival.hidden:
            return rival, alike[rival.name]
    return None


def _error(level: Level) -> float:
    """Of networks along the letter, over the control's."""
    return level.error[0] if level.error is not None else 1.0


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
            f"{span([level.wiener for level in alone])} times the control's there"
        )
    return ". ".join(said) + _early(one, "A rise")


def _early(one: Strength, what: str) -> str:
    """Where a rise is sure and not expected."""
    if not one.early:
        return ""
    rises, wieners = (span([getattr(level, key) for level in one.early]) for key in ("rise", "wiener"))
    return f". {what} is sure at {at(one.early)}, where SNR_W is lower ({rises} times, Wiener's {wieners})"


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
    if one.learned:
        part = span([level.share[0] for level in sure if level.share is not None])
        where = joined(f"{level.sigma:g}" for level in sure)
        return (
            f". They have learned the letter: in the error along it, each beside a control of its own, they "
            f"have {part} of Wiener's gain at sigma {where}"
        )
    less, more = (_surely(one, way) for way in (-1, 1))
    said = f". Their error along it is surely less than the control's at {less or 'no noise level'}"
    said += f", and surely more at {more}" if more else ""
    some = "So they have learned some of it, which is too little for our rule" if one.some else None
    none = f"{'This is too little to say' if less else 'It is not shown'} that they have learned the letter"
    return (
        f"{said}. {some or none}: they do not surely have {100 * PART:.0f} % of Wiener's gain where it is "
        f"largest. There, at sigma {most.sigma:g}, their error is {ends(most.error)} times the control's, "
        f"Wiener's {ends(most.floor)}"
    )


def _surely(one: Strength, way: int) -> str:
    """Where networks' error along the letter is surely less than the control's (-1) or more (1)."""
    known = {level.sigma: level.error for level in one.levels if level.error is not None}
    sure = {sigma: error for sigma, error in known.items() if apart(error, (1.0, 1.0, 1.0)) == way}
    if not sure:
        return ""
    times = joined(f"{error[0]:.2f}" for error in sure.values())
    return f"sigma {joined(f'{sigma:g}' for sigma in sure)} ({times} times)"
