"""A claim of the paper and how it stands: a row of the table of docs/results/paper.md, and its words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks.results.words.titles import bullets, joined, markdown

AGREES, IN_PART, NOT, OPEN = "Agrees", "Agrees in part", "Does not agree", "Open"
COUNTED = {  # a verdict -> how it is counted, of one and of several
    AGREES: ("agrees", "agree"),
    IN_PART: ("agrees in part", "agree in part"),
    NOT: ("does not", "do not"),
    OPEN: ("is open", "are open"),
}
SMALL = 0.5  # of what Wiener's field has above a ratio of 1: less is weaker
WEAKER = (
    "A spot or a letter is called weaker where what its ratio has above 1 is less than half of what Wiener's "
    "has. A claim then agrees in part at most."
)
HEADS = ("claim", "verdict", "the number that decides", "page")


def judged(yes: int, of: int) -> str:
    """The word for so many of some that are as the paper says."""
    return AGREES if yes == of else NOT if yes == 0 else IN_PART


def weaker(ratio: float, wieners: float) -> bool:
    """Whether a field shows a spot or a letter, by a ratio that is 1 without it, as a small part of Wiener's.

    >>> weaker(1.4, 2.0), weaker(1.6, 2.0)
    (True, False)
    """
    return ratio - 1 < SMALL * (wieners - 1)


@dataclass(frozen=True)
class Finding:
    """What was found: what is enough to begin with, and the rest."""

    short: str  # sentences
    more: str = ""  # sentences

    @property
    def whole(self) -> str:
        """All of it."""
        return " ".join(filter(None, (self.short, self.more)))


@dataclass(frozen=True)
class Judged:
    """A claim, judged by the numbers."""

    claim: str  # short
    word: str  # of COUNTED
    number: str  # that decides, short
    pages: tuple[str, ...]  # of docs/results, that tell the rest
    lines: tuple[str, ...]  # the same in words: each begins with the verdict
    aside: str = ""  # why it is not counted

    @property
    def shown(self) -> str:
        """The verdict, and whether it is counted."""
        return f"{self.word}, not counted" if self.aside else self.word

    def linked(self) -> str:
        """Links to the pages."""
        return ", ".join(f"[{page}]({page}.md)" for page in self.pages)


def said(claim: str, word: str, number: str, pages: Sequence[str], text: str, aside: str = "") -> Judged:
    """A claim with one line, which begins with the verdict: `**Agrees** that ...`."""
    return Judged(claim, word, number, tuple(pages), (f"**{word}** {text}",), aside)


def merged(rows: Iterable[Judged]) -> list[Judged]:
    """One row for what is claimed of several data sets, with all lines and the verdict on all of them.

    Where verdicts differ, each stands behind its number.
    """
    claims: dict[str, list[Judged]] = {}
    for one in rows:
        claims.setdefault(one.claim, []).append(one)
    return [some[0] if len(some) == 1 else _one(some) for some in claims.values()]


def _one(some: Sequence[Judged]) -> Judged:
    words = {one.word for one in some}
    part = words & {AGREES, IN_PART}
    word = words.pop() if len(words) == 1 else IN_PART if part else OPEN
    numbers = [f"{one.number} ({one.word.lower()})" if words else one.number for one in some]
    lines = tuple(line for one in some for line in one.lines)
    return replace(some[0], word=word, number="; ".join(numbers), lines=lines)


def counted(rows: Sequence[Judged]) -> str:
    """How many claims agree, agree in part, do not, and are open; without those of which there are none."""
    words = [one.word for one in rows if not one.aside]
    counts = {word: words.count(word) for word in COUNTED}
    told = [f"{count} {COUNTED[word][count != 1]}" for word, count in counts.items() if count]
    return f"Of {len(words)} claims of the paper that were measured, {joined(told)}" if words else ""


def not_counted(rows: Sequence[Judged]) -> str:
    """Which rows are not counted, and why; nothing where all are."""
    told = [f"{one.claim}: {one.aside}." for one in rows if one.aside]
    return f"Not counted:\n\n{bullets(told)}" if told else ""


def table(rows: Sequence[Judged]) -> str:
    """A row for each claim."""
    return markdown(HEADS, [(one.claim, one.shown, one.number, one.linked()) for one in rows])
