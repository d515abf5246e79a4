"""docs/results/paper.md: what agrees with the paper, what does not, and what is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.page_parts import FOOT, folded
from benchmarks.results.paper.letter_rows import letters
from benchmarks.results.paper.nearer import as_released, nearer
from benchmarks.results.paper.open_questions import open_questions
from benchmarks.results.questions.claims import Eyes
from benchmarks.results.questions.eyes import EYE, whose
from benchmarks.results.questions.field_claims import fields_agree, known_fields
from benchmarks.results.questions.letter import each_strength
from benchmarks.results.questions.letter_words import others_in_short, shown_by_others, signed_told
from benchmarks.results.words.answers import MIDDLE, Found, listed, ordered, ranked, steps
from benchmarks.results.words.small_tables import middle
from benchmarks.results.words.titles import DATA, TITLES, bullets, called, joined, on, spelled
from benchmarks.results.words.verdicts import (
    AGREES,
    IN_PART,
    WEAKER,
    Finding,
    Judged,
    counted,
    judged,
    merged,
    not_counted,
    said,
    table,
)

TITLE = "What agrees with the paper, what does not, and what is open?"
AGAINST = "Against the central claim, that networks look where the covariance says"
ARCHITECTURE = dict.fromkeys(("network", "nn2", "epsilon"), "U-Net")  # others are called as they are
AT = f"sigma from {MIDDLE[0]:g} to {MIDDLE[1]:g}"  # where networks are asked whether they see the other eye
UNLIKE = 2.0  # times the ratio of another network: as strong no more
LATER = "it is a claim of GoldDiff (arXiv 2602.16498), which has the paper's networks"
BY_MAGNITUDE = (
    "Letters are judged by fields of magnitudes. Where fields with signs kept would turn the verdict, the "
    "row says so."
)
KNOWN = "it follows from that denoiser's formula (the paper's proposition A.2) and was not in doubt"
MOST = 0.5  # of samples: more copies than that are a copier's
RATIO = "paper/heldout_ratio/optimal/"


def agreement(kept: Kept) -> str:
    """The page: how many claims agree, a row for each, and the same in words."""
    rows, later = claims_of(kept), list(_orders(_tables(kept)))
    found = list(findings_against(kept))
    parts = [f"# {TITLE}", f"{in_count(kept)}." if rows else "Not measured."]
    parts += [f"{AGAINST}:\n\n{bullets(one.whole for one in found)}"] if found else []
    if told := [*rows, *later]:
        parts += [
            table(told),
            *filter(None, [not_counted(told)]),
            f"{WEAKER} {BY_MAGNITUDE}",
            folded("In words", [bullets(line for one in told for line in one.lines)]),
        ]
    parts.append("Open:\n\n" + bullets(open_questions(kept, _tables(kept))))
    return "\n\n".join([*parts, FOOT]) + "\n"


def in_count(kept: Kept) -> str:
    """How many claims agree, and how many findings go against the central one."""
    told, found = counted(claims_of(kept)), list(findings_against(kept))
    verb = "finding goes" if len(found) == 1 else "findings go"
    return f"{told}. {len(found)} {verb} against the central claim" if told and found else told


def findings_against(kept: Kept) -> Iterator[Finding]:
    """Where Wiener's field reaches less far or further than a network's, and letters that are hardly seen."""
    for title, one in known_fields(kept):
        if one.differs:
            count, signs = one.counted("less far", "further"), one.with_signs()
            told = f"Wiener's field reaches {one.span()} as far as a network's, surely {count}"
            yield Finding(f"On {title} {told}{one.signs_in_short()}.", f"{signs}." if signs else "")
    every = list(each_strength(kept))
    for letter in every:
        if letter.hidden:
            most, seed = letter.highest, " (one seed)" if letter.seeds == 1 else ""
            yield Finding(
                f"On {letter.title} a hidden letter of strength {letter.gamma:g} was learned{seed}, yet the "
                f"contrast of fields along it is at most {most.rise:.2f} times the control's (Wiener's "
                f"{most.wiener:.2f}{others_in_short(letter, every)}).",
                f"{signed_told(letter)}{shown_by_others(letter, every)}".strip(),
            )


def claims_of(kept: Kept) -> list[Judged]:
    """The claims of the paper that were measured, judged by the numbers."""
    tables = _tables(kept)
    nearness = list(nearer(tables, kept))
    nearness += as_released(kept, {one.claim for one in nearness})
    every = (fields_agree(kept), _eyes(kept), nearness, _copies(tables), letters(kept))
    return merged(one for some in every for one in some)


def _tables(kept: Kept) -> dict[str, Found]:
    return {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}


def _eyes(kept: Kept) -> Iterator[Judged]:
    """Whether networks of faces look at the other eye, and unlike networks alike."""
    found = kept.get("mirror", {}).get("afhq32")
    if found is None:
        return
    eyes = Eyes.of(found)
    if not eyes.networks:
        return
    word = "Does not agree" if eyes.fooled else judged(len(eyes.seen), len(eyes.networks))
    weak = eyes.weaker(found)
    word = IN_PART if weak and word == AGREES else word
    seen = f"{len(eyes.seen)} of {len(eyes.networks)} networks of cats"
    others = f", {len(eyes.fooled)} of {len(eyes.others)} of other images" if eyes.others else ""
    yield said(
        "Networks look where the covariance says that an eye's twin is", word,
        f"{seen}{others}{f'; {weak}' if weak else ''}", ("eyes",),
        f"that networks look where the covariance says that an eye's twin is: {eyes.counted()} do so at some "
        f"{AT}. {f'{weak}. ' if weak else ''}{'. '.join(_beside(eyes))} ([eyes](eyes.md)).",
    )  # fmt: skip
    if len(eyes.networks) > 1:
        yield _alike(found, eyes)


def _beside(eyes: Eyes) -> Iterator[str]:
    """What stands beside the count: the controls, what is left out, and how little a spot is."""
    if eyes.others:
        yield f"Of networks {eyes.trained()}, {len(eyes.fooled)} of {len(eyes.others)} does"
    if eyes.made:
        verb = "look" if len(eyes.made) > 1 else "looks"
        yield f"{joined(map(called, eyes.made))}, made of the data, {verb} there, too"
    if eyes.given:
        verb = "are" if len(eyes.given) > 1 else "is"
        yield f"{joined(map(called, eyes.given))} {verb} given the covariance and not counted"
    none = Counter(t for times in eyes.unsure.values() for t in times)
    if none:
        nouns = (" network", " networks")
        told = [
            f"for {spelled(count)}{nouns[count > 1] if k == 0 else ''} at sigma {listed([t])}"
            for k, (t, count) in enumerate(sorted(none.items(), reverse=True))
        ]
        yield f"Nothing follows {joined(told)}: a control may have as much there"
    yield "All this is one spot of a field"


def _alike(found: Found, eyes: Eyes) -> Judged:
    """Whether unlike architectures have the spot, and how unlike its strength is where all have it."""
    kinds: dict[str, list[str]] = {}
    for name in eyes.networks:
        kinds.setdefault(ARCHITECTURE.get(name, called(name)), []).append(name)
    good = [kind for kind, names in kinds.items() if set(names) <= set(eyes.seen)]
    word = judged(len(good), len(kinds))
    t = eyes.shared(found)
    tail = short = ""
    if t is not None and len(eyes.seen) > 1:
        known = {name: steps(found, f"mirror/ratio/{EYE}/{name}/")[t] for name in eyes.seen}
        low, high = (end(known, key=lambda name: known[name]) for end in (min, max))
        word = "Agrees in part" if known[high] > UNLIKE * known[low] and word == "Agrees" else word
        tail = (
            f" Its strength differs: {known[low]:.1f} ({whose(low)}) to {known[high]:.1f} ({whose(high)}) "
            f"times the ring's at sigma {listed([t])}."
        )
        short = f"; its strength is {known[low]:.1f} to {known[high]:.1f} times the ring's"
    told = [kind if len(names) == 1 else f"{kind} ({_of(names, eyes)})" for kind, names in kinds.items()]
    spots = [
        [one for one, kind in zip(told, kinds, strict=True) if (kind in good) == there] for there in (1, 0)
    ]
    where = "; ".join(
        f"{side} {joined(some)}" for side, some in zip(("in", "not in"), spots, strict=True) if some
    )
    return said(
        "Unlike architectures look alike", word,
        f"{len(good)} of {len(kinds)} have the spot{short}", ("eyes",),
        f"that unlike architectures look alike: {len(good)} of {len(kinds)} have the spot. It is "
        f"{where}.{tail} [Experiments](../experiments.md) compare whole fields of more architectures "
        "([eyes](eyes.md)).",
    )  # fmt: skip


def _of(names: Sequence[str], eyes: Eyes) -> str:
    seen = sum(name in eyes.seen for name in names)
    return f"{len(names)} networks" if seen == len(names) else f"{seen} of {len(names)} networks"


def _copies(tables: Mapping[str, Found]) -> Iterator[Judged]:
    """Whether the optimal denoiser gives training images again, and what it costs on others."""
    rates = {
        name: float(found["scalars"]["paper/copy_rate/optimal"])
        for name, found in tables.items()
        if found["scalars"].get("paper/copy_rate/optimal") is not None
    }
    if not rates:
        return
    known = [(ratio, TITLES[name]) for name in rates if (ratio := middle(tables[name], RATIO)) is not None]
    good = [name for name, rate in rates.items() if rate > MOST]
    ends = sorted({min(rates.values()), max(rates.values())})
    share = " to ".join(f"{100 * rate:.0f}" for rate in ends)
    tail = ""
    if known:
        told = " to ".join(f"{ratio:.2f} ({title})" for ratio, title in sorted({min(known), max(known)}))
        tail = f". Its error on unseen images is {told} times Wiener's, in the median over noise levels"
    yield said(
        "The optimal denoiser copies training images", judged(len(good), len(rates)),
        f"{share} % of its samples, on {len(rates)} data set{'s' if len(rates) > 1 else ''}",
        ("ceiling", "heldout"),
        f"that the optimal denoiser copies training images: {share} % of "
        f"its samples are nearly such an image {on([TITLES[name] for name in rates])}{tail} "
        "([copies](ceiling.md), [unseen images](heldout.md)).", KNOWN,
    )  # fmt: skip


def _orders(tables: Mapping[str, Found]) -> Iterator[Judged]:
    """Whether the ranked rows are in the published order, pair by pair."""
    known = {name: ways for name, found in tables.items() if (ways := list(ordered(found).values()))}
    if not known:
        return
    groups: dict[str, list[str]] = {}
    for name, ways in known.items():
        good, level, turned = (ways.count(way) for way in (1, 0, -1))
        told = [f"{good} of {len(ways)} are in its order {on([TITLES[name]])}"]
        told += [f"{level} {_be(level)} level"] if level else []
        told += [f"{turned} {_be(turned)} reversed"] if turned else []
        groups.setdefault(joined(map(called, ranked(tables[name]))), []).append(joined(told))
    every = [way for ways in known.values() for way in ways]
    good, turned = every.count(1), every.count(-1)
    pairs = ". ".join(f"Of pairs of {rows}, {'; '.join(some)}" for rows, some in groups.items())
    where = f"on {len(known)} data set{'s' if len(known) > 1 else ''}"
    yield said(
        "The methods rank as in GoldDiff (a later paper)", judged(good, len(every)),
        f"{good} of {len(every)} pairs in its order, {turned} reversed, {where}", ("published_order",),
        f"that the methods rank as in GoldDiff. {pairs} ([order](published_order.md)).", LATER,
    )  # fmt: skip


def _be(count: int) -> str:
    return "is" if count == 1 else "are"
