"""The short answer of a page of results: a few sentences and at most a small table, over all data sets.

Each takes what was found by the title of its data set. The page tells the rest, data set by data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.questions.claims import Eyes
from benchmarks.results.questions.eyes import EAR, EYE, ears, kinds, over_the_aim, rows_of, whose
from benchmarks.results.questions.eyes_missing import unbounded, without_control
from benchmarks.results.questions.letter import SNR, strengths
from benchmarks.results.questions.letter_beside import beside_the_rise, left_out_as_expected
from benchmarks.results.questions.letter_learned import gains, learned_in_a_word, some_learned
from benchmarks.results.questions.letter_words import RULE, against, highest, in_words
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    MIDDLE,
    OWN,
    Found,
    levels,
    sigma_of,
    steps,
)
from benchmarks.results.words.small_tables import FIRST
from benchmarks.results.words.titles import bullets, called, capital, joined, markdown, on
from benchmarks.results.words.verdicts import WEAKER

Known = Mapping[str, Found]  # by the title of the data set
FEW = 3  # rows are named, more are counted


def heldout(known: Known) -> str:
    """Who has surely less error than Wiener, of all rows; and at how many noise levels, of some."""
    there = dict.fromkeys(row for found in known.values() for row in _rows(found))
    order = [row for row in (*FIRST, *OWN) if row in there]
    counts = {
        name: [_counted(found, name) for found in known.values()]
        for name in dict.fromkeys((*order, *there))
        if name != FLOOR
    }
    titles = list(known)
    if not counts:
        return ""
    always = (*FIRST, EXACT, *OWN)  # in the table
    shown = [name for name in counts if name in always or len(_wins(counts[name], titles)) == len(titles)]
    among = {cell[2] for cells in counts.values() for cell in cells if cell is not None}
    rows = [
        [called(name), *("{} below, {} above".format(*cell) if cell else None for cell in counts[name])]
        for name in sorted(shown, key=lambda name: name == EXACT)
    ]
    lead = (
        "We count data on which the error is surely less at more noise levels than surely more. The table "
        "has networks, ours, PCA locality and what is named for all data: at how many"
    )
    lead += f" of {max(among)} noise levels" if len(among) == 1 else " noise levels"
    lead += " the error on unseen images is surely below Wiener's, and surely above."
    return f"{_who(counts, titles)}\n\n{lead}\n\n{markdown(('', *known), rows)}"


Counts = Sequence[tuple[int, int, int] | None]  # of data sets: levels below, above, of how many


def _who(counts: Mapping[str, Counts], titles: Sequence[str]) -> str:
    """On which data who has surely less error at more noise levels than surely more: every row."""
    told: dict[str, list[str]] = {}
    for name, cells in counts.items():
        good = _wins(cells, titles)
        every = len(good) == len(titles) > 1
        word = f"on all {len(good)} data sets" if every else on(good) if good else "nowhere"
        told.setdefault(word, []).append(called(name))
    none = told.pop("nowhere", [])
    said = [f"{word}: {joined(names)}" for word, names in told.items()]
    rest = joined(none) if len(none) <= FEW else f"the other {len(none)} rows"
    said += [f"nowhere: {rest}"] if none else []
    return " ".join(f"{capital(one)}." for one in said)


def _wins(cells: Counts, titles: Sequence[str]) -> list[str]:
    """The data on which the error is surely less at more noise levels than surely more."""
    both = zip(titles, cells, strict=True)
    return [title for title, cell in both if cell is not None and cell[0] > cell[1]]


def _rows(found: Found) -> list[str]:
    """Every row whose held-out error was measured."""
    start = "paper/heldout_ratio_high/"
    names = (key.removeprefix(start) for key in found["scalars"] if key.startswith(start))
    return list(dict.fromkeys(name.split("/")[0] for name in names))


def _counted(found: Found, name: str) -> tuple[int, int, int] | None:
    among = steps(found, f"paper/heldout_ratio_high/{name}/")
    below = levels(found, f"paper/heldout_ratio_high/{name}/", lambda high: high < 1)
    above = levels(found, f"paper/heldout_ratio_low/{name}/", lambda low: low > 1)
    return (len(below), len(above), len(among)) if among else None


def pattern(known: Known) -> str:
    """For each strength of the letter: where a rise is sure, how large it is, and what was learned."""
    every = [one for title, found in known.items() for one in strengths(title, found)]
    rows = [
        [
            f"{one.title}, strength {one.gamma:g}",
            f"{one.sure} of {len(one.told)}{left_out_as_expected(one)}",
            f"{sum(level.paired for level in one.told)} of {len(one.told)}",
            highest(one),
            highest(one, signed=True),
            learned_in_a_word(one),
        ]
        for one in every
    ]
    columns = (
        "", f"noise levels with a sure rise, of those with SNR_W above {SNR:g}",
        "with the paired interval above 1", "largest rise, Wiener's there (test images)",
        "signs kept: largest rise, Wiener's there (test images)", "networks have learned the letter",
    )  # fmt: skip
    parts = [*in_words(every), markdown(columns, rows), *filter(None, map(against, every))]
    return "\n\n".join(parts) if rows else ""


def pattern_beside(known: Known) -> str:
    """What the letter is, what is claimed, and the errors that say whether it was learned."""
    every = [one for title, found in known.items() for one in strengths(title, found)]
    gain, table = gains(every)
    lead = (
        "A letter of strength gamma is added to every image in a random colour. The claim: fields rise "
        "along it at noise levels at which its variance, with what images have of it anyway, is above "
        f"{SNR:g} sigma^2 (SNR_W above {SNR:g}). The rise is over the control, a network of images without "
        "the letter. Signs kept: derivatives are averaged over images, and the magnitude is taken of their "
        "mean (`compare.magnitude=signed`). What differs in sign from image to image cancels."
    )
    beside = [
        f"{one.title}, strength {one.gamma:g}:{told}"
        for one in every
        if (told := some_learned(one) + beside_the_rise(one))
    ]
    said = [f"{lead} {RULE} {WEAKER}", *([bullets(beside)] if beside else []), gain, markdown(*table)]
    return "\n\n".join(said)


def eyes(known: Known) -> str:
    """How many networks see the other eye, and a table at a noise level at which all of those do."""
    said, tables = [], []
    for title, found in known.items():
        one = Eyes.of(found)
        if one.networks:
            data = joined(called(name) for name in one.others)
            beside = f", and there more than a network trained on other images ({data})" if one.others else ""
            kind = f" ({told})" if (told := kinds(found, one.networks)) else ""
            all_seen = len(one.seen) == len(one.networks) and not one.fooled
            said.append(
                f"{'Yes' if all_seen else 'In part' if one.seen else 'No'}. On {title} {one.some()} networks "
                f"that are not given the covariance{kind} look at the other eye at some middle noise level "
                f"(sigma {MIDDLE[0]:g} to {MIDDLE[1]:g}){beside}"
            )
            weak = one.weaker(found)
            said += [weak] if weak else []
            own = without_control(found, one.networks, one.others)
            tables += [*_at_one_level(found, one), *filter(None, [own, WEAKER if weak else ""])]
    return "\n\n".join([" ".join(f"{one}." for one in said), *tables]) if said else ""


def eyes_beside(known: Known) -> str:
    """The ratios in words, where a control has more than the aim, and the ears."""
    said = [
        sentence
        for found in known.values()
        if (one := Eyes.of(found)).networks
        for sentence in (*_ratios(found, one), *over_the_aim(found), *ears(found))
    ]
    return " ".join(f"{one}." for one in said)


def _at_one_level(found: Found, one: Eyes) -> list[str]:
    """What each field has on the other eye, and of an ear's pixel on the other ear, over the ring around."""
    t = one.shared(found)
    if t is None:
        return []
    rows = []
    for label, name in rows_of(found):
        cells = (
            steps(found, f"mirror/ratio/{pixel}/{name}/").get(t) or unbounded(found, pixel, name).get(t)
            for pixel in (EYE, EAR)
        )
        rows.append([label, *cells])
    head = f"field at sigma {sigma_of(t):.3g}"
    columns = (head, "on the other eye / on the ring around it", "of an ear's pixel, likewise")
    return [markdown(columns, rows)]


def _ratios(found: Found, one: Eyes) -> list[str]:
    known = {name: steps(found, f"mirror/ratio/{EYE}/{name}/") for name in (*one.seen, *one.others, FLOOR)}
    t = one.shared(found)
    if t is None:
        return []
    own = [known[name][t] for name in one.seen]
    rest = [f"{whose(name)} has {known[name][t]:.3g}" for name in (*one.others, FLOOR) if t in known[name]]
    return [
        f"At sigma {sigma_of(t):.3g} they have {min(own):.3g} to {max(own):.3g} times as much there as "
        f"on the ring around it{f'; {joined(rest)}' if rest else ''}"
    ]
