"""docs/results.json: what the pages of results are written from, small enough to be read.

Numbers are rounded to four digits. Names with slashes are folded into a tree, and a number with its interval
into a list of three. What says nothing, or is there once already, is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGITS = 4  # significant, of a number that is kept
COLUMNS = {"information/": ("images", "sigma", "best")}  # of tables so named; the others' numbers are scalars
NONE_LEFT_OUT = re.compile(r"/\w+_left_out/")  # counts of images; most are 0
ENDS = ("_low", "_high")  # of the second last part of a name or of an earlier one: the interval's


def folded(scalars: Mapping[str, float | None]) -> dict[str, Any]:
    """A tree of numbers, `[mean, low, high]` where there is an interval.

    >>> folded({"paper/r2/nn2": 0.51234, "paper/r2_low/nn2": 0.4, "paper/r2_high/nn2": 0.6})
    {'paper': {'r2': {'nn2': [0.5123, 0.4, 0.6]}}}
    """
    tree: dict[str, Any] = {}
    for name, value in sorted(scalars.items()):
        ends = [scalars.get(one) for one in _ends(name, scalars)]
        if _is_end(name, scalars) or value is None:
            continue
        *path, last = name.split("/")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = [rounded(one) for one in (value, *ends)] if ends else rounded(value)
    return tree


def unfolded(tree: Mapping[str, Any], start: str = "") -> dict[str, float]:
    """The numbers by name again, `_low` and `_high` after the part that had them."""
    flat: dict[str, float] = {}
    for key, value in tree.items():
        name = f"{start}{key}"
        if isinstance(value, Mapping):
            flat |= unfolded(value, f"{name}/")
        elif isinstance(value, list):
            kind, _, rest = name.partition("/")
            what, slash, row = rest.partition("/")
            flat[name] = value[0]
            flat |= {f"{kind}/{what}{end}{slash}{row}": v for end, v in zip(ENDS, value[1:], strict=True)}
        else:
            flat[name] = value
    return flat


def rounded(value: float | None) -> float | None:
    """A number with so many digits as are kept."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def read(path: Path) -> dict[str, Any]:
    """Kind -> name -> what was found; nothing where there is no file yet."""
    if not path.exists():
        return {}
    kept: dict[str, Any] = json.loads(path.read_text())
    return {
        kind: {name: {**one, "scalars": unfolded(one["scalars"])} for name, one in known.items()}
        for kind, known in kept.items()
    }


def write(path: Path, kept: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """The file, a line for each kind and name."""
    kinds = []
    for kind, known in sorted(kept.items()):
        lines = [f" {json.dumps(name)}: {_line(slim(one))}" for name, one in sorted(known.items())]
        kinds.append(f"{json.dumps(kind)}: {{\n" + ",\n".join(lines) + "\n}")
    path.write_text("{" + ",\n".join(kinds) + "}\n")


def slim(one: Mapping[str, Any]) -> dict[str, Any]:
    """A record as it is kept: its numbers as a tree, and of its tables what they alone have."""
    counts = {
        name: value for name, value in one["scalars"].items() if value != 0 or not NONE_LEFT_OUT.search(name)
    }
    tables = {name: _narrowed(name, table) for name, table in one["tables"].items()}
    return {**one, "scalars": folded(counts), "tables": tables}


def _narrowed(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    kept = next((columns for start, columns in COLUMNS.items() if name.startswith(start)), None)
    if kept is None or not set(kept) <= set(table["columns"]):
        return dict(table)
    places = [table["columns"].index(one) for one in kept]
    return {**table, "columns": list(kept), "rows": [[row[k] for k in places] for row in table["rows"]]}


def _line(one: Mapping[str, Any]) -> str:
    """A record in the order of its names as text: numbers that are names have another order of their own."""
    return json.dumps(json.loads(json.dumps(one)), sort_keys=True, separators=(",", ":"))


def _ends(name: str, scalars: Mapping[str, Any]) -> list[str]:
    """The names of the ends of its interval, or none."""
    kind, _, rest = name.partition("/")
    what, slash, row = rest.partition("/")
    found = [f"{kind}/{what}{end}{slash}{row}" for end in ENDS]
    return found if all(one in scalars for one in found) else []


def _is_end(name: str, scalars: Mapping[str, Any]) -> bool:
    kind, _, rest = name.partition("/")
    what, slash, row = rest.partition("/")
    return any(
        what.endswith(end) and f"{kind}/{what.removesuffix(end)}{slash}{row}" in scalars for end in ENDS
    )
