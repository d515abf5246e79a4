"""What the page of our own denoisers says: how they stand to PCA locality, to Wiener and to networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.results.questions.own_gap import HALF, KINDS, closed, gap, number, per_cents
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    OWN,
    Found,
    interval_of,
    is_middle,
    levels,
    listed,
    signed,
    steps,
)
from benchmarks.results.words.titles import called, capital

DEAR, NEAR = 2.0, 1.05  # aims: times PCA locality's seconds, times an error
AIMS = ("half of the gap", "at most twice the time of PCA locality", "an error within 5 % of the network's")
COLUMNS = (
    "", "r2 less PCA locality's, seed by seed (median)", "r2 less Wiener's, likewise",
    "gap closed, of median and of mean r2", "time / PCA locality's", "held-out error / PCA locality's",
    "held-out error / the network's own",
)  # fmt: skip


def own_verdict(found: Found) -> str:
    """What the table and the short answer lack: training images, what the gap is counted from, more error.

    Without numbers for the table: whether ours are ahead.
    """
    parts = [_banks(found), closed(found), _more_error(found)]
    parts = parts if any(parts) else [ahead(found)]
    return ". ".join(capital(part) for part in parts if part)


def own_table(found: Found) -> tuple[Sequence[str], list[list[Any]]]:
    """A row for each of ours, with what the sentences are made of."""
    rows = []
    for name in OWN:
        gaps = [gap(found, name, kind) for kind in KINDS]
        errors = [_range(_errors(found, name, rival)) for rival in (EXACT, "network")]
        rows.append(
            [
                called(name),
                *(_over(found, name, base) for base in (EXACT, FLOOR)),
                per_cents(gaps),
                _time(found, name),
                *errors,
            ]
        )
    return COLUMNS, rows


def ahead(found: Found) -> str:
    """Which of ours are nearer to the network's samples than what, by the intervals of mean and median."""
    words = {name: {base: word(found, name, base) for base in (EXACT, FLOOR)} for name in OWN}
    said = []
    for way in ("nearer to", "farther from", "not clearly nearer to or farther from"):
        sets: dict[tuple[str, ...], list[str]] = {}
        for name, one in words.items():
            bases = tuple(base for base, its in one.items() if its == way)
            if bases:
                sets.setdefault(bases, []).append(name)
        for bases, names in sets.items():
            verb = "are" if len(names) > 1 else "is"
            rivals = " and than ".join(map(called, bases))
            said.append(
                f"{' and '.join(map(called, names))} {verb} {way} the network's samples than {rivals}"
            )
    return ". ".join(capital(part) for part in said) or "Ours are not set beside PCA locality or Wiener"


def word(found: Found, name: str, base: str) -> str | None:
    both = [interval_of(found, f"paper/{kind}r2_over_{base}", name) for kind in ("", "median_")]
    known = [one for one in both if one is not None]
    if not known:
        return None
    if all(low > 0 for _, low, _ in known):
        return "nearer to"
    return (
        "farther from" if all(high < 0 for _, _, high in known) else "not clearly nearer to or farther from"
    )


def more_images(found: Found) -> tuple[float, float] | None:
    """The training images of ours and of PCA locality, where each of ours had more."""
    own, exact = [number(found, "bank", name) for name in OWN], number(found, "bank", EXACT)
    known = [count for count in own if count is not None]
    return None if exact is None or not known or min(known) <= exact else (min(known), exact)


def _banks(found: Found) -> str:
    both = more_images(found)
    told = "Ours had {:,.0f} training images here, and PCA locality {:,.0f}"
    return told.format(*both) if both else ""


def _more_error(found: Found) -> str:
    """Where ours have surely more error on held-out images than PCA locality."""
    said: dict[str, list[str]] = {}
    for name in OWN:
        if worse := levels(found, f"paper/heldout_over_{EXACT}_low/{name}/", lambda low: low > 1):
            said.setdefault(listed(worse), []).append(called(name))
    told = [f"{' and '.join(names)} at sigma {at}" for at, names in said.items()]
    return f"more error on held-out images than PCA locality: {'; '.join(told)}" if told else ""


def met(found: Found) -> dict[str, tuple[bool, bool, bool]]:
    """Which of the three aims each of ours meets, where all three were measured."""
    known = measured(found).items()
    return {name: (share >= HALF, times <= DEAR, most <= NEAR) for name, (share, times, most) in known}


def measured(found: Found) -> dict[str, tuple[float, float, float]]:
    """Per cent of the gap, times PCA locality's seconds, and at most how many times the network's error."""
    known = {}
    for name in OWN:
        share, times = gap(found, name, "median_r2"), _time(found, name)
        errors = _errors(found, name, "network")
        if share is not None and times is not None and errors:
            known[name] = (share, times, max(errors.values()))
    return known


def _time(found: Found, name: str) -> float | None:
    own, exact = (number(found, "seconds", row) for row in (name, EXACT))
    return None if own is None or not exact else own / exact


def _errors(found: Found, name: str, rival: str) -> dict[int, float]:  # time-step -> times the rival's
    if rival == EXACT:
        ratios = steps(found, f"paper/heldout_over_{EXACT}/{name}/")
    else:
        ours, theirs = (steps(found, f"paper/heldout_ratio/{row}/") for row in (name, rival))
        ratios = {t: ours[t] / theirs[t] for t in ours if t in theirs}
    return {t: ratio for t, ratio in ratios.items() if is_middle(t)}


def _range(ratios: dict[int, float]) -> str | None:
    return f"{min(ratios.values()):.2f} to {max(ratios.values()):.2f}" if ratios else None


def _over(found: Found, name: str, base: str) -> str | None:
    known = interval_of(found, f"paper/median_r2_over_{base}", name)
    return None if known is None else signed(known)
