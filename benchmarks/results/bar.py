"""The bar of networks: where one is not shown to beat Wiener, and how it was trained."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.results.words.answers import Found
from benchmarks.results.words.titles import joined
from locality.heldout import is_behind

SHORT_OF = {  # of one network, and of several: surely, or not
    True: ("has surely more error than", "have surely more error than"),
    False: ("is not shown to beat", "are not shown to beat"),
}


def behind(network: Found) -> str:
    """The noise levels at which a network does not pass the bar; empty if it passes."""
    return ", ".join(f"{sigma:g}" for sigma in levels_short(network))


def short_of(network: Found) -> str:
    """`has surely more error than Wiener at sigma 5`, and `is not shown to beat`; empty if it passes."""
    return joined(
        f"{SHORT_OF[sure][0]} Wiener at sigma {joined(f'{sigma:g}' for sigma in levels)}"
        for sure, levels in levels_by_surety(network).items()
    )


def levels_by_surety(network: Found) -> dict[bool, tuple[float, ...]]:
    """The noise levels at which it has surely more error than Wiener (True), and others that it fails."""
    sure = [level for level in levels_short(network) if surely_short(network, [level])]
    told = {True: tuple(sure), False: tuple(level for level in levels_short(network) if level not in sure)}
    return {surety: levels for surety, levels in told.items() if levels}


def surely_short(network: Found, levels: Sequence[float]) -> bool:
    """Whether a network has surely more error than Wiener at all these levels."""
    ends = {row[0]: row[-2] for row in network["tables"]["heldout"]["rows"]}
    return all(ends[sigma] > 1 for sigma in levels)


def levels_short(network: Found) -> tuple[float, ...]:
    rows = network["tables"]["heldout"]["rows"]
    return tuple(row[0] for row in rows if is_behind(row[0], *row[-2:]))


def steps_before(network: Found) -> int:
    """How many steps the weights had that a network began with; 0 for weights drawn at random."""
    return sum(stage["step"] for stage in network.get("run", {}).get("before") or [])


def steps_in_all(network: Found) -> int | None:
    """How many steps its weights have seen, those before it began too; None where nothing says so."""
    own = network.get("run", {}).get("step")
    return own + steps_before(network) if own else None
