"""The questions that docs/results.md answers: each a table chosen from what was measured, and what it says.

Verdicts are read from paired intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]  # what a run folder's metrics.json holds
Table = tuple[Sequence[str], list[list[Any]]]  # columns, rows
EXACT = "pca_locality"
OWN = "soft_locality"
ORDER = (
    "optimal",
    "equivariant_local_score",
    "wiener",
    "pca_locality",
    "golden_subset",
)  # published, CIFAR-10


@dataclass(frozen=True)
class Question:
    """What is asked, the recorded tables that answer it, and what they say."""

    text: str
    section: str  # "variants" | "paper": whose tables
    tables: Callable[[Found], Iterator[Table]]
    verdict: Callable[[Found], str]


def chosen(found: Found, table: str, names: Sequence[str], columns: Sequence[str] | None = None) -> Table:
    """Some rows of a recorded table, and some columns after the first."""
    whole = found["tables"][table]
    heads = whole["columns"]
    kept = [0, *(k for k, head in enumerate(heads) if k and (columns is None or head in columns))]
    by_name = {row[0]: row for row in whole["rows"]}
    rows = [[by_name[name][k] for k in kept] for name in names if name in by_name]
    return [heads[k] for k in kept], rows


def against(found: Found, name: str, key: str = f"variants/r2_over_{EXACT}") -> str:
    """How the r2 of a row stands to PCA locality's, in words and numbers."""
    mean, low, high = (found["scalars"][f"{key}{end}/{name}"] for end in ("", "_low", "_high"))
    word = "higher" if low > 0 else "lower" if high < 0 else "not different"
    return f"`{name}` {word} ({mean:+.3g} [{low:+.3g}, {high:+.3g}])"


def variants(*names: str) -> tuple[Callable[[Found], Iterator[Table]], Callable[[Found], str]]:
    """The tables of some variants beside the exact row, and their verdicts."""

    def tables(found: Found) -> Iterator[Table]:
        yield chosen(found, "variants/samples", (EXACT, *names), ("r2", "r2 over PCA locality", "MSE"))
        yield chosen(found, "variants/step_r2", (EXACT, *names))
        yield chosen(found, "variants/heldout", (EXACT, *names))

    def verdict(found: Found) -> str:
        return "r2 to the network against `pca_locality`: " + ", ".join(against(found, n) for n in names)

    return tables, verdict


def heldout_tables(found: Found) -> Iterator[Table]:
    """Held-out errors of every row."""
    table = found["tables"]["paper/heldout"]
    yield table["columns"], table["rows"]


def heldout_verdict(found: Found) -> str:
    """At which noise levels the analytical denoisers have less error than Wiener."""
    parts = []
    for name in (EXACT, OWN):
        better = levels(found, f"paper/heldout_ratio_high/{name}/", lambda high: high < 1)
        worse = levels(found, f"paper/heldout_ratio_low/{name}/", lambda low: low > 1)
        parts.append(
            f"`{name}` has less error than Wiener at t = {listed(better)}, more at t = {listed(worse)}"
        )
    return "; ".join(parts)


def ceiling_tables(found: Found) -> Iterator[Table]:
    """One-step r2 of the second network, and of the best analytical row, at each noise level."""
    table = found["tables"]["paper/step_r2"]
    times = sorted(steps(found, "paper/step_r2/wiener/"), reverse=True)
    ceiling = [row for row in table["rows"] if row[0] == "nn2"]
    best = [top(found, t) for t in times]
    yield (
        table["columns"],
        [*ceiling, ["best analytical", *(f"{value:.3g} ({name})" for name, value in best)]],
    )


def ceiling_verdict(found: Found) -> str:
    """Where the gap to the second network is widest."""
    if "paper/r2/nn2" not in found["scalars"]:
        return "there is no second network"
    times = steps(found, "paper/step_r2/nn2/")
    gaps = {t: value - top(found, t)[1] for t, value in times.items()}
    widest = max(gaps, key=lambda t: gaps[t])
    name, value = max(analytical(found, "paper/r2/"), key=lambda pair: pair[1])
    return (
        f"r2 of samples: `nn2` {found['scalars']['paper/r2/nn2']:.3g}, the best analytical row (`{name}`) "
        f"{value:.3g}; in one step the gap is widest at t = {widest} ({gaps[widest]:.3g}) and "
        f"below .01 at t = {listed([t for t, gap in gaps.items() if gap < 0.01])}"
    )


def order_tables(found: Found) -> Iterator[Table]:
    """The published order's rows, ours."""
    yield chosen(found, "paper/samples", ORDER, ("r2", "MSE"))


def order_verdict(found: Found) -> str:
    """Ours, from the lowest r2 up."""
    ours = sorted(ORDER, key=lambda name: found["scalars"].get(f"paper/r2/{name}", 0.0))
    return f"from the lowest r2 up, published for CIFAR-10: {', '.join(ORDER)}; here: {', '.join(ours)}"


def levels(found: Found, start: str, good: Callable[[float], bool]) -> list[int]:
    """The time-steps at which a recorded number is good."""
    return [t for t, value in steps(found, start).items() if good(value)]


def steps(found: Found, start: str) -> dict[int, float]:
    """time-step -> number, for the numbers whose names begin so."""
    return {
        int(name.rsplit("/t", 1)[1]): value
        for name, value in found["scalars"].items()
        if name.startswith(f"{start}t")
    }


def analytical(found: Found, start: str) -> list[tuple[str, float]]:
    """(name, number) of every row but networks, for numbers named `<start><row>`."""
    scalars = found["scalars"]
    rows = [row[0] for row in found["tables"]["paper/samples"]["rows"]]
    return [(n, scalars[start + n]) for n in rows if n not in ("network", "nn2") and start + n in scalars]


def top(found: Found, t: int) -> tuple[str, float]:
    """The analytical row with the highest one-step r2 at a time-step."""
    rows = [
        (name, found["scalars"][f"paper/step_r2/{name}/t{t:03d}"])
        for name, _ in analytical(found, "paper/r2/")
    ]
    return max(rows, key=lambda pair: pair[1])


def listed(times: Sequence[int]) -> str:
    """Time-steps as text."""
    return ", ".join(map(str, sorted(times))) if times else "none"


QUESTIONS: tuple[Question, ...] = (
    Question(
        "Does the batch-averaged softmax score better than the exact one, and why?",
        "variants", *variants("wssm_128", "wssm_512", "wssm_2048"),
    ),
    Question(
        "How much rests on the float32 noise in the released masks?",
        "variants", *variants("float32", "float32_wssm_512"),
    ),
    Question(
        "Which mask orientation and threshold?",
        "variants", *variants("axis_row", "threshold_row", "both_row"),
    ),
    Question(
        "How sensitive is r2 to tau?",
        "variants", *variants("tau_002", "tau_005", "tau_02", "tau_05", "tau_2", "tau_5"),
    ),
    Question(
        "How much of the gain over Wiener survives on held-out denoising?",
        "paper", heldout_tables, heldout_verdict,
    ),
    Question(
        "How far below the second network is the best analytical denoiser, and at which noise levels?",
        "paper", ceiling_tables, ceiling_verdict,
    ),
    Question(
        "Does the order of the methods agree with the published one?",
        "paper", order_tables, order_verdict,
    ),
)  # fmt: skip
