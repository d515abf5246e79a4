"""report.html: one file that shows a whole run, with nothing to load from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from locality.report.table import Cell, Table, format_cell, is_numeric

STYLE = """
:root { color-scheme: light; --ink: #1c1e21; --soft: #667; --line: #e2e4e8; --paper: #fff; --page: #f5f6f8; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 36px 0 12px; }
h3 { font-size: 15px; margin: 0 0 10px; }
code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: 0; overflow-x: auto; }
.soft { color: var(--soft); font-size: 14px; }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 18px 20px;
  margin: 0 0 16px; overflow-x: auto; }
.command { margin-top: 16px; padding: 12px 16px; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--soft); font-size: 14px; margin-bottom: 10px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th, td { padding: 6px 18px 6px 0; vertical-align: top; }
.number, .interval { white-space: nowrap; }
.interval { display: block; color: var(--soft); font-size: 12px; }
tr:last-child td { border-bottom: 0; }
.number { text-align: right; }
summary { cursor: pointer; font-weight: 600; }
summary + * { margin-top: 12px; }
a { color: #0b62a4; }
.failed { color: #a3260c; font-weight: 600; }
"""


INTERVAL = re.compile(r"(\S+) (\[\S+, \S+\])")  # a number with its interval


@dataclass(frozen=True)
class Picture:
    """A PNG file of the run folder and its log name."""

    path: Path
    name: str


def render_page(
    title: str,
    run: Mapping[str, Any],  # provenance: command, commit, started, seconds, finished, versions
    scalars: Mapping[str, float | None],
    tables: Mapping[str, Table],
    pictures: Sequence[Picture],
    config: str | None,
    links: Sequence[str],  # files beside the page
    sync: str | None,
) -> str:
    """The page."""
    parts = [_head(title, run, sync)]
    if tables:
        parts += ["<h2>Results</h2>", *(_table(name, table) for name, table in tables.items())]
    if pictures:
        parts += ["<h2>Pictures</h2>", *map(_picture, pictures)]
    parts.append("<h2>Details</h2>")
    if scalars:
        numbers = _rows(Table(["quantity", "value"], sorted(scalars.items())))
        parts.append(
            _details(f"All {len(scalars)} numbers", numbers, shown=not tables and len(scalars) <= 30)
        )
    if config is not None:
        parts.append(_details("Configuration", f"<pre>{escape(config)}</pre>"))
    versions = Table(["package", "version"], sorted(run["versions"].items()))
    parts.append(_details("Versions", _rows(versions)))
    files = ", ".join(f'<a href="{escape(name)}">{escape(name)}</a>' for name in links)
    parts.append(f'<p class="soft">Files beside this page: {files}</p>' if files else "")
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(title: str, run: Mapping[str, Any], sync: str | None) -> str:
    commit = f"commit {run['commit']}" if run["commit"] else f"locality {run['versions']['locality']}"
    facts = escape(" · ".join([run["started"], _duration(run["seconds"]), commit]))
    failed = "" if run["finished"] else ' · <span class="failed">did not finish</span>'
    lines = [escape(run["command"])] + ([f"# upload to W&amp;B:\n{escape(sync)}"] if sync else [])
    return (
        f'<h1>{escape(title)}</h1>\n<div class="soft">{facts}{failed}</div>\n'
        f'<div class="card command"><pre>{chr(10).join(lines)}</pre></div>'
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
    )


def _table(name: str, table: Table) -> str:
    return f'<div class="card"><h3>{escape(name)}</h3>{_rows(table)}</div>'


def _rows(table: Table) -> str:
    numeric = [is_numeric([row[k] for row in table.rows]) for k in range(len(table.columns))]
    head = "".join(
        f"<th{' class=number' if number else ''}>{escape(str(column))}</th>"
        for column, number in zip(table.columns, numeric, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, numeric))}</tr>\n" for row in table.rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _cell(cell: Cell, number: bool) -> str:
    content = escape(format_cell(cell))
    interval = INTERVAL.fullmatch(content)
    if interval:  # on a line of its own, so that a table of many fits the page
        content = f'{interval[1]} <span class="interval">{interval[2]}</span>'
    full = f' title="{cell!r}"' if isinstance(cell, float) else ""  # every digit, under the pointer
    return f"<td{' class=number' if number else ''}{full}>{content}</td>"


def _picture(picture: Picture) -> str:
    content = base64.b64encode(picture.path.read_bytes()).decode()
    name = escape(picture.name)
    return (
        f'<figure class="card"><figcaption>{name}</figcaption>'
        f'<img alt="{name}" src="data:image/png;base64,{content}"></figure>'
    )


def _details(summary: str, content: str, shown: bool = False) -> str:
    opening = f'<details class="card"{" open" if shown else ""}>'
    return f"{opening}<summary>{escape(summary)}</summary>{content}</details>"
