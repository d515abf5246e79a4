"""What entropies say of the best setting: one constant, what it predicts, and how well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from locality.compare.drawing import SIGMA, series_with_ends, time_of
from locality.compare.looking import CLEAN_TARGET, Level
from locality.compare.summary import Quantity
from locality.compare.telling import say_table
from locality.denoisers.looks import Looks
from locality.information import crossing, least, value_at
from locality.metrics import Groups, resampled
from locality.ranks import say
from locality.report import Chart, Report
from locality.report.entropy import Curve, Point, draw_entropies
from locality.report.names import called
from locality.report.table import Cell

WIDTH = "patch_size"  # a setting that is a width in pixels
LABELS = {WIDTH: "window (pixels)", "tau": "tau (of the largest relative entry)"}
COLUMNS = (
    "images", "sigma", "best", "entropy there", "over ln N", "sure there", "predicted", "error / least",
)  # fmt: skip


@dataclass(frozen=True)
class Law:
    """One candidate against one target.

    Everything has a first axis D: the images as they are, then bootstrap draws of them.
    """

    name: str  # of the candidate
    target: str  # CLEAN_TARGET, or the name of a network
    looks: Looks
    counts: Sequence[int]  # N
    levels: Sequence[Level]  # S, sigma ascending
    groups: Groups  # of the images, where some were cut from one picture
    given: float | None  # a share of ln N that was found elsewhere

    @cached_property
    def weights(self) -> Tensor:  # [D, I] float64
        """How much each image counts."""
        images = self.levels[0].entropy.shape[-1]
        return torch.cat(
            [torch.full((1, images), 1 / images).double(), resampled(images, groups=self.groups)]
        )

    def drawn(
        self,
        table: Tensor,  # [V, N, I]
        bank: int,
    ) -> Tensor:  # [D, V]
        """The means over images, for one bank."""
        return self.weights @ table[:, bank].T

    def places(self, level: Level) -> Tensor:  # [V]
        """Where its values lie on the axis of the looks."""
        return self.looks.places(level.values)

    def best(self, level: Level, bank: int) -> Tensor:  # [D] places
        """Where the error is least."""
        return least(self.places(level), self.drawn(level.errors[self.target], bank))

    def bracketed(self, level: Level, bank: int) -> bool:
        """Whether values on both sides of the best were tried."""
        found = int(self.drawn(level.errors[self.target], bank)[0].argmin())
        return 0 < found < len(level.values) - 1

    def entropy(self, level: Level, bank: int) -> Tensor:  # [D] nats
        """The entropy at the best."""
        return value_at(self.places(level), self.drawn(level.entropy, bank), self.best(level, bank))

    def over_ln_n(self, level: Level, bank: int) -> Tensor:  # [D]
        """The entropy at the best, over ln N."""
        return self.entropy(level, bank) / math.log(self.counts[bank])

    @cached_property
    def constant(self) -> Tensor:  # [D]; NaN where no best is bracketed
        """The mean of the entropy over ln N, over all levels and banks."""
        cells = [self.over_ln_n(*cell) for cell in self.cells() if self.bracketed(*cell)]
        return torch.stack(cells).mean(0) if cells else torch.full_like(self.weights[:, 0], math.nan)

    @property
    def share(self) -> float:
        """The constant that predictions are made with."""
        return self.constant[0].item() if self.given is None else self.given

    def predicted(self, level: Level, bank: int) -> Tensor:  # [D] places
        """Where the entropy crosses the share of ln N."""
        wanted = self.share * math.log(self.counts[bank])
        return crossing(self.places(level), self.drawn(level.entropy, bank), wanted)

    def cost(self, level: Level, bank: int) -> Tensor:  # [D]
        """The error at the tried value that is nearest to the prediction, over the least of all tried."""
        errors = self.drawn(level.errors[self.target], bank)
        if math.isnan(self.share):
            return torch.full_like(errors[:, 0], math.nan)
        nearest = (self.places(level) - self.predicted(level, bank)[0]).abs().argmin()
        return errors[:, nearest] / errors.amin(1)

    def sure(self, level: Level, bank: int) -> Tensor:  # [D]
        """The share of outputs that fewer than two images explain, at the best."""
        return value_at(self.places(level), self.drawn(level.sure, bank), self.best(level, bank))

    def cells(self) -> list[tuple[Level, int]]:
        """All banks at all levels."""
        return [(level, bank) for bank in range(len(self.counts)) for level in self.levels]


def middle(drawn: Tensor) -> Quantity:  # [D]
    """A number and its 95 % interval over images."""
    low, high = drawn[1:].quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype)).tolist()
    return Quantity(drawn[0].item(), low, high)


def tell(report: Report, laws: Sequence[Law]) -> dict[str, float]:
    """The figures, the tables and the numbers of metrics.json."""
    numbers: dict[str, float] = {}
    for law in laws:
        where = f"{law.name}/{law.target}"
        report.figure(f"information/entropy/{where}", _figure(law))
        report.chart(f"information/share/{where}", _chart(law))
        rows = [_row(law, *cell) for cell in law.cells()]
        report.table(f"information/{where}", COLUMNS, rows)
        numbers |= _scalars(law)
        say(f"{called(law.name)}, error against the {_of(law)}")
        say_table(COLUMNS, rows)
        say(verdict(law))
    report.scalars(numbers)
    return numbers


def _of(law: Law) -> str:
    return "clean images" if law.target == CLEAN_TARGET else law.target


def verdict(law: Law) -> str:
    """What one constant says of all best settings, in a sentence."""
    found = [law.over_ln_n(*cell)[0].item() for cell in law.cells() if law.bracketed(*cell)]
    if not found:
        return "no best setting lies between two that were tried: no constant; try more of them"
    tested = "" if law.given is None else f"; predicted with {law.given:.3g}"
    ends = f"{min(found):.3g} to {max(found):.3g} over {len(found)} noise levels and banks"
    return f"entropy at the best over ln N: {middle(law.constant)}, {ends}{tested}"


def _setting(law: Law, drawn: Tensor) -> Quantity:  # [D] places
    place = middle(drawn)
    low, high = sorted(map(law.looks.value, (place.low, place.high)))
    return Quantity(law.looks.value(place.mean), low, high)


def _row(law: Law, level: Level, bank: int) -> list[Cell]:
    note = "" if law.bracketed(level, bank) else " (at an end)"
    return [
        law.counts[bank], level.sigma, f"{_setting(law, law.best(level, bank))}{note}",
        *(str(middle(one(level, bank))) for one in (law.entropy, law.over_ln_n, law.sure)),
        str(_setting(law, law.predicted(level, bank))), str(middle(law.cost(level, bank))),
    ]  # fmt: skip


def _ends(law: Law, key: str, one: Quantity) -> dict[str, float]:
    kind, _, rest = key.partition("/")
    place = f"{law.name}/{law.target}{rest and '/'}{rest}"
    return {f"information/{kind}{end}/{place}": value for end, value in one.ends().items()}


def scalars_of(law: Law, level: Level) -> dict[str, float]:
    """The numbers of metrics.json at one noise level, without what the constant predicts there."""
    numbers: dict[str, float] = {}
    for bank, count in enumerate(law.counts):
        cell = f"n{count}/t{time_of(level.sigma):03d}"
        numbers |= _ends(law, f"best/{cell}", _setting(law, law.best(level, bank)))
        for name, one in (("entropy", law.entropy), ("share", law.over_ln_n), ("sure", law.sure)):
            numbers |= _ends(law, f"{name}/{cell}", middle(one(level, bank)))
    return numbers


def _scalars(law: Law) -> dict[str, float]:
    numbers = _ends(law, "constant", middle(law.constant))
    numbers[f"information/used/{law.name}/{law.target}"] = law.share
    for level in law.levels:
        numbers |= scalars_of(law, level)
    for level, bank in law.cells():
        cell = f"n{law.counts[bank]}/t{time_of(level.sigma):03d}"
        numbers |= _ends(law, f"predicted/{cell}", _setting(law, law.predicted(level, bank)))
        numbers |= _ends(law, f"cost/{cell}", middle(law.cost(level, bank)))
    return numbers


def _chart(law: Law) -> Chart:
    series = {}
    for bank, count in enumerate(law.counts):
        found = [middle(law.over_ln_n(level, bank)) for level in law.levels]
        series[f"{count:,} images"] = series_with_ends(found)
    title = f"Entropy at the best setting of {called(law.name)}\nerror against the {_of(law)}"
    sigmas = [level.sigma for level in law.levels]
    return Chart(title, SIGMA, "entropy over ln N", sigmas, series, log_x=True, y_range=(0.0, 1.0))


def _figure(law: Law):  # type: ignore[no-untyped-def]  # matplotlib's, which only report imports
    bank = len(law.counts) - 1
    curves, points = [], []
    for level in law.levels:
        entropies = law.drawn(level.entropy, bank)[0].tolist()
        best = (_setting(law, law.best(level, bank)).mean, law.entropy(level, bank)[0].item())
        curves.append(Curve(level.sigma, level.values, entropies, best))
    for level, k in law.cells():
        if law.bracketed(level, k):
            predicted, ideal = (_setting(law, one(level, k)) for one in (law.predicted, law.best))
            points.append(
                Point(law.counts[k], level.sigma, predicted.mean, ideal.mean, ideal.low, ideal.high)
            )
    wanted = law.share * math.log(law.counts[bank])
    title = (
        f"{called(law.name)}: entropy at N = {law.counts[bank]:,}; best by the error against the {_of(law)}"
    )
    side = max(law.looks.image_shape[-2:]) if law.looks.setting == WIDTH else None
    return draw_entropies(title, LABELS[law.looks.setting], curves, points, wanted, law.share, side)
