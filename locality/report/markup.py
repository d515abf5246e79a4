"""HTML of tables, figures and text. All text that is not ours goes through `html.escape`."""

from __future__ import annotations

import base64
import json
import re
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from locality.report.glossary import explained, titled
from locality.report.table import Cell, Table, format_cell, is_numeric

INTERVAL = re.compile(r"(\S+) (\[\S+, \S+\])")  # a number with its interval
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?%?", re.IGNORECASE)


def card(
    name: str,
    table: Table,
    place: str,  # in the page, before the name
    axis: str | None = None,  # what the curve of this name has at its y axis
) -> str:
    """A table under its title, with what its columns say; one column of sentences is a note."""
    if is_note(table):
        text = table.spoken()
        lines = "".join(f"<p>{escape(format_cell(row[0]))}</p>" for row in text.rows)
        start = f'<div class="card note" role="note"{anchor(place, name)}>'
        return f"{start}{head(name, text.columns[0])}{lines}</div>"
    return (
        f'<div class="card"{anchor(place, name)}>{head(name, titled(name, axis))}'
        f'<div class="scroll">{rows(table, name)}</div>{_about(name, table)}</div>'
    )


def is_note(table: Table) -> bool:
    """Whether a table is one column of sentences, such as warnings: nothing is there to sort."""
    return len(table.columns) == 1 and all(isinstance(row[0], str) for row in table.rows)


def anchor(place: str, name: str) -> str:
    """The attribute by which a part of the page is linked to."""
    return f' id="{escape(place)}-{escape(name)}"'


def head(name: str, title: str) -> str:
    """The title of a part; under the pointer, the name that it has in the files of the run."""
    return f'<h3 title="{escape(name)}">{escape(title[:1].upper() + title[1:])}</h3>'


def rows(table: Table, name: str = "") -> str:
    """A table that can be sorted by its heads."""
    table = table.spoken()
    numeric = [is_numeric([row[k] for row in table.rows]) for k in range(len(table.columns))]
    heads = "".join(map(_head, [name] * len(numeric), map(str, table.columns), numeric))
    body = "".join(f"<tr>{''.join(map(_cell, row, numeric))}</tr>\n" for row in table.rows)
    return f'<table class="sortable"><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>'


def _head(table: str, column: str, number: bool) -> str:
    line = explained(table, column)
    title = f' title="{escape(line)}"' if line else ""
    return (
        f'<th scope="col"{" class=number" if number else ""}>'
        f'<button type="button"{title}>{escape(column)}</button></th>'
    )


def _cell(cell: Cell, number: bool) -> str:
    content = escape(format_cell(cell))
    interval = INTERVAL.fullmatch(content)
    sort = "" if (key := _sort_key(cell)) is None else f' data-sort="{key!r}"'
    if interval:  # on a line of its own, so that a table of many fits the page
        content = f'{interval[1]} <span class="interval">{interval[2]}</span>'
    full = f' title="{cell!r}"' if isinstance(cell, float) else ""  # every digit, under the pointer
    return f"<td{' class=number' if number else ''}{sort}{full}>{content}</td>"


def _sort_key(cell: Cell) -> float | None:
    """The number that a cell is, or begins with before its interval."""
    if isinstance(cell, int | float):
        return float(cell) if cell == cell else None
    first = (cell or "").split(" [")[0]
    return float(first.rstrip("%")) if NUMBER.fullmatch(first) else None


def _about(name: str, table: Table) -> str:
    """A line for each column; neighbours that say the same have it together."""
    lines = []
    for line, group in groupby(map(str, table.columns), key=lambda column: explained(name, column)):
        columns = list(group)
        heads = columns[0] if len(columns) == 1 else f"{columns[0]} to {columns[-1]}"
        if line:
            lines.append(f"<dt>{escape(heads)}</dt><dd>{escape(line)}</dd>")
    if not lines:
        return ""
    return (
        f'<details class="about"><summary>What the columns say</summary><dl>{"".join(lines)}</dl></details>'
    )


def details(summary: str, content: str, shown: bool = False) -> str:
    """What is opened on request."""
    opening = f'<details class="card"{" open" if shown else ""}>'
    return f'{opening}<summary>{escape(summary)}</summary><div class="scroll">{content}</div></details>'


def image(path: Path, name: str) -> str:
    """A PNG file in the page itself."""
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{content}">'


def data(name: str, content: Any) -> str:
    """A block of JSON, in which no text can end the block."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="{escape(name)}">{text}</script>'
