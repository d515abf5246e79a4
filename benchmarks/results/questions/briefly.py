"""The short answer of a page of results: a few sentences and at most a small table, over all data sets.

Each takes what was found by the title of its data set. The page tells the rest, data set by data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.questions.claims import WORDS, Eyes, stands
from benchmarks.results.questions.entropy import (
    CHOSEN,
    TWINS,
    better_by_output,
    images_unlike,
    sure_kind,
    surely_lower,
)
from benchmarks.results.questions.eyes import EYE, ears, kinds, over_the_aim, whose
from benchmarks.results.questions.letter import SNR, against, strengths
from benchmarks.results.questions.letter_levels import PART
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    MIDDLE,
    OWN,
    Found,
    interval_of,
    levels,
    ordered,
    over_images,
    side,
    sigma_of,
    signed,
    steps,
)
from benchmarks.results.words.small_tables import FIRST
from benchmarks.results.words.titles import called, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set


def heldout(known: Known) -> str:
    """At how many noise levels the error is surely below Wiener's, and above."""
    counts = {name: [_counted(found, name) for found in known.values()] for name in (*FIRST, EXACT, *OWN)}
    among = {cell[2] for cells in counts.values() for cell in cells if cell is not None}
    rows = [
        [called(name), *(None if cell is None else "{} below, {} above".format(*cell) for cell in cells)]
        for name, cells in counts.items()
        if any(cell is not None for cell in cells)
    ]
    lead = f"At how many of {max(among)} noise levels" if len(among) == 1 else "At how many noise levels"
    lead += " the error on unseen images is surely below Wiener's, and surely above:"
    return f"{lead}\n\n{markdown(('', *known), rows)}" if among else ""


def _counted(found: Found, name: str) -> tuple[int, int, int] | None:
    among = steps(found, f"paper/heldout_ratio_high/{name}/")
    below = levels(found, f"paper/heldout_ratio_high/{name}/", lambda high: high < 1)
    above = levels(found, f"paper/heldout_ratio_low/{name}/", lambda low: low > 1)
    return (len(below), len(above), len(among)) if among else None


def order(known: Known) -> str:
    """How many pairs of rows are in the published order."""
    told = []
    for title, found in known.items():
        ways = list(ordered(found).values())
        others = [f"{ways.count(way)} {word}" for way, word in ((0, "level"), (-1, "reversed"))]
        tail = joined(one for one in others if not one.startswith("0 "))
        if ways:
            told.append(f"{ways.count(1)} of {len(ways)} on {title}{f' ({tail})' if tail else ''}")
    return f"Pairs of rows that are surely in the published order: {'; '.join(told)}." if told else ""


def by_output(known: Known) -> str:
    """Whether choosing pays, what it gains and takes, and where it is still behind Wiener."""
    answers: dict[str, list[str]] = {}
    rows, prices = [], []
    for title, found in known.items():
        answers.setdefault(better_by_output(found), []).append(title)
        row: list[str | None] = [title]
        for twin, name in CHOSEN:
            gain = interval_of(found, f"by_output/median_r2_over_{twin}", name)
            own, other = (found["scalars"].get(f"by_output/seconds/{one}") for one in (name, twin))
            prices += [own / other] if own and other else []
            row += [None if gain is None else signed(gain)]
            row += [f"{own:.3g} ({other:.3g})" if own and other else None]
        rows.append(row)
    said = [f"{answer[0].upper()}{answer[1:]} ({on(titles)})" for answer, titles in answers.items()]
    if prices:
        times = joined(dict.fromkeys(f"{end(prices):.2g}" for end in (min, max)), "to")
        said.append(f"A sample takes {times} times as long as with one setting by entropy")
    said += _worst(known, "by_output", CHOSEN, "with one setting by entropy")
    said += _calibrated(known)
    heads = ("{}: r2, seed by seed over one setting by entropy", "{}: seconds an image (by entropy)")
    columns = ["", *(head.format(called(name)) for _, name in CHOSEN for head in heads)]
    return f"{' '.join(f'{one}.' for one in said)}\n\n{markdown(columns, rows)}"


def _calibrated(known: Known) -> list[str]:
    """What the calibrated row of this comparison had."""
    told: dict[str, list[str]] = {}
    for title, found in known.items():
        bank = found["scalars"].get(f"by_output/bank/{EXACT}")
        origins = [one[2] for one in found.get("calibrated") or [] if one[0] == EXACT]
        if bank is not None and origins:
            told.setdefault(f"on {origins[0]}, and it reads {bank:,.0f} training images", []).append(title)
    said = [f"{how} ({on(titles)})" for how, titles in told.items()]
    return [f"The tau of the calibrated {called(EXACT)} was found {'; '.join(said)}"] if said else []


def without_network(known: Known) -> str:
    """How settings by entropy stand to calibrated ones, and where they fail."""
    ways: dict[int, list[str]] = {}
    others: dict[str, list[str]] = {}
    rows = []
    (twin, name), (exact, chosen) = TWINS
    for title, found in known.items():
        paired = interval_of(found, f"paper/median_r2_over_{exact}", chosen)
        if paired is not None:
            ways.setdefault(side(paired), []).append(title)
        both = [found["scalars"].get(f"paper/median_r2/{row}") for row in (name, twin)]
        if both[0] is not None and both[1] is not None:
            others.setdefault("higher" if both[0] > both[1] else "lower", []).append(title)
        rows.append([title, None if paired is None else signed(paired), *both])
    told = stands({way: ways[way] for way in WORDS if way in ways}, "the calibrated one")
    elsewhere = ", elsewhere nothing" if set(ways) - {-1} else ""
    costs = f"It costs r2 of samples {on(ways[-1])}{elsewhere}" if -1 in ways else "Nothing in r2 of samples"
    lead = f"{costs}, for PCA locality"
    said = [f"{lead}. Seed by seed, {called(chosen)} is {told}"] if told else []
    medians_of = [f"{way} than the calibrated one's {on(titles)}" for way, titles in others.items()]
    if others:
        said.append(
            f"The local score's median by entropy is {'; '.join(medians_of)}, not compared seed by seed"
        )
    said += _worst(known, "paper", TWINS, "calibrated")
    columns = (
        "r2 of samples", "PCA locality by entropy, over the calibrated one",
        "local score by entropy, median", "local score, calibrated, median",
    )  # fmt: skip
    return f"{' '.join(f'{one}.' for one in said)}\n\n{markdown(columns, rows)}"


def _worst(known: Known, section: str, twins: Sequence[tuple[str, str]], other: str) -> list[str]:
    """The row that is farthest below Wiener in one step, beside its twin; and where none is surely below."""
    pits = [
        (-gap, title, twin, name, t)
        for title, found in known.items()
        for twin, name in twins
        for t, gap in surely_lower(found, section, name, FLOOR).items()
    ]
    if not pits:
        return []
    _, title, twin, name, t = min(pits)
    high = max(pit[-1] for pit in pits)
    found = known[title]
    kind = sure_kind(found, section)
    ours, theirs, floor = (steps(found, f"{section}/{kind}/{row}/").get(t) for row in (name, twin, FLOOR))
    beside = "" if theirs is None else f"{other} {theirs:.3f}, "
    rivals = {**({} if theirs is None else {twin: other}), FLOOR: called(FLOOR)}
    told = over_images(kind) + images_unlike(found, section, name, rivals)
    return [
        f"In single steps it can be behind Wiener, most so at sigma {sigma_of(t):.3g} {on([title])}: "
        f"{called(name)} has {ours:.3f}, {beside}Wiener {floor:.3f} ({told})",
        f"Above sigma {sigma_of(high):.3g} none is surely behind",
    ]


def pattern(known: Known) -> str:
    """For each strength of the letter: where a rise is sure, how large it is, and what was learned."""
    every, rows = [one for title, found in known.items() for one in strengths(title, found)], []
    for one in every:
        most, errors = one.gained, [None, None]
        if most and most.error and most.floor:
            errors = [f"{most.error[0]:.2f}", f"{most.floor[0]:.2f}, at sigma {most.sigma:g}"]
        rises = (f"{rise:.2f}" for rise in (one.highest.rise, one.highest.wiener))
        rows.append([f"{one.title}, gamma {one.gamma:g}", f"{one.sure} of {len(one.told)}", *rises, *errors])
    columns = (
        "", f"noise levels with a sure rise, of those with SNR_W above {SNR:g}", "largest rise, networks",
        "Wiener's rise there", "networks' error along the letter, over the control's", "Wiener's, likewise",
    )  # fmt: skip
    lead = (
        "A letter of strength gamma is added to every image in a random colour. The claim: fields rise "
        "along it at noise levels at which its variance, with what images have of it anyway, is above "
        f"{SNR:g} sigma^2 (SNR_W above {SNR:g}). The rise is over the control, a network of images without "
        f"the letter. We say that a network has learned the letter where it surely has {100 * PART:.0f} % of "
        "Wiener's gain in the error along it."
    )
    parts = [lead, markdown(columns, rows), *filter(None, map(against, every))]
    return "\n\n".join(parts) if rows else ""


def eyes(known: Known) -> str:
    """How many networks see the other eye, and their ratios at a noise level at which all of those do."""
    said = []
    for title, found in known.items():
        one = Eyes.of(found)
        if one.networks:
            data = joined(called(name) for name in one.others)
            beside = f", and there more than a network trained on other images ({data})" if one.others else ""
            kind = f" ({told})" if (told := kinds(found, one.networks)) else ""
            said.append(
                f"On {title} {one.some()} networks that are not given the covariance{kind} look at the "
                f"other eye at some middle noise level (sigma {MIDDLE[0]:g} to {MIDDLE[1]:g}){beside}"
            )
            said += [*_ratios(found, one), *over_the_aim(found), *ears(found)]
    return " ".join(f"{one}." for one in said)


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
