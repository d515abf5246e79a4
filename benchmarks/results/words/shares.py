"""Shares of ln N that the posterior's entropy is at the best settings, as compare=information kept them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.results.words.answers import Found, interval_of
from benchmarks.results.words.titles import called

DEAR = 1.05  # times the least error, that a predicted setting may cost
FEW = 4  # of which one cell may cost more, and the share still holds in most cells
WIDE = 2  # times the least share of a noise level, above which a mean says little
CLEAN = "clean"
OF_WINDOWS = "local_score"
LOOKS = {OF_WINDOWS: "windows", "pca_locality": "Wiener masks"}
SIDES = {"cifar": 32, "fashion_mnist": 28}  # of images, where the name of the data set does not end in it
YOUNG = re.compile(r"^steps(\d+)$")  # a network on its way
AT_AN_END = "(at an end)"  # of what was tried: beside the best setting, in its table
HOLDS, MOSTLY, FAILS = "holds", "holds in most cells", "fails"


@dataclass(frozen=True)
class Cell:
    """One noise level with one bank."""

    images: int  # N
    t: int  # its time-step
    share: float  # of ln N, that the entropy is at the best setting
    low: float
    high: float
    inside: bool  # whether settings on both sides of the best were tried
    whole: bool = False  # whether the best is a window at least as wide as the image: the share says little


@dataclass(frozen=True)
class Measured:
    """What one share came to: a candidate and whose estimates its error is measured to."""

    where: str  # <candidate>/<target>
    constant: tuple[float, float, float] | None  # the mean with its interval; None: no best was inside
    used: float | None  # the share that predicts
    cells: list[Cell]
    costs: list[float]  # the error at the predicted setting over the least, for each cell

    @classmethod
    def of(cls, found: Found, where: str) -> Measured:
        """From the numbers of a run."""
        ends = [dict(_numbers(found, f"share{end}", where)) for end in ("", "_low", "_high")]
        outside, whole = _at_ends(found, where, list(ends[0])), _whole(found, where)
        cells = [
            Cell(
                *_place(key), share, ends[1].get(key, share), ends[2].get(key, share),
                key not in outside, key in whole,
            )
            for key, share in ends[0].items()
        ]  # fmt: skip
        costs = [value for _, value in _numbers(found, "cost", where) if math.isfinite(value)]
        constant = interval_of(found, "information/constant", where)
        if constant is not None and not all(map(math.isfinite, constant)):
            constant = None
        return cls(where, constant, found["scalars"][f"information/used/{where}"], cells, costs)

    @property
    def name(self) -> str:
        """For readers."""
        return f"{self.look}, error against {self.whom}"

    @property
    def look(self) -> str:
        """What the setting sets."""
        candidate = self.where.split("/")[0]
        return LOOKS.get(candidate, called(candidate))

    @property
    def target(self) -> str:
        """Whose estimates the error is measured to, in short."""
        return self.where.split("/")[1]

    @property
    def whom(self) -> str:
        """The same, for readers."""
        young = YOUNG.sub(r"network after \1 steps", self.target)
        return "clean images" if self.target == CLEAN else f"the {called(young)}"

    @property
    def fitted(self) -> bool:
        """Whether the share that predicts is this mean itself."""
        return self.constant is not None and abs((self.used or 0) - self.constant[0]) < 5e-4

    @property
    def origin(self) -> str:
        """Where the share that predicts is from."""
        return "fitted here" if self.fitted else "given"

    @property
    def inside(self) -> list[Cell]:
        """The cells that the recorded mean is over."""
        return [cell for cell in self.cells if cell.inside]

    @property
    def sound(self) -> list[Cell]:
        """Those of them whose share is determined: the best window is narrower than the image."""
        return [cell for cell in self.inside if not cell.whole]

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the most of the shares that are determined."""
        shares = [cell.share for cell in self.sound]
        return min(shares), max(shares)

    @property
    def wide(self) -> bool:
        """Whether shares are too far apart for a mean to say much."""
        return self.ends[1] > WIDE * self.ends[0]

    @property
    def dear(self) -> int:
        """In how many cells the prediction costs too much."""
        return sum(cost > DEAR for cost in self.costs)

    @property
    def word(self) -> str:
        """Whether one share serves all noise levels and banks."""
        return HOLDS if not self.dear else MOSTLY if self.dear <= len(self.costs) // FEW else FAILS

    def away(self, apart: Callable[[Cell, float], bool]) -> list[Cell]:
        """The cells whose interval leaves out the mean, to one side."""
        assert self.constant is not None
        return [cell for cell in self.sound if apart(cell, self.constant[0])]

    @property
    def below(self) -> list[Cell]:
        """Surely less than the mean."""
        return self.away(lambda cell, middle: cell.high < middle)

    @property
    def above(self) -> list[Cell]:
        """Surely more than the mean."""
        return self.away(lambda cell, middle: cell.low > middle)


def measured(found: Found) -> list[Measured]:
    """All of a run."""
    start = "information/used/"
    return [Measured.of(found, key.removeprefix(start)) for key in found["scalars"] if key.startswith(start)]


def constant_of(one: Measured) -> str:
    """The mean and its interval."""
    return "-" if one.constant is None else "{:.3f} [{:.3f}, {:.3f}]".format(*one.constant)


def costs_of(one: Measured) -> str:
    """The extra error of one share: of the median cell, and the most."""
    return f"{extra(median(one.costs))}, {extra(max(one.costs))}" if one.costs else "-"


def costs_called(shares: Sequence[Measured]) -> str:
    """What the column of these costs is called: each row may have a share of its own, fitted to its cells."""
    fitted = {one.fitted for one in shares if one.costs}
    own, given = "a share fitted to the row's own cells", "the given share"
    whose = f"{own}, or of {given}" if len(fitted) > 1 else own if True in fitted else given
    return f"extra error of {whose}: median, most"


def extra(cost: float) -> str:
    """How much above the least error, in per cent.

    >>> extra(1.083)
    '8.3 %'
    """
    return f"{100 * (cost - 1):.1f} %"


def little() -> str:
    """The most that costs little."""
    return f"{100 * (DEAR - 1):.0f} %"


def with_sides(kept: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What is kept, that of entropies with the side of its images."""
    known = kept.get("information", {})
    told = {name: {**found, "side": side_of(name)} for name, found in known.items()}
    return {**kept, "information": told} if told else dict(kept)


def side_of(name: str) -> int:
    """The side of the images of a data set, by what the pages call it."""
    return SIDES[name] if name in SIDES else int(re.findall(r"\d+$", name)[0])


def _place(key: str) -> tuple[int, int]:
    """The images and the time-step of `<images>/t<time-step>`."""
    images, t = key.split("/t")
    return int(images), int(t)


def _numbers(found: Found, kind: str, where: str) -> Iterator[tuple[str, float]]:
    """`<images>/t<time-step>` and the number of each bank and noise level."""
    start = f"information/{kind}/{where}/n"
    for key, value in found["scalars"].items():
        if key.startswith(start) and value is not None:
            yield key.removeprefix(start), value


def _whole(found: Found, where: str) -> set[str]:
    """The cells whose best window is at least as wide as the image."""
    if where.split("/")[0] != OF_WINDOWS or "side" not in found:
        return set()
    return {key for key, window in _numbers(found, "best", where) if window >= found["side"]}


def _at_ends(found: Found, where: str, keys: Sequence[str]) -> set[str]:
    """The cells whose best setting is the first or the last that was tried: their table says so.

    Its rows and these keys are in the same order once sorted: by images, then by noise level.
    """
    table = found.get("tables", {}).get(f"information/{where}", {"rows": []})
    rows = sorted(table["rows"], key=lambda row: (row[0], float(row[1])))
    if not rows:
        return set()
    pairs = zip(sorted(keys, key=_place), rows, strict=True)
    return {key for key, row in pairs if AT_AN_END in row[2]}
