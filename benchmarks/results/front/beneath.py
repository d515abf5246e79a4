"""Sentences beneath a table of the front page: PCA locality as released, and the nearest other method."""

from __future__ import annotations

from benchmarks.results.kept.gathering import Kept
from benchmarks.results.questions.claims import standing, stands
from benchmarks.results.words import protocols
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    RELEASED,
    SEEDS,
    Found,
    number_of,
    paired,
    side,
    signed,
)
from benchmarks.results.words.had import had
from benchmarks.results.words.titles import called

OTHERS = ("local_score", "patch_composite", "golden_subset")  # published, beside PCA locality
STANDS = {1: "surely nearer than", 0: "not told apart from", -1: "surely farther than"}
PARTS = "batch averages, masks of float32 factors, a tau of its own"  # of the released form


def as_released(found: Found | None) -> str:
    """The r2 of PCA locality as the paper's code has it, beside Wiener's in the same run."""
    if not found:
        return ""
    r2, floor = (number_of(found, "released/median_r2", row) for row in (RELEASED, FLOOR))
    over = paired(found, "released/median_r2", RELEASED, FLOOR)
    if r2 is None or floor is None or over is None:
        return ""
    seeds = number_of(found, "released/samples", RELEASED)
    way = protocols.found_on(found)
    run = [f"{seeds:.0f} seeds"] if seeds else []
    run += [f"settings found on {way}"] if way else []
    about = f" ({', '.join(run)})" if run else ""
    return (
        f"As released ({PARTS}) PCA locality has an r2 of {r2:.3f} in a run of its own, where "
        f"Wiener has {floor:.3f}: {signed(over)} seed by seed{about}"
    )


def ahead_as_released(kept: Kept) -> str:
    """On which data the released form is surely nearer to a network than Wiener, in one sentence."""
    sorts = standing(kept.get("released", {}), RELEASED, FLOOR, "released")
    told = stands(sorts, called(FLOOR), "surely ")
    return f"As released ({PARTS}; runs of its own) PCA locality is {told}." if sorts else ""


def nearest_other(found: Found) -> str:
    """The published method that comes nearest beside PCA locality, seed by seed, with enough seeds."""
    over = {
        row: known
        for row in OTHERS
        if (number_of(found, "paper/samples", row) or 0) >= SEEDS
        and (known := paired(found, "paper/median_r2", row, EXACT))
    }
    if not over:
        return ""
    best = max(over, key=lambda row: over[row][0])
    r2 = number_of(found, "paper/median_r2", best)
    told = f"Of other published methods {called(best)} comes nearest"
    told += f": an r2 of {r2:.3f} with {had(found, 'paper', best)}" if r2 is not None else ""
    return f"{told}. It is {STANDS[side(over[best])]} {called(EXACT)}: {signed(over[best])} seed by seed"
