"""What the pages of results say of settings by the posterior's entropy, beside calibrated ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    LEAST,
    Found,
    interval_of,
    is_middle,
    listed,
    over_images,
    sigma_of,
    signed,
    step_kind,
    steps,
)
from benchmarks.results.words.titles import called, capital, joined

NOT_MEASURED = "not measured"  # a whole answer
TWINS = (("local_score", "local_score_entropy"), (EXACT, "pca_locality_entropy"))  # calibrated, by entropy
CHOSEN = (  # by entropy: level by level, and output by output
    ("local_score_entropy", "local_score_by_output"), ("pca_locality_entropy", "pca_locality_by_output"),
)  # fmt: skip


def without_network_verdict(found: Found) -> str:
    """What settings of the bank's entropy cost beside those that were calibrated against the network."""
    said = list(_beside(found, "paper", TWINS, "calibrated against the network"))
    return _sentences([*said, *_pits(found, "paper", TWINS)]) if said else NOT_MEASURED


def by_output_verdict(found: Found) -> str:
    """What outputs gain that choose for themselves, beside one setting for all of a noise level."""
    said = list(_beside(found, "by_output", CHOSEN, "with one setting at a noise level"))
    if not said:
        return NOT_MEASURED
    over = {name: interval_of(found, f"by_output/median_r2_over_{EXACT}", name) for _, name in CHOSEN}
    told = [f"{called(name)} {signed(known)}" for name, known in over.items() if known is not None]
    beside = [f"beside {called(EXACT)}, calibrated, seed by seed: {', '.join(told)}"] if told else []
    calibrated = [(twin, name) for (twin, _), (_, name) in zip(TWINS, CHOSEN, strict=True)]
    return _sentences([better_by_output(found), *said, *beside, *_pits(found, "by_output", calibrated)])


def _sentences(parts: Sequence[str]) -> str:
    return ". ".join(capital(part) for part in parts)


def better_by_output(found: Found) -> str:
    """Yes, no or in part: whether choosing has the higher r2, in samples and in single steps."""
    gains = [interval_of(found, f"by_output/median_r2_over_{twin}", name) for twin, name in CHOSEN]
    known = [gain for gain in gains if gain is not None]
    higher, lower = [gain for gain in known if gain[1] > 0], [gain for gain in known if gain[2] < 0]
    lost = [t for twin, name in CHOSEN for t in surely_lower(found, "by_output", name, twin)]
    if not known:
        return "undecided: nothing was measured seed by seed"
    if not higher:
        return "no: r2 is nowhere surely higher" if lower else "undecided: the intervals of r2 hold 0"
    if len(higher) < len(known) or lost:
        at = f"; in one step it is surely lower at sigma {listed(sorted(set(lost)))}" if lost else ""
        return f"in part: r2 is surely higher for {len(higher)} of {len(known)} rows that choose{at}"
    return "yes: every row that chooses has a surely higher r2 of samples than with one setting by entropy"


def _beside(found: Found, section: str, twins: Sequence[tuple[str, str]], other: str) -> Iterator[str]:
    """The r2 of each row and its twin: of the same seeds, or the difference over the seeds of both."""
    for twin, name in twins:
        ours, theirs = (found["scalars"].get(f"{section}/median_r2/{one}") for one in (name, twin))
        if ours is None or theirs is None:
            continue
        paired = interval_of(found, f"{section}/median_r2_over_{twin}", name)
        seeds = [found["scalars"].get(f"{section}/samples/{one}") for one in (name, twin)]
        alike = None in seeds or len(set(seeds)) == 1
        said = f"median r2 {ours:.3f}, {other} {theirs:.3f}"
        if paired is not None and alike:
            said += f", seed by seed {signed(paired)}"
        elif paired is not None:
            said = f"r2 over the seeds of both {signed(paired)} beside {called(twin)}, {other}"
        elif not alike:
            said += ", of {:.0f} and {:.0f} seeds: not to be set side by side".format(*seeds)
        held = {one: steps(found, f"{section}/heldout_ratio/{one}/") for one in (name, twin)}
        times = [t for t in held[name] if is_middle(t) and t in held[twin]]
        ratios = [held[name][t] / held[twin][t] for t in times]
        if times:
            said += f"; held-out error {min(ratios):.2f} to {max(ratios):.2f} times that, at sigma "
            said += f"{sigma_of(min(times)):.3g} to {sigma_of(max(times)):.3g}"
        yield f"{called(name)}: {said}"


def sure_kind(found: Found, section: str) -> str:
    """Which r2 of one step is judged: the one that has intervals."""
    return step_kind(found, section, "_low")


def surely_lower(found: Found, section: str, name: str, other: str) -> dict[int, float]:
    """The noise levels at which one step's r2 is lower, intervals apart, and by how much."""
    kind = sure_kind(found, section)
    ours, theirs = (steps(found, f"{section}/{kind}/{one}/") for one in (name, other))
    highs = steps(found, f"{section}/{kind}_high/{name}/")
    lows = steps(found, f"{section}/{kind}_low/{other}/")
    return {t: theirs[t] - ours[t] for t in highs if t >= LEAST and t in lows and highs[t] < lows[t]}


def images_unlike(found: Found, section: str, name: str, others: Mapping[str, str]) -> str:
    """`; 32 images, Wiener 64`: over how many images numbers are, where the rows had other counts."""
    own = found["scalars"].get(f"{section}/samples/{name}")
    counts: dict[float, list[str]] = {}
    for other, told in others.items():
        count = found["scalars"].get(f"{section}/samples/{other}")
        if own is not None and count is not None and count != own:
            counts.setdefault(count, []).append(told)
    unlike = [
        f"{'the others' if len(names) == len(others) > 1 else joined(names)} {count:.0f}"
        for count, names in counts.items()
    ]
    return f"; {own:.0f} images, {joined(unlike)}" if unlike else ""


def _pits(found: Found, section: str, twins: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Where rows are surely worse in one step than calibrated ones and than Wiener, and how deep it goes."""
    for twin, name in twins:
        others = {twin: "the calibrated one", FLOOR: called(FLOOR)}
        lower = {told: surely_lower(found, section, name, other) for other, told in others.items()}
        times = {t for one in lower.values() for t in one}
        gaps = {t: max(one.get(t, 0.0) for one in lower.values()) for t in times}
        row = f"in one step the r2 of {called(name)}, {over_images(sure_kind(found, section))},"
        if gaps:
            places = [f"of {told} at sigma {listed(list(one))}" for told, one in lower.items() if one]
            yield f"{row} is surely below (intervals apart) that {' and '.join(places)}"
            yield _deepest(found, section, name, others, max(gaps, key=lambda t: gaps[t]))
        elif sure_kind(found, section) != step_kind(found, section):
            yield (
                f"in one step it is not tested whether {called(name)} is below "
                f"{' or '.join(others.values())}: the r2 that is shown, "
                f"{over_images(step_kind(found, section))}, has no interval"
            )
        elif steps(found, f"{section}/{sure_kind(found, section)}_high/{name}/"):
            yield f"{row} is nowhere surely below that of {' or '.join(others.values())}"


def _deepest(found: Found, section: str, name: str, others: Mapping[str, str], t: int) -> str:
    """The numbers of a row and of others at one noise level."""

    def ends(kind: str) -> list[float | None]:
        return [steps(found, f"{section}/{kind}{end}/{name}/").get(t) for end in ("", "_low", "_high")]

    kind = sure_kind(found, section)
    known = {told: steps(found, f"{section}/{kind}/{other}/").get(t) for other, told in others.items()}
    beside = ", ".join(f"{told} {value:.3f}" for told, value in known.items() if value is not None)
    held = ends("heldout_ratio")
    error = (
        "" if None in held else "; its held-out error {:.2f} [{:.2f}, {:.2f}] times Wiener's".format(*held)
    )
    r2 = "{:.3f} [{:.3f}, {:.3f}]".format(*ends(kind))
    unlike = images_unlike(found, section, name, others)
    counts = f" ({unlike.removeprefix('; ')})" if unlike else ""
    return f"at sigma {sigma_of(t):.3g}, where it is farthest below, it is {r2}, {beside}{counts}{error}"
