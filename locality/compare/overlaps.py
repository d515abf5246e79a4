"""How alike fields are, and how far they reach, at each noise level: numbers, and tables that grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from locality.compare.drawing import SIGMA, cells_of
from locality.compare.telling import Growing, say_table
from locality.metrics import FieldOverlap, field_interval
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.sensitivity import SensitivityField, mass_radius, participation

REACH = {
    "radius": "half-mass radius (pixels)",
    "participation": "effective number of input pixels",
}
BOUNDS = {"participation": (1.0, math.inf)}  # of what noise in the mean field biases
Fields = Mapping[str, SensitivityField]
KINDS = {  # of overlap with the reference: what the axis says
    "cosine": "cosine of the angle to the field of the {}",
    "energy": "share of the energy in common with the field of the {}",
    "inside": "mass within the half-mass radius of the {}",
}


class Tables:
    """Overlap, radius and participation at each noise level: a table of each, which grow together."""

    def __init__(self, report: Report, reference: str, names: Sequence[str], sigmas: Sequence[float]) -> None:
        self._report, self._reference, self._sigmas = report, reference, list(sigmas)
        kinds = {kind: label.format(reference) for kind, label in KINDS.items()} if len(names) > 1 else {}
        self._labels = kinds | REACH
        self._series: dict[str, dict[str, Series]] = {kind: {} for kind in self._labels}
        self.growing = {
            kind: Growing(report, f"sensitivity/{kind}", _columns(sigmas), names[kind in KINDS :])
            for kind in self._labels
        }

    def add(self, name: str, field: SensitivityField, target: SensitivityField) -> None:
        """What there is to tell of one more field."""
        found = {} if name == self._reference else overlap_series(field, target)
        radius = partial(mass_radius, pixels=field.pixels)
        for kind, statistic in (("radius", radius), ("participation", participation)):
            found[kind] = series_of({name: field}, statistic, BOUNDS.get(kind))[name]
        for kind, one in found.items():
            self._series[kind][name] = one
            self.growing[kind].add(
                name, [[name, *cells_of(one)]], {self._number(kind, name): self._mean(one)}
            )

    def tell(self) -> dict[str, float]:
        """Curves and tables, to the report and the terminal; the mean over noise levels of each."""
        numbers: dict[str, float] = {}
        for kind, series in self._series.items():
            overlap = kind in KINDS
            of = f"Overlap with the sensitivity of the {self._reference}"
            title, limits = (of, (0.0, None)) if overlap else ("Reach of the sensitivity", (None, None))
            chart = Chart(title, SIGMA, self._labels[kind], self._sigmas, series, log_x=True, y_range=limits)
            self._report.chart(f"sensitivity/{kind}", chart)
            table = self.growing[kind]
            self._report.table(f"sensitivity/{kind}", table.columns, table.rows)
            say(self._labels[kind])
            say_table(table.columns, table.rows)
            numbers |= {self._number(kind, name): self._mean(one) for name, one in series.items()}
        self._report.scalars(numbers)
        self._report.conclusion = self._concluded()
        return numbers

    def _concluded(self) -> str:
        """Whose field is most like the reference's; where there is nobody else, how far that one looks."""
        cosines = {name: self._mean(one) for name, one in self._series.get("cosine", {}).items()}
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


def _columns(sigmas: Sequence[float]) -> list[str]:
    return ["denoiser", *(f"sigma {sigma:.2g}" for sigma in sigmas)]


def overlap_series(field: SensitivityField, target: SensitivityField) -> dict[str, Series]:
    """The three kinds of overlap with another field, at each noise level."""
    size = (target.maps.shape[-2], target.maps.shape[-1])
    # Every rank holds the maps of all images: there is nothing to gather.
    overlap = FieldOverlap(target.sigmas, target.pixels, size, sync_on_compute=False)
    maps = _images(field)
    overlap.update(maps, _images(target), torch.arange(len(maps)))
    means, ends = overlap.compute(), overlap.intervals()
    found = {}
    for kind in KINDS:
        low, high = torch.stack([getattr(at, kind) for at in ends], dim=1)
        found[kind] = Series(getattr(means, kind), low, high)
    return found


def series_of(
    fields: Fields,
    statistic: Callable[[Tensor], Tensor],
    bounds: tuple[float, float] | None = None,  # of a statistic that noise in the mean field biases
) -> dict[str, Series]:
    """A number of the mean map of each pixel, averaged over pixels, with intervals over images.

    A pixel of which the map is zero everywhere has no such number, and is left out.
    """
    found = {}
    for name, field in fields.items():
        images = _images(field)
        ends = [
            field_interval(images[:, s], lambda maps: statistic(maps).nanmean(-1), bounds=bounds)
            for s in range(len(field.sigmas))
        ]
        means = statistic(images.mean(0)).nanmean(-1)
        found[name] = Series(means.tolist(), [low for low, _ in ends], [high for _, high in ends])
    return found


def _images(field: SensitivityField) -> Tensor:  # [N, S, P, H, W]
    assert field.images is not None, "a FieldModule keeps the maps of single images"
    return field.images
