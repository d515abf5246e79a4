"""How alike fields are, and how far they reach, at each noise level: numbers, and tables that grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from locality.compare.drawing import SIGMA, cells_of
from locality.compare.summary import FLOOR
from locality.compare.telling import Growing, say_table
from locality.metrics import FieldOverlap, field_interval
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.names import ROUND
from locality.sensitivity import SensitivityField, mass_radius, participation, rounded

REACH = {
    "radius": "half-mass radius (pixels)",
    "participation": "effective number of input pixels",
}
BOUNDS = {"participation": (1.0, math.inf)}  # of what noise in the mean field biases
Fields = Mapping[str, SensitivityField]
LEAST = 1e-5  # of 1 - cosine in a chart: of equal fields, rounding apart
KINDS = {  # of overlap with the reference: what the axis says
    "cosine": "cosine of the angle to the field of the {}",
    "energy": "share of the energy in common with the field of the {}",
    "inside": "mass within the half-mass radius of the {}",
}


class Tables:
    """Overlap, radius and participation at each noise level: a table of each, which grow together.

    Two rows of the overlaps are no denoiser's: the fields of the reference and of Wiener, made round. The
    first is the most that any field has which knows no directions, the second what Wiener's has without them.
    """

    def __init__(self, report: Report, reference: str, names: Sequence[str], sigmas: Sequence[float]) -> None:
        self._report, self._reference, self._sigmas = report, reference, list(sigmas)
        kinds = {kind: label.format(reference) for kind, label in KINDS.items()} if len(names) > 1 else {}
        self._labels = kinds | REACH
        self._series: dict[str, dict[str, Series]] = {kind: {} for kind in self._labels}
        rounds = [name + ROUND for name in names if name in (reference, FLOOR)]
        self.growing = {
            kind: Growing(
                report,
                f"sensitivity/{kind}",
                _columns(sigmas),
                [*names[1:], *rounds] if kind in kinds else names,
            )
            for kind in self._labels
        }

    def add(self, name: str, field: SensitivityField, target: SensitivityField) -> None:
        """What there is to tell of one more field."""
        if name != self._reference:
            self._keep(name, overlap_series(field, target))
        if name in (self._reference, FLOOR) and len(self._labels) > len(REACH):
            self._keep(name + ROUND, overlap_series(_rounded(field), target))
        radius = series_of({name: field}, partial(mass_radius, pixels=field.pixels))
        many = series_of({name: field}, participation, BOUNDS["participation"])
        self._keep(name, {"radius": radius[name], "participation": many[name]})

    def _keep(self, name: str, found: Mapping[str, Series]) -> None:
        for kind, one in found.items():
            self._series[kind][name] = one
            numbers = {self._number(kind, name): self._mean(one)}
            self.growing[kind].add(name, [[name, *cells_of(one)]], numbers)

    def tell(self) -> dict[str, float]:
        """Curves and tables, to the report and the terminal; the mean over noise levels of each."""
        numbers: dict[str, float] = {}
        for kind, found in self._series.items():
            series = {name: found[name] for name in sorted(found, key=_is_round)}  # these come last
            label = self._labels[kind]
            if kind in KINDS:
                of = "How far fields turn from that" if kind == "cosine" else "Overlap with the sensitivity"
                title = f"{of} of the {self._reference}"
                name, chart = overlap_chart(kind, title, label, self._sigmas, series)
            else:
                name = kind
                chart = Chart("Reach of the sensitivity", SIGMA, label, self._sigmas, series, log_x=True)
            self._report.chart(f"sensitivity/{name}", chart)
            table = self.growing[kind]
            self._report.table(f"sensitivity/{kind}", table.columns, table.rows)
            say(label)
            say_table(table.columns, table.rows)
            numbers |= {self._number(kind, name): self._mean(one) for name, one in series.items()}
        self._report.scalars(numbers)
        self._report.conclusion = self._concluded()
        return numbers

    def _concluded(self) -> str:
        """Whose field is most like the reference's; where there is nobody else, how far that one looks."""
        cosines = {
            name: self._mean(one) for name, one in self._series.get("cosine", {}).items() if name != ROUND
        }
        if not cosines:
            radius = list(self._series["radius"][self._reference].mean)
            ends = ", ".join(f"{radius[s]:.3g} at sigma {self._sigmas[s]:g}" for s in (0, -1))
            return f"half of the field of the {self._reference} lies within so many pixels: {ends}"
        most = max(cosines, key=cosines.__getitem__)
        how = f"cosine {cosines[most]:.3g}, mean over noise levels"
        return f"most like the field of the {self._reference}: {most} ({how})"

    def _mean(self, one: Series) -> float:
        return sum(one.mean) / len(self._sigmas)

    def _number(self, kind: str, name: str) -> str:
        return f"sensitivity/{kind}/{name.lower()}"


def _is_round(name: str) -> bool:
    return name.endswith(ROUND)


def _columns(sigmas: Sequence[float]) -> list[str]:
    return ["denoiser", *(f"sigma {sigma:.2g}" for sigma in sigmas)]


def overlap_series(field: SensitivityField, target: SensitivityField) -> dict[str, Series]:
    """The three kinds of overlap with another field, at each noise level."""
    size = (target.maps.shape[-2], target.maps.shape[-1])
    # Every rank holds the maps of all images: there is nothing to gather.
    overlap = FieldOverlap(target.sigmas, target.pixels, size, sync_on_compute=False)
    maps = _images(field)
    overlap.update(maps, _images(target), torch.arange(len(maps)))
    means, ends = overlap.compute(), overlap.intervals(groups=target.groups)
    found = {}
    for kind in KINDS:
        low, high = torch.stack([getattr(at, kind) for at in ends], dim=1)
        found[kind] = Series(getattr(means, kind), low, high)
    return found


def overlap_chart(
    kind: str,  # of KINDS
    title: str,
    label: str,  # of the axis, but that of the cosine
    sigmas: Sequence[float],
    series: Mapping[str, Series],
) -> tuple[str, Chart]:
    """Overlaps against the noise level, and the chart's name.

    Cosines are all near 1. So what each lacks is drawn, in logarithms, and the chart has a name of its own.
    """
    if kind != "cosine":
        return kind, Chart(title, SIGMA, label, sigmas, series, log_x=True, y_range=(0.0, None))
    lacking = {name: one.lacking(LEAST) for name, one in series.items()}
    least = min((value for one in lacking.values() for value in one.mean if value == value), default=LEAST)
    frame = least / 2, None  # or an interval that holds 0 would rule the axis
    chart = Chart(title, SIGMA, f"1 - {label}", sigmas, lacking, log_x=True, log_y=True, y_range=frame)
    return "cosine_below_1", chart


def series_of(
    fields: Fields,
    statistic: Callable[[Tensor], Tensor],
    bounds: tuple[float, float] | None = None,  # of a statistic that noise in the mean field biases
) -> dict[str, Series]:
    """A number of the magnitude of each pixel's mean map, averaged over pixels, with intervals over images.

    A pixel of which the map is zero everywhere has no such number, and is left out.
    """
    found = {}
    for name, field in fields.items():
        images = _images(field)
        ends = [
            field_interval(
                images[:, s],
                lambda maps: statistic(maps.abs()).nanmean(-1),
                bounds=bounds,
                groups=field.groups,
            )
            for s in range(len(field.sigmas))
        ]
        means = statistic(images.mean(0).abs()).nanmean(-1)
        found[name] = Series(means.tolist(), [low for low, _ in ends], [high for _, high in ends])
    return found


def _rounded(field: SensitivityField) -> SensitivityField:
    """The field of each image, made to depend on the distance alone."""
    maps = rounded(_images(field), field.pixels)
    return SensitivityField.of_images(maps, field.sigmas, field.pixels, groups=field.groups)


def _images(field: SensitivityField) -> Tensor:  # [N, S, P, H, W]
    assert field.images is not None, "a FieldModule keeps the maps of single images"
    return field.images
