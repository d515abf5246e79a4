"""The short answers of the pages on settings by entropy: level by level, and output by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.results.questions.entropy import (
    CHOSEN,
    TWINS,
    better_by_output,
    images_unlike,
    sure_kind,
    surely_lower,
)
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    Found,
    apart,
    interval_of,
    listed,
    over_images,
    paired,
    side,
    sigma_of,
    signed,
    steps,
)
from benchmarks.results.words.had import on_each
from benchmarks.results.words.titles import called, capital, joined, markdown, on

Known = Mapping[str, Found]  # by the title of the data set
NEARER = {  # by differences to a rival
    1: "the one by entropy is nearer to the network (intervals apart)",
    -1: "the calibrated one is nearer to the network (intervals apart)",
    0: "the intervals overlap",
}


def by_output(known: Known) -> str:
    """Whether choosing pays, and at what price: the verdict and a table."""
    answers: dict[str, list[str]] = {}
    rows, prices = [], []
    for title, found in known.items():
        answers.setdefault(better_by_output(found), []).append(title)
        for twin, name in CHOSEN:
            gain = interval_of(found, f"by_output/median_r2_over_{twin}", name)
            own, other = (found["scalars"].get(f"by_output/seconds/{one}") for one in (name, twin))
            prices += [own / other] if own and other else []
            cells = [None if gain is None else signed(gain)]
            cells += [f"{one:.3g}" if one else None for one in (own, other)]
            rows.append([f"{called(name)}, {title}", *cells])
    said = [f"{capital(answer)} ({on(titles)})" for answer, titles in answers.items()]
    if prices:
        times = joined(dict.fromkeys(f"{end(prices):.2g}" for end in (min, max)), "to")
        said.append(f"The price: a sample takes {times} times as long")
    columns = (
        "", "gain in r2 over one setting, seed by seed", "seconds an image", "seconds with one setting",
    )  # fmt: skip
    parts = [" ".join(f"{one}." for one in said), markdown(columns, rows), protocols.mixed(known)]
    return "\n\n".join(filter(None, parts))


def by_output_beside(known: Known) -> str:
    """Where such rows are still behind Wiener, and what the calibrated row of this comparison had."""
    said = [f"{one}." for one in _worst(known, "by_output", CHOSEN, "with one setting by entropy")]
    return " ".join(filter(None, [*said, on_each(known, "by_output")]))


def without_network(known: Known) -> str:
    """What settings by entropy cost beside calibrated ones: the verdict and a table."""
    ways: dict[int, list[str]] = {}
    rows, steps_lower = [], []
    (twin, name), (exact, chosen) = TWINS
    for title, found in known.items():
        paired = interval_of(found, f"paper/median_r2_over_{exact}", chosen)
        if paired is not None:
            sure = f"by {abs(paired[0]):.3f} " if side(paired) else ""
            ways.setdefault(side(paired), []).append(f"{sure}{on([title])}")
            if lower := surely_lower(found, "paper", chosen, exact):
                steps_lower.append(f"at sigma {listed(list(lower), ' and ')} {on([title])}")
        both = [found["scalars"].get(f"paper/median_r2/{row}") for row in (name, twin)]
        rows.append([title, None if paired is None else signed(paired), *both])
    said = []
    if ways:
        lead = "with a tau by entropy PCA locality has a"
        said += [f"{lead} surely lower r2 of samples {joined(ways[-1])}"] if -1 in ways else []
        higher = "it has a surely higher one" if said else f"{lead} surely higher r2 of samples"
        said += [f"{higher} {joined(ways[1])}"] if 1 in ways else []
        said += [f"no difference is sure {joined(ways[0])}"] if 0 in ways else []
        said += [f"its r2 of one step is surely lower {joined(steps_lower)}"] if steps_lower else []
    columns = (
        "r2 of samples", "PCA locality: by entropy less calibrated, seed by seed",
        "local score by entropy, median", "local score, calibrated, median",
    )  # fmt: skip
    return f"{' '.join(f'{capital(one)}.' for one in said)}\n\n{markdown(columns, rows)}"


def without_network_beside(known: Known) -> str:
    """How the two local scores stand, and where settings by entropy fail in single steps."""
    said = [f"{one}." for one in _worst(known, "paper", TWINS, "calibrated")]
    return "\n\n".join(filter(None, [*_local_scores(known), " ".join(said)]))


def _local_scores(known: Known) -> list[str]:
    """The local score by entropy beside the calibrated one: seed by seed, or by what both are from a rival.

    Medians with intervals of their own say little, as seeds are shared. So they judge nothing.
    """
    twin, name = TWINS[0]
    direct, ways, rows = [], dict[int, list[str]](), []
    for title, found in known.items():
        if (one := paired(found, "paper/median_r2", name, twin)) is not None:
            direct.append(f"{signed(one)} {on([title])}")
            continue
        both = [paired(found, "paper/median_r2", row, EXACT) for row in (name, twin)]
        if both[0] is not None and both[1] is not None:
            ways.setdefault(apart(both[0], both[1]), []).append(title)
            rows.append([title, *(None if one is None else signed(one) for one in both)])
    parts = [f"The local score by entropy less the calibrated one, seed by seed: {'; '.join(direct)}."]
    parts = parts if direct else []
    if rows:
        told = [f"{NEARER[way]} {on(ways[way])}" for way in NEARER if way in ways]
        lead = "No difference of the two local scores, seed by seed, was kept"
        where = f" {on([row[0] for row in rows])}" if direct else ""
        rival = f"The table has what each is from {called(EXACT)}, seed by seed"
        bound = "A rival in common bounds their difference and does not measure it"
        columns = ("r2 of samples, less that of PCA locality", "local score by entropy", "calibrated")
        parts += [f"{lead}{where}. {rival}. By these {'; '.join(told)}. {bound}.", markdown(columns, rows)]
    return parts


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
        f"In single steps such a row can be behind Wiener, most so at sigma {sigma_of(t):.3g} {on([title])}: "
        f"{called(name)} has {ours:.3f}, {beside}Wiener {floor:.3f} ({told})",
        f"Above sigma {sigma_of(high):.3g} none is surely behind",
    ]
