"""What the page on tau says of the values that calibration chose, beside the paper's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.results.kept.chosen import TAU, WINDOWS, Chosen
from benchmarks.results.questions.forms_short import Known, taus_together
from benchmarks.results.words.answers import sigma_of
from benchmarks.results.words.published import PAPERS_SIDE, PAPERS_TAU
from benchmarks.results.words.titles import IMAGES, SHIPPED, called, joined, markdown

PAPERS = {IMAGES[name]: tau for name, tau in PAPERS_TAU.items()}  # by the title of the data set
SIDES = {IMAGES[name]: side for name, side in PAPERS_SIDE.items()}


def with_chosen(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, that of the variants with the settings that calibration chose, by the titles of data."""
    known = {title: kept.get("networks", {}).get(name, {}) for name, title in SHIPPED.items()}
    told = {title: one["chosen"] for title in IMAGES.values() if (one := known[title]).get("chosen")}
    variants = {name: {**found, "chosen": told} for name, found in kept.get("variants", {}).items()}
    return {**kept, "variants": variants} if variants else dict(kept)


def tau_answer(known: Known) -> str:
    """How far r2 falls, and whether calibration came to the paper's tau."""
    brief, *rest = taus_together(known).split("\n\n")
    return "\n\n".join(filter(None, [brief, *_beside_the_papers(_chosen(known, TAU)), *rest]))


def _chosen(known: Known, setting: str) -> dict[str, Chosen]:
    """What calibration chose, by the titles of all data sets: every record has all."""
    found = next(iter(known.values()), {}).get("chosen", {})
    return {title: one[setting] for title, one in found.items() if setting in one}


def _beside_the_papers(chosen: Mapping[str, Chosen]) -> Iterator[str]:
    """Whether the value that was chosen at most noise levels is the paper's; which it is."""
    met, missed = [], []
    for title, one in chosen.items():
        if title in PAPERS:
            value, count = Counter(one["at"].values()).most_common(1)[0]
            at = f"{_short(value)} at {count} of {len(one['at'])} noise levels"
            if value == PAPERS[title]:
                end = ", the least that was tried" if value == one["tried"][0] else ""
                met.append(f"{title} ({at}{end})")
            else:
                side = f", for {SIDES[title]} x {SIDES[title]} pixels," if title in SIDES else ""
                missed.append(f"{title} ({at}; the paper's{side} is {_short(PAPERS[title])})")
    lead = "The tau that calibration against our networks chose most often is"
    said = [f"{lead} the paper's on {joined(met)}"] if met else []
    other = "It is another" if met else f"{lead} not the paper's"
    said += [f"{other} on {joined(missed)}"] if missed else []
    if said:
        yield " ".join(f"{one}." for one in said)


def tau_beside(known: Known) -> str:
    """Which tau was chosen at each noise level, and which windows."""
    parts = []
    if taus := _chosen(known, TAU):
        head = ["the paper's", *(_short(PAPERS[title]) if title in PAPERS else None for title in taus)]
        parts += ["The tau that calibration chose at each noise level, beside the paper's:"]
        parts += [_levels(taus, [head])]
        tried = joined(f"{' to '.join(map(_short, one['tried']))} on {title}" for title, one in taus.items())
        parts += [f"Tried were values from {tried}. All are of the calibrations that ship."]
    for setting in WINDOWS:
        if windows := _chosen(known, setting):
            parts += [f"The window of {called(setting.split('.')[0])} that it chose, in pixels:"]
            parts += [_levels(windows, [])]
    return "\n\n".join(parts)


def _levels(chosen: Mapping[str, Chosen], rows: list[list[str | None]]) -> str:
    """A row for each noise level, from the highest down."""
    times = sorted({int(t) for one in chosen.values() for t in one["at"]}, reverse=True)
    own = [[f"{sigma_of(t):.3g}", *(_cell(one["at"].get(str(t))) for one in chosen.values())] for t in times]
    return markdown(["sigma", *chosen], [*rows, *own])


def _cell(value: float | None) -> str | None:
    return None if value is None else _short(value)


def _short(value: float) -> str:
    """A setting as commands have it.

    >>> _short(0.05), _short(32.0)
    ('.05', '32')
    """
    return f"{value:g}".removeprefix("0")
