"""What the pages of results say of recorded numbers of the paper's table and of its variants.

Verdicts are read from paired intervals; what was not measured is said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from benchmarks.results.words.titles import called, capital, plus
from locality import NoiseSchedule

Found = Mapping[str, Any]  # what a run folder's metrics.json holds
EXACT, WSSM, FLOOR = "pca_locality", "pca_locality_wssm", "wiener"
OWN = ("stacked_locality", "stacked_mixtures")  # this project's: as costly as EXACT, and cheap
ORDER = ("optimal", "equivariant_local_score", FLOOR, EXACT, "golden_subset")  # published, CIFAR-10
TAUS = ("tau_002", "tau_005", "tau_02", "tau_05", "tau_2", "tau_5")  # PCA locality at each
RELEASED = "pca_locality_released"  # float32 factors and batch averages of 512, with a tau of its own
LEAST = 50  # time-step: what pictures show begins above it; at t = 0 all but copies say x
SEEDS = 32  # the fewest of a row that is ranked
ASKED = {26: 0.1}  # levels that comparisons ask for and that are no time-step's own: time-step -> sigma
STEP = 100  # time-steps between the noise levels of a table
LEVEL = 0.01  # of a ratio of errors, around 1: not told of where it is unsure
MIDDLE = (0.3, 3.6)  # the noise levels of claims, and over which a cell is a median: t = 100 ... 500


def against(found: Found, name: str, section: str = "variants", base: str = EXACT) -> str:
    """How the r2 of a row stands to that of another, seed by seed, in words and numbers.

    Higher or lower is said where the intervals of the mean and of the median of the differences agree.
    """
    known = differences(found, name, section, base)
    if not known:
        return f"{called(name)}: not measured"
    if is_same(known):
        return f"{called(name)}: the same"
    words = {"higher" if low > 0 else "lower" if high < 0 else "no sure difference" for _, low, high in known}
    kinds = ("mean", "median") if len(known) > 1 else ("mean",)
    told = [
        f"{kind} {mean:+.3g} [{low:+.3g}, {high:+.3g}]"
        for kind, (mean, low, high) in zip(kinds, known, strict=True)
    ]
    if len(words) > 1:
        return f"{called(name)}: mean and median disagree ({', '.join(told)})"
    return f"{called(name)}: {words.pop()} ({told[-1]})"


def differences(found: Found, name: str, section: str, base: str) -> list[tuple[float, float, float]]:
    """The mean and the median of the differences of r2, with their intervals, as far as they are known."""
    both = [interval_of(found, f"{section}/{kind}r2_over_{base}", name) for kind in ("", "median_")]
    return [one for one in both if one is not None]


def is_same(known: Sequence[tuple[float, float, float]]) -> bool:
    """Whether two rows are one: no seed makes a difference."""
    return bool(known) and all(one == (0, 0, 0) for one in known)


def signed(known: tuple[float, float, float]) -> str:
    """A difference and its interval."""
    return "{} [{}, {}]".format(*map(plus, known))


def number_of(found: Found, key: str, name: str) -> float | None:
    """A recorded number of a row, where it was measured."""
    value = found["scalars"].get(f"{key}/{name}")
    return None if value is None else float(value)


def interval_of(found: Found, key: str, name: str) -> tuple[float, float, float] | None:
    """A number and the ends of its interval, where it was measured."""
    scalars = found["scalars"]
    if scalars.get(f"{key}/{name}") is None or f"{key}_low/{name}" not in scalars:
        return None
    mean, low, high = (float(scalars[f"{key}{end}/{name}"]) for end in ("", "_low", "_high"))
    return mean, low, high


def heldout_verdict(found: Found, section: str = "paper", rows: Sequence[str] = (EXACT, *OWN)) -> str:
    """At which noise levels the analytical denoisers have less error than Wiener."""
    parts = []
    for name in rows:
        better = levels(found, f"{section}/heldout_ratio_high/{name}/", lambda high: high < 1)
        worse = levels(found, f"{section}/heldout_ratio_low/{name}/", lambda low: low > 1)
        if steps(found, f"{section}/heldout_ratio_low/{name}/"):
            among = steps(found, f"{section}/heldout_ratio/{name}/")
            unsure = [among[t] for t in among if t not in {*better, *worse}]
            parts.append(
                f"{called(name)} has less error than Wiener {where(better, among)}, "
                f"more {where(worse, among)}"
            )
            if any(abs(ratio - 1) > LEVEL for ratio in unsure):
                ends = dict.fromkeys(f"{end(unsure):.2f}" for end in (min, max))
                parts.append(f"where neither is sure, its error is {' to '.join(ends)} times Wiener's")
        else:
            parts.append(f"{called(name)} was not measured")
    return ". ".join(capital(part) for part in parts)


def order_verdict(found: Found) -> str:
    """How many pairs of rows are in the published order here, by the median of r2."""
    known, pairs = ranked(found), ordered(found)
    if not pairs:
        return "no two of these rows were measured"
    turned = [f"{called(high)} is behind {called(low)}" for (low, high), way in pairs.items() if way < 0]
    level = [f"{called(high)} and {called(low)}" for (low, high), way in pairs.items() if way == 0]
    ours = ", ".join(f"{called(row)} {known[row]:.3g}" for row in sorted(known, key=lambda row: known[row]))
    few = [f"{called(row)} had {count}" for row in known if (count := seeds_if_few(found, row))]
    good = list(pairs.values()).count(1)
    said = [
        f"{good} of {len(pairs)} pairs of rows are in the published order (CIFAR-10: "
        f"{', '.join(map(called, ORDER))}, from the lowest r2 up)",
        f"here, by the median: {ours}",
    ]
    said += [f"reversed: {'; '.join(turned)}"] if turned else []
    said += [f"level, as the interval of the difference holds 0: {'; '.join(level)}"] if level else []
    unlike = [
        f"{called(high)} and {called(low)}"
        for (low, high), way in pairs.items()
        if way > 0 and known[high] < known[low]
    ]
    said += [f"in order seed by seed, though not by these medians: {'; '.join(unlike)}"] if unlike else []
    said += [f"fewer seeds than the others: {', '.join(few)}"] if few else []
    return ". ".join(capital(part) for part in said)


def ranked(found: Found) -> dict[str, float]:
    """The rows of the published order that had enough seeds, with their median r2."""
    return {row: r2 for row in ORDER if (r2 := _median(found, row)) is not None}


def ordered(found: Found) -> dict[tuple[str, str], int]:
    """Each pair of these rows: 1 if it is surely in the published order here, -1 if reversed, else 0."""
    rows = list(ranked(found))
    pairs = [(low, high) for k, low in enumerate(rows) for high in rows[k + 1 :]]
    return {(low, high): stands_to(found, "paper/median_r2", high, low) or 0 for low, high in pairs}


def paired(found: Found, key: str, row: str, other: str) -> tuple[float, float, float] | None:
    """A row's number less another's, seed by seed, where that was kept: as it is, or turned."""
    if (known := interval_of(found, f"{key}_over_{other}", row)) is not None:
        return known
    known = interval_of(found, f"{key}_over_{row}", other)
    return None if known is None else (-known[0], -known[2], -known[1])


def stands_to(found: Found, key: str, row: str, other: str) -> int | None:
    """1 if a row's number is surely above another's, -1 if surely below, else 0; None where nothing is kept.

    By the differences seed by seed; by the rows' own intervals where there are none. Never by numbers alone.
    """
    if (known := paired(found, key, row, other)) is not None:
        return side(known)
    own, theirs = (interval_of(found, key, one) for one in (row, other))
    return None if own is None or theirs is None else apart(own, theirs)


def apart(one: tuple[float, float, float], other: tuple[float, float, float]) -> int:
    """Where the interval of a number is beside another's: 1 surely above, -1 surely below, else 0."""
    return 1 if one[1] > other[2] else -1 if one[2] < other[1] else 0


def side(known: tuple[float, float, float]) -> int:
    """On which side of 0 a number and its interval are; 0 if it holds 0."""
    return 1 if known[1] > 0 else -1 if known[2] < 0 else 0


def _median(found: Found, row: str) -> float | None:
    """The median r2, where enough seeds were measured."""
    scalars = found["scalars"]
    enough = scalars.get(f"paper/samples/{row}", 0) >= SEEDS
    value = scalars.get(f"paper/median_r2/{row}")
    return float(value) if enough and value is not None else None


def seeds_if_few(found: Found, row: str) -> int:
    """The seeds of a row that had fewer than another; else 0."""
    counts = {k: v for k, v in found["scalars"].items() if k.startswith("paper/samples/")}
    own = int(counts.get(f"paper/samples/{row}", 0))
    return own if own < max(counts.values(), default=0) else 0


def is_middle(t: int) -> bool:
    """Whether a time-step is one of the middle noise levels."""
    return MIDDLE[0] <= sigma_of(t) <= MIDDLE[1]


def sigma_of(t: int) -> float:
    """The noise level that was asked for where the numbers are a time-step's of DDPM."""
    return ASKED.get(t) or float(NoiseSchedule.ddpm().sigma(t))


def levels(found: Found, start: str, good: Callable[[float], bool]) -> list[int]:
    """The time-steps at which a recorded number is good."""
    return [t for t, value in steps(found, start).items() if good(value)]


def steps(found: Found, start: str) -> dict[int, float]:
    """time-step -> number, for the numbers whose names begin so."""
    return {
        int(name.rsplit("/t", 1)[1]): value
        for name, value in found["scalars"].items()
        if name.startswith(f"{start}t") and value is not None
    }


def step_kind(found: Found, section: str, end: str = "") -> str:
    """What is told of the r2 of one step: the median over images where it was recorded, else the mean.

    An end of `_low` asks for the medians' intervals, too.
    """
    start = f"{section}/median_step_r2{end}/"
    known = any(name.startswith(start) for name, one in found["scalars"].items() if one is not None)
    return "median_step_r2" if known else "step_r2"


def over_images(kind: str) -> str:
    """What a kind of r2 of one step is."""
    return f"{'median' if kind.startswith('median') else 'mean'} over images"


def where(times: Collection[int], among: Collection[int]) -> str:
    """`at every noise level`, `at sigma ...`, or `nowhere`."""
    if not times:
        return "nowhere"
    return "at every noise level" if set(times) == set(among) else f"at sigma {listed(list(times))}"


def listed(times: Sequence[int], last: str = ", ") -> str:
    """The noise levels of time-steps, as the tables have them; neighbours among the hundreds as `a to b`.

    The last is joined by `last`.
    """
    runs: list[list[int]] = []
    for t in sorted(times):
        if runs and t - runs[-1][-1] == STEP:
            runs[-1].append(t)
        else:
            runs.append([t])
    told = [[[run[0], run[-1]]] if len(run) > 2 else [[t] for t in run] for run in runs]
    levels = [" to ".join(f"{sigma_of(t):.3g}" for t in ends) for parts in told for ends in parts]
    *before, end = levels or ["none"]
    return last.join([", ".join(before), end]) if before else end
