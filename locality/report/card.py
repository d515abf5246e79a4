"""MODEL_CARD.md: what a trained model is, how it was made and what it is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from locality.report.provenance import told
from locality.report.table import Table, format_markdown


@dataclass(frozen=True)
class ModelCard:
    """What only the author of a model knows; numbers, command and versions come from the run."""

    title: str
    summary: str  # one paragraph: what it is and what for
    data: str  # what it was trained on, with the fingerprint
    usage: str  # Python that loads it
    limits: Sequence[str] = ()  # what it must not be used for, what was seen to fail
    facts: Mapping[str, str] = field(default_factory=dict)  # architecture, parameters, steps...


def render_card(
    card: ModelCard, scalars: Mapping[str, float | None], tables: Mapping[str, Table], run: Mapping[str, Any]
) -> str:
    """The card in Markdown with the header that model hubs read."""
    facts = {
        **card.facts,
        "Command": f"`{told(str(run['command']))}`",
        "Commit": f"`{run['commit']}`",
        "Date": run["started"],
    }
    if resumed := run.get("resumed"):
        facts["Resumed"] = f"{len(resumed)} x, the last at commit `{resumed[-1]['commit']}`"
    parts = [
        "---\nlicense: mit\nlibrary_name: locality\ntags:\n- diffusion\n- denoising\n---",
        f"# {card.title}",
        card.summary,
        "## Data\n\n" + card.data,
        "## How it was made\n\n" + format_markdown(["", ""], [[key, value] for key, value in facts.items()]),
        f"## Use\n\n```python\n{card.usage.strip()}\n```",
    ]
    if scalars:
        parts.append("## Numbers\n\n" + format_markdown(["quantity", "value"], sorted(scalars.items())))
    parts += [f"### {name}\n\n{format_markdown(table.columns, table.rows)}" for name, table in tables.items()]
    if card.limits:
        parts.append("## Limits\n\n" + "\n".join(f"* {limit}" for limit in card.limits))
    return "\n\n".join(parts) + "\n"
