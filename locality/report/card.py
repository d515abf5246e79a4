"""MODEL_CARD.md: what a trained model is, how it was made and what it is good for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from locality.report.glossary import titled
from locality.report.provenance import told
from locality.report.quoting import block, code, plain
from locality.report.table import Cell, Table, format_markdown


@dataclass(frozen=True)
class ModelCard:
    """What only the author of a model knows; numbers, command and versions come from the run.

    All but `title` and `usage` is Markdown: names of files and the like go through `locality.report.quoting`.
    """

    title: str  # text
    summary: str  # one paragraph: what it is and what for
    data: str  # what it was trained on, with the fingerprint
    usage: str  # text: Python that loads it
    limits: Sequence[str] = ()  # what it must not be used for, what was seen to fail
    facts: Mapping[str, str] = field(default_factory=dict)  # architecture, parameters, steps...


def render_card(
    card: ModelCard, scalars: Mapping[str, float | None], tables: Mapping[str, Table], run: Mapping[str, Any]
) -> str:
    """The card in Markdown with the header that model hubs read."""
    facts = {
        **card.facts,
        "Command": code(told(str(run["command"]))),
        "Commit": code(str(run["commit"])),
        "Date": plain(str(run["started"])),
    }
    if resumed := run.get("resumed"):
        facts["Resumed"] = f"{len(resumed)} x, the last at commit {code(str(resumed[-1]['commit']))}"
    for stage in run.get("before", []):  # of the weights that the training began with, the first one first
        made = f"{code(told(str(stage['command'])))}, commit {code(str(stage['commit']))}"
        facts[f"Went on after {stage['step']:,} steps of"] = f"{made}, {plain(str(stage['started']))}"
    parts = [
        "---\nlicense: mit\nlibrary_name: locality\ntags:\n- diffusion\n- denoising\n---",
        f"# {plain(card.title)}",
        card.summary,
        "## Data\n\n" + card.data,
        "## How it was made\n\n" + format_markdown(["", ""], [[key, value] for key, value in facts.items()]),
        "## Use\n\n" + block(card.usage, "python"),
    ]
    if scalars:
        parts.append("## Numbers\n\n" + _table(["quantity", "value"], sorted(scalars.items())))
    for name, table in tables.items():
        text = table.spoken()
        parts.append(f"### {plain(titled(name))}\n\n{_table(text.columns, text.rows)}")
    if card.limits:
        parts.append("## Limits\n\n" + "\n".join(f"* {limit}" for limit in card.limits))
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    quoted = [[plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    return format_markdown([plain(column) for column in columns], quoted)
