"""The page on methods that search the same training images: who is nearer to a network."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.results.questions.claims import standing_to, stands
from benchmarks.results.questions.forms_short import beside
from benchmarks.results.questions.question import Question, sampled
from benchmarks.results.words.answers import EXACT, FLOOR, Found, against
from benchmarks.results.words.titles import TITLES, called

KIND = "equal_banks"
RIVALS = ("local_score", "patch_composite")
ROWS = ("nn2", EXACT, *RIVALS, FLOOR)
MEDIANS = beside(KIND, [(row, EXACT) for row in RIVALS])


def together(known: Mapping[str, Found]) -> str:
    """How PCA locality stands to each of the others on all data sets, and their medians."""
    tables = {name: known[title] for name, title in TITLES.items() if title in known}
    said = [f"{called(EXACT)} is {stands(standing_to(tables, row, KIND), called(row))}." for row in RIVALS]
    return "\n\n".join([" ".join(said), *MEDIANS(known).split("\n\n")[1:]])


def equal_verdict(found: Found) -> str:
    """The r2 of each less that of PCA locality, seed by seed."""
    return "; ".join(against(found, row, KIND) for row in RIVALS)


QUESTION = Question(
    KIND, "Who is nearer to a network with the same training images?",
    KIND, equal_verdict, sampled(KIND, *ROWS),
    "python evaluate.py compare=equal_banks data=cifar",
    "In the paper's table costly methods search a smaller part of the training images. Here all search the "
    "same. The covariance, of which PCA locality's mask and Wiener are made, is of all training images. "
    "Settings are those of that table. They were found with the images that rows have there, as listed "
    "below.",
    rows=ROWS, quantity="samples", together=together, folds=True,
)  # fmt: skip
