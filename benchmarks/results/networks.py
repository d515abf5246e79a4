"""docs/results/networks.md: the networks that ship, against the bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.results.bar import behind, steps_in_all
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.page_parts import FOOT, SOURCES, folded, remade
from benchmarks.results.words.commands import edits
from benchmarks.results.words.small_tables import Table
from benchmarks.results.words.titles import NETWORK, PREDICTED, bullets, joined, markdown, network_called
from locality.heldout import CORE, SIGMAS


def networks(kept: Kept) -> str:
    """The networks that ship, against the bar."""
    parts = ["# Networks that ship, on images that they have not seen"]
    columns, rows = network_table(kept["networks"])
    good = sum(row[-1] == "passed" for row in rows)
    parts.append(
        f"{good} of {len(rows)} have less error than Wiener where we ask for it: they pass the bar. The bar: "
        f"surely less error than Wiener's from sigma {CORE[0]:g} to {CORE[1]:g}, nowhere surely more from "
        f"{SIGMAS[0]:g} to {SIGMAS[-1]:g}. The table has the error over Wiener's at three noise levels."
    )
    parts += [markdown(columns, rows), f"{_over(kept)} The whole table is on each card.".strip()]
    more = {name: one for name, one in kept.get("unshipped", {}).items() if name not in kept["networks"]}
    if more:
        parts += ["Measured alike, and not in the package:", markdown(*network_table(more))]
        parts.append(bullets(f"{network_called(name)}. {remade(name, one)}" for name, one in more.items()))
    commands = [
        f"{network_called(name)}, `{name}`: `{one['run']['command']}`, commit `{one['run']['commit']}`"
        f"{edits(one['run']['commit'])}{_before(one)}"
        for name, one in [*kept["networks"].items(), *more.items()]
    ]
    return "\n\n".join([*parts, folded(SOURCES, commands), FOOT]) + "\n"


def _before(network: Mapping[str, Any]) -> str:
    """The trainings of the weights that a network began with."""
    stages = [f"`{one['command']}` ({one['step']:,} steps)" for one in network["run"].get("before") or []]
    return f". It went on from {joined(stages)}" if stages else ""


def _over(kept: Kept) -> str:
    """The networks that pass with an error above Wiener's, and where."""
    told = []
    for name, one in {**kept["networks"], **kept.get("unshipped", {})}.items():
        over = [f"{row[0]:g}" for row in one["tables"]["heldout"]["rows"] if row[3] > 1]
        if over and not behind(one):
            told.append(f"{network_called(name)} at sigma {joined(over)}")
    return f" Passed with an error above Wiener's that is not sure: {'; '.join(told)}." if told else ""


def network_table(known: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each network."""
    shown_at = (0.2, 1.0, 5.0)
    rows: list[list[Any]] = []
    for name, one in known.items():
        table = one["tables"]["heldout"]["rows"]
        ratios = {row[0]: row[3] for row in table}
        where = behind(one)
        rows.append(
            [
                network_called(name),
                PREDICTED.get(one.get("predicts", "")),
                f"{steps:,}" if (steps := steps_in_all(one)) else None,
                *(ratios.get(sigma) for sigma in shown_at),
                f"not passed at sigma {where}" if where else "passed",
            ]
        )
    return [NETWORK, "predicts", "steps", *(f"sigma {sigma:g}" for sigma in shown_at), "the bar"], rows
