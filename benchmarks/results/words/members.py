"""What stacked locality reads: its members may have fewer training images than its row says."""

from __future__ import annotations

from benchmarks.results.kept.members import STACK
from benchmarks.results.words.answers import Found, number_of
from benchmarks.results.words.titles import called, joined
from locality.report import names


def fewer(found: Found, section: str) -> dict[str, int]:
    """Its members that read fewer training images than the row has, and how many."""
    row = number_of(found, f"{section}/bank", STACK)
    counts = found.get("members", {}).get(STACK, {})
    return {name: count for name, count in counts.items() if row is not None and count < row}


def told(found: Found, section: str) -> str:
    """The same as a sentence without its stop; empty where all read all."""
    parts = [
        f"{names.called(name)}{' reads' * (k == 0)} {count:,}{' training images' * (k == 0)}"
        for k, (name, count) in enumerate(fewer(found, section).items())
    ]
    return f"In {called(STACK)} {joined(parts)}" if parts else ""


def span(found: Found, section: str, name: str) -> str | None:
    """The cell of a table: `4,000 to 100,000` for a row whose members read parts."""
    row = number_of(found, f"{section}/bank", name)
    parts = fewer(found, section) if name == STACK else {}
    ends = [*([min(parts.values())] if parts else []), *([] if row is None else [int(row)])]
    return joined((f"{end:,}" for end in ends), "to") or None
