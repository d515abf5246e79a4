"""A chart as data: what a figure, a CSV file and W&B are all drawn from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Series:
    """One curve, with an interval where there is one. Tensors and arrays are taken too."""

    mean: Iterable[float]
    low: Iterable[float] | None = None
    high: Iterable[float] | None = None
    beside: str | None = None  # the series that it belongs to: drawn in that one's colour, dotted

    def __post_init__(self) -> None:
        for name in ("mean", "low", "high"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, tuple(float(value) for value in values))
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends: give both low and high or neither")

    def points(self) -> Iterator[tuple[float, float | None, float | None]]:
        """(mean, low, high) at each x."""
        mean = tuple(self.mean)
        nothing = (None,) * len(mean)
        low, high = tuple(self.low or nothing), tuple(self.high or nothing)
        return zip(mean, low, high, strict=True)

    def lacking(self, least: float = 0.0) -> Series:
        """What it lacks of 1, `least` or more: numbers near 1 are told apart by the logarithms of that."""
        mean, low, high = (
            None if values is None else [max(1 - value, least) for value in values]
            for values in (self.mean, self.high, self.low)
        )
        return Series(mean or (), low, high, self.beside)

    def content(self) -> dict[str, Any]:
        """The series as JSON holds it: None for what is not a finite number."""
        ends = {"low": _listed(self.low), "high": _listed(self.high)}
        return {"mean": _listed(self.mean), **ends, "beside": self.beside}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Series:
        """The series of a content."""
        low, high = _numbers(content["low"]), _numbers(content["high"])
        return cls(_numbers(content["mean"]) or (), low, high, content["beside"])


@dataclass(frozen=True)
class Chart:
    """Several series over one axis; labels carry their units, as in `noise level sigma (pixel units)`."""

    title: str
    x_label: str
    y_label: str
    x: Iterable[float]
    series: Mapping[str, Series]
    log_x: bool = False
    log_y: bool = False
    y_range: tuple[float | None, float | None] = (None, None)  # what to show; None: all of it

    def __post_init__(self) -> None:
        x = tuple(float(value) for value in self.x)
        object.__setattr__(self, "x", x)
        if not x or not self.series:
            raise ValueError(f"chart '{self.title}': want at least one point and one series")
        for name, series in self.series.items():
            lengths = {len(tuple(v)) for v in (series.mean, series.low, series.high) if v is not None}
            if lengths != {len(x)}:
                raise ValueError(f"chart '{self.title}', '{name}': want {len(x)} values, got {lengths}")
            if series.beside is not None and series.beside not in self.series:
                raise ValueError(f"chart '{self.title}', '{name}': no series '{series.beside}' to go with")
        if self.log_x and min(x) <= 0:
            raise ValueError(f"chart '{self.title}': a logarithmic axis wants x above 0, got {min(x)}")

    def rows(self) -> list[tuple[str, float, float | None, float | None, float | None]]:
        """(series, x, mean, low, high), one row per point, None for what is not a finite number."""
        return [
            (name, x, finite(mean), finite(low), finite(high))
            for name, series in self.series.items()
            for x, (mean, low, high) in zip(self.x, series.points(), strict=True)
        ]

    def content(self) -> dict[str, Any]:
        """The chart as JSON holds it: None for what is not a finite number."""
        series = {name: one.content() for name, one in self.series.items()}
        plain = {key.name: getattr(self, key.name) for key in fields(self) if key.name not in ("x", "series")}
        return {**plain, "y_range": list(self.y_range), "x": list(self.x), "series": series}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Chart:
        """The chart of a content."""
        series = {name: Series.of(one) for name, one in content["series"].items()}
        low, high = content["y_range"]
        return cls(**{**content, "series": series, "y_range": (low, high)})


def is_wide(values: Iterable[float]) -> bool:
    """Whether numbers lie so far apart that a logarithmic axis shows more of them."""
    known = list(values)
    return bool(known) and min(known) > 0 and max(known) > 10 * min(known)


def _listed(values: Iterable[float] | None) -> list[float | None] | None:
    return None if values is None else [finite(value) for value in values]


def _numbers(values: Iterable[float | None] | None) -> list[float] | None:
    return None if values is None else [math.nan if value is None else value for value in values]


def finite(value: float | None) -> float | None:
    """The number, or None where it is not one that JSON can hold."""
    return value if value is not None and math.isfinite(value) else None
