"""dashboard.html: a sketch of what W&B will show, from dashboard.json and the run folders' own numbers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from locality.dashboard import sketches
from locality.dashboard.logged import Logged
from locality.disk import write_atomically
from locality.report.figures import to_png

FILE = "dashboard.html"
FIGURES: dict[str, Callable[[Mapping[str, Any], Sequence[Logged]], Any]] = {
    "Run History Line Plot": sketches.line_plot,
    "Bar Chart": sketches.bar_chart,
    "Vega2": sketches.custom_chart,
    "Parallel Coordinates Plot": sketches.parallel,
    "Scatter Plot": sketches.scatter,
}
STYLE = """
body { margin: 0; background: #f5f6f8; color: #1c1e21; font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 24px; }
h1 { font-size: 22px; } h2 { font-size: 17px; margin: 28px 0 8px; }
h3 { font-size: 14px; margin: 16px 0 4px; }
.note { color: #667; } .grid { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
.card { background: #fff; border: 1px solid #e2e4e8; border-radius: 6px; padding: 10px; overflow: auto; }
.wide { grid-column: 1 / 3; } img { display: block; max-width: 100%; } pre { white-space: pre-wrap; }
table { border-collapse: collapse; font-size: 13px; } th, td { text-align: left; padding: 3px 12px 3px 0; }
@media (max-width: 700px) { .grid { display: block; } .card { margin-bottom: 12px; } }
"""


def sketch(found: Mapping[str, Any], runs: Sequence[Logged], folder: Path) -> Path:
    """Writes dashboard.html. `found` is what dashboard.json has."""
    sections = found["workspace"]["spec"]["section"]["panelBankConfig"]["sections"]
    parts = [
        f"<h1>{escape(found['project'])}: {escape(', '.join(found['runs']))}</h1>",
        '<p class="note">A sketch of the workspace and the report that W&amp;B draws from dashboard.json, '
        "with the numbers of the run folders. W&amp;B's own look differs; the panels do not.</p>",
        "<h1>Workspace</h1>",
    ]
    for section in sections:
        parts += [f"<h2>{escape(section['name'])}</h2>", _grid(section["panels"], runs)]
    parts.append(f"<h1>Report: {escape(found['report']['name'])}</h1>")
    parts += _blocks(found["report"]["spec"]["blocks"], runs)
    body = "\n".join(parts)
    path = folder / FILE
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    write_atomically(path, f"<!DOCTYPE html>\n<html lang=\"en\"><head>{head}<title>dashboard</title></head>"
                           f"\n<body><main>\n{body}\n</main></body></html>\n")  # fmt: skip
    return path


def _blocks(blocks: Sequence[Mapping[str, Any]], runs: Sequence[Logged]) -> Iterator[str]:
    for block in blocks:
        if block["type"] == "panel-grid":
            data = block["metadata"]
            yield _grid(data["panelBankSectionConfig"]["panels"], _selected(data["runSets"], runs))
        elif block["type"] in ("heading", "paragraph", "list"):
            tag = {"heading": f"h{int(block.get('level', 1)) + 1}", "paragraph": "p", "list": "p"}[
                block["type"]
            ]
            text = _text(block)
            yield f"<{tag}>{escape(text)}</{tag}>" if text else ""


def _selected(run_sets: Sequence[Mapping[str, Any]], runs: Sequence[Logged]) -> list[Logged]:
    """The runs that the filters of run sets let through."""
    names = [
        name for one in run_sets for rule in one["filters"]["filters"]
        if rule["key"]["name"] == "displayName" for name in rule["value"]
    ]  # fmt: skip
    return [run for run in runs if run.name in names]


def _grid(panels: Sequence[Mapping[str, Any]], runs: Sequence[Logged]) -> str:
    return f'<div class="grid">{"".join(_panel(panel, runs) for panel in panels)}</div>'


def _panel(panel: Mapping[str, Any], runs: Sequence[Logged]) -> str:
    kind, config = panel["viewType"], panel["config"]
    if kind in FIGURES:
        figure = FIGURES[kind](config, runs)
        return "" if figure is None else _card(_image(to_png(figure)), kind == "Parallel Coordinates Plot")
    if kind == "Media Browser":
        pictures = "".join(_image(path.read_bytes()) for path in sketches.gallery(config, runs))
        keys = ", ".join(config["mediaKeys"])
        return _card(
            f"<h3>{escape(config.get('chartTitle') or '')}</h3>{pictures}<p class=note>{escape(keys)}</p>",
            True,
        )
    text = json.dumps(config)
    tables = {name: run.tables[name] for run in runs for name in run.tables if json.dumps(name) in text}
    return _card(
        "".join(f"<h3>{escape(name)}</h3>{sketches.table(one)}" for name, one in tables.items()), True
    )


def _text(block: Mapping[str, Any]) -> str:
    return "".join(
        _text(child) if "children" in child else child.get("text", "") for child in block["children"]
    )


def _card(content: str, wide: bool) -> str:
    return f'<div class="card{" wide" if wide else ""}">{content}</div>'


def _image(content: bytes) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(content).decode()}">'
