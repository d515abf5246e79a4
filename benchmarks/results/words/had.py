"""What a row of a table had, which differs from page to page: seeds, training images, images for its tau."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.kept.gathering import took_none
from benchmarks.results.words.answers import EXACT, Found, number_of
from benchmarks.results.words.titles import called, joined, on


def had(found: Found, section: str, row: str = EXACT) -> str:
    """`128 seeds, 50,000 training images and a tau found with 50,000`; empty where nothing is known."""
    seeds, images = (number_of(found, f"{section}/{key}", row) for key in ("samples", "bank"))
    told = [f"{seeds:,.0f} seeds"] if seeds else []
    told += [f"{images:,.0f} training images"] if images else []
    counts = {one[0]: one[3] for one in found.get("calibrated") or []}
    if told and row in counts and not took_none(found.get("run", {}).get("command", "")):
        told.append(f"a tau found with {counts[row]}")
    return joined(told)


def on_each(known: Mapping[str, Found], section: str, row: str = EXACT) -> str:
    """The same as a sentence, by the titles of data sets; empty where nothing is known."""
    told: dict[str, list[str]] = {}
    for title, found in known.items():
        if said := had(found, section, row):
            told.setdefault(said, []).append(title)
    each = "; ".join(f"{said} {on(titles)}" for said, titles in told.items())
    tail = "Other pages may have other counts, hence other medians"
    return f"{called(row)} had {each}. {tail}." if each else ""
