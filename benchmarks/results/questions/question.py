"""A question that a page of results answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.results.words.answers import Found
from benchmarks.results.words.small_tables import Table, samples_table
from locality.report import Chart


@dataclass(frozen=True)
class Question:
    """What is asked, the kind of results that answer it, and what they say."""

    page: str  # its file in docs/results
    text: str
    kind: str  # of what is kept
    answer: Callable[[Found], str]
    table: Callable[[Found], Table]
    command: str  # that measures it
    why: str  # how we read it
    method: str = ""  # how the answers were come to
    rows: tuple[str, ...] = ()  # of the picture, where the paper's table or its variants answer
    quantity: str = "heldout_ratio"  # that it shows: a key of TITLES_OF, or `dots.SAMPLES`
    shows: str = ""  # what the picture says, where it is not what the answer is of
    charts: Callable[[str, Found], list[Chart]] | None = None  # of a data set, by its title; None: by noise
    pictures: tuple[str, ...] = ()  # or these, of docs/images, each after the data set's name; one is shown
    more: Callable[[Found], Table] | None = None  # a second table, which is folded away
    together: Callable[[Mapping[str, Found]], str] | None = None  # the short answer, by data sets' titles
    beyond: Callable[[Mapping[str, Found]], str] | None = None  # what goes with it, folded away
    folds: bool = False  # whether that says enough for the table of the first data set to be folded away


def sampled(kind: str, *names: str) -> Callable[[Found], Table]:
    """The table of samples, of some rows or of all."""
    return lambda found: samples_table(found, kind, names or None)
