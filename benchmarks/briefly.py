"""The short answer of a page of results: a few sentences and at most a small table, over all data sets.

Each takes what was found by the title of its data set. The page tells the rest, data set by data set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.answers import (
    EXACT,
    FLOOR,
    MIDDLE,
    OWN,
    Found,
    comparable,
    interval_of,
    is_middle,
    levels,
    listed,
    ordered,
    side,
    sigma_of,
    signed,
    steps,
    top,
)
from benchmarks.claims import WORDS, Eyes
from benchmarks.entropy_answers import CHOSEN, TWINS, better_by_output, deepest
from benchmarks.eye_answers import EYE, over_the_bar, sees, whose
from benchmarks.letters import SNR, along, levels_of
from benchmarks.remaining_answers import NAME, medians
from benchmarks.titles import called, joined, markdown, on
from locality.compare.paper_row import PARTS

Known = Mapping[str, Found]  # by the title of the data set


def ceiling(known: Known) -> str:
    """How near the best analytical row comes to a second network, and where the gap is widest in one step."""
    told, widest = [], []
    for title, found in known.items():
        ends = found["scalars"].get("paper/median_r2/nn2")
        rows = comparable(found, "paper/median_r2/")
        if ends is None or not rows:
            continue
        gaps = {t: r2 - top(found, t)[1] for t, r2 in steps(found, "paper/step_r2/nn2/").items()}
        t = max(gaps, key=lambda t: gaps[t])
        name, best = max(rows, key=lambda row: row[1])
        told.append([title, called(name), best, float(ends), f"{gaps[t]:.3f}, at sigma {listed([t])}"])
        widest.append(t)
    if not told:
        return ""
    columns = ("", "best analytical row", "its median r2", "a second network's", "widest gap of one step")
    between = listed(sorted({min(widest), max(widest)}), " and ")
    lead = "The gap of one step is widest at" if len(told) > 1 else "The gap is widest at"
    span = f"sigma {between}" if len(set(widest)) < 3 else f"noise levels between sigma {between}"
    return f"{lead} {span}.\n\n{markdown(columns, told)}"


def heldout(known: Known) -> str:
    """At how many noise levels the error is surely below Wiener's, and above."""
    counts = {name: [_counted(found, name) for found in known.values()] for name in (EXACT, *OWN)}
    among = {cell[2] for cells in counts.values() for cell in cells if cell is not None}
    rows = [
        [called(name), *(None if cell is None else "{} below, {} above".format(*cell) for cell in cells)]
        for name, cells in counts.items()
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
        others = [f"{ways.count(way)} {word}" for way, word in ((0, "level"), (-1, "turned round"))]
        tail = joined(one for one in others if not one.startswith("0 "))
        if ways:
            told.append(f"{ways.count(1)} of {len(ways)} on {title}{f' ({tail})' if tail else ''}")
    return f"Pairs of rows that are surely in the published order: {'; '.join(told)}." if told else ""


def remaining(known: Known) -> str:
    """In which parts the distance to the network is most and least, over the second network's."""
    rows = []
    for title, found in known.items():
        middles = medians(found, NAME)
        if middles:
            most, least = (end(middles, key=lambda part: middles[part]) for end in (max, min))
            rows.append((title, most, least, middles))
    if not rows:
        return ""
    said = [
        f"{middles[most]:.2g} {PARTS[most][0]} and {middles[least]:.2g} {PARTS[least][0]} on {title}"
        for title, most, least, middles in rows
    ]
    lead = f"In one step the squared distance of {called(NAME)} to the network, over the second network's, is"
    return f"{lead} {'; '.join(said)}."


def by_output(known: Known) -> str:
    """Whether choosing pays, what it gains, and where it is still behind Wiener."""
    answers: dict[str, list[str]] = {}
    rows, lost = [], []
    for title, found in known.items():
        answers.setdefault(better_by_output(found), []).append(title)
        gains = [interval_of(found, f"by_output/median_r2_over_{twin}", name) for twin, name in CHOSEN]
        rows.append([title, *(None if gain is None else signed(gain) for gain in gains)])
        calibrated = [(twin, name) for (twin, _), (_, name) in zip(TWINS, CHOSEN, strict=True)]
        lost += [(title, *pit) for pit in deepest(found, "by_output", calibrated)]
    said = [f"{answer[0].upper()}{answer[1:]} ({on(titles)})" for answer, titles in answers.items()]
    columns = [
        "r2 of samples, seed by seed over one setting by entropy",
        *(called(name) for _, name in CHOSEN),
    ]
    return f"{_with_worst(said, lost)}\n\n{markdown(columns, rows)}"


def without_network(known: Known) -> str:
    """How settings by entropy stand to calibrated ones, and where they fail."""
    ways: dict[int, list[str]] = {}
    rows, lost = [], []
    (twin, name), (exact, chosen) = TWINS
    for title, found in known.items():
        paired = interval_of(found, f"paper/median_r2_over_{exact}", chosen)
        if paired is not None:
            ways.setdefault(side(paired), []).append(title)
        medians_of = [found["scalars"].get(f"paper/median_r2/{row}") for row in (name, twin)]
        rows.append([title, None if paired is None else signed(paired), *medians_of])
        lost += [(title, *pit) for pit in deepest(found, "paper", TWINS)]
    told = [f"{WORDS[way]} the calibrated one {on(ways[way])}" for way in (1, 0, -1) if way in ways]
    said = [f"In r2 of samples, seed by seed, {called(chosen)}, is {'; '.join(told)}"] if told else []
    columns = (
        "r2 of samples", "PCA locality by entropy, over the calibrated one",
        "local score by entropy, median", "local score, calibrated, median",
    )  # fmt: skip
    return f"{_with_worst(said, lost)}\n\n{markdown(columns, rows)}"


def _with_worst(said: Sequence[str], lost: Sequence[tuple[str, str, int, float, float]]) -> str:
    """The sentences, and the row that is farthest below Wiener in one step."""
    tail = []
    if lost:
        title, name, t, own, floor = min(lost, key=lambda pit: pit[3] - pit[4])
        tail = [
            f"It may fail in single steps at high noise. The worst is {called(name)}, {on([title])}, at "
            f"sigma {sigma_of(t):.3g}: r2 {own:.3f}, where Wiener has {floor:.3f}"
        ]
    return " ".join(f"{one}." for one in [*said, *tail])


def pattern(known: Known) -> str:
    """For each strength of the letter: where a rise is sure, how large it is, and what was learned."""
    rows = []
    for title, found in known.items():
        there = levels_of(found)
        for gamma in sorted({one.gamma for one in there if one.gamma}):
            own = [one for one in there if one.gamma == gamma]
            told, most = [one for one in own if one.expected], along(own)
            if told:
                highest = max(told, key=lambda one: one.rise)
                errors = [None, None]
                if most and most.error and most.floor:
                    errors = [f"{most.error[0]:.2f}", f"{most.floor[0]:.2f}, at sigma {most.sigma:g}"]
                sure = f"{sum(one.sure for one in told)} of {len(told)}"
                rises = (f"{one:.2f}" for one in (highest.rise, highest.wiener))
                rows.append([f"{title}, gamma {gamma:g}", sure, *rises, *errors])
    columns = (
        "", "levels with a sure rise", "largest rise, networks", "Wiener's at that level",
        "error along the letter / control's, networks", "Wiener",
    )  # fmt: skip
    lead = (
        "A letter of strength gamma is added to every image in a random colour. The claim: fields rise "
        f"along it at noise levels at which its variance is above {SNR:g} sigma^2. The rise is over a "
        "control, a network of images without it. A network that has learned the letter has less error "
        "along it than the control has on the same images."
    )
    return f"{lead}\n\n{markdown(columns, rows)}" if rows else ""


def eyes(known: Known) -> str:
    """How many networks see the other eye, and their ratios at a noise level at which all of those do."""
    said = []
    for title, found in known.items():
        one = Eyes.of(found)
        if one.networks:
            data = joined(called(name) for name in one.others)
            beside = f", and there more than a network trained on other images ({data})" if one.others else ""
            said.append(
                f"On {title}, {len(one.seen)} of {len(one.networks)} networks that are not given the "
                f"covariance look at the other eye at some middle noise level (sigma {MIDDLE[0]:g} to "
                f"{MIDDLE[1]:g}){beside}"
            )
            said += [*_ratios(found, one), *over_the_bar(found)]
    return " ".join(f"{one}." for one in said)


def _ratios(found: Found, one: Eyes) -> list[str]:
    known = {name: steps(found, f"mirror/ratio/{EYE}/{name}/") for name in (*one.seen, *one.others, FLOOR)}
    counted = [set(filter(is_middle, sees(found, EYE, name))) for name in one.seen]
    shared = sorted(set.intersection(*counted)) if counted else []
    if not shared:
        return []
    t = shared[len(shared) // 2]
    own = [known[name][t] for name in one.seen]
    rest = [f"{whose(name)} has {known[name][t]:.3g}" for name in (*one.others, FLOOR) if t in known[name]]
    return [
        f"At sigma {sigma_of(t):.3g} they have {min(own):.3g} to {max(own):.3g} times as much there as "
        f"on the ring around it{f'; {joined(rest)}' if rest else ''}"
    ]
