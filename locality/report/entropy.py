"""The figure of compare=information: entropies with the best points, and best against predicted settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from locality.report.figures import new_figure, styled, ticks
from locality.report.lettering import fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "D", "^", "v", "P")


@dataclass(frozen=True)
class Curve:
    """The entropy against the setting at one noise level."""

    sigma: float
    values: Sequence[float]
    entropies: Sequence[float]  # nats
    best: tuple[float, float]  # the best setting, and the entropy there


@dataclass(frozen=True)
class Point:
    """A predicted setting, and the best one with its interval."""

    count: int  # training images
    sigma: float
    predicted: float
    best: float
    low: float
    high: float


def draw_entropies(
    title: str,
    label: str,  # of the setting, with its unit
    curves: Sequence[Curve],  # sigma ascending
    points: Sequence[Point],
    wanted: float,  # nats: the share of ln N
    share: float,
    side: int | None = None,  # of the image, where settings are widths of windows
) -> Figure:
    """Left the entropies, each with its best point, and the share of ln N; right best against predicted.

    Thin lines are where a window is as wide as the image.
    """
    import matplotlib as mpl
    from matplotlib.ticker import FuncFormatter, NullFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    with styled():
        figure = new_figure(11.0, 4.6)
        left, right = figure.subplots(1, 2)
        colors = {
            curve.sigma: mpl.colormaps["viridis"](0.9 * k / max(1, len(curves) - 1))
            for k, curve in enumerate(curves)
        }
        for curve in curves:
            color = colors[curve.sigma]
            left.plot(
                curve.values, curve.entropies, color=color, marker=".", label=f"sigma {curve.sigma:.3g}"
            )
            left.plot(
                *curve.best, color=color, marker="*", markersize=15, markeredgecolor="black", linestyle=""
            )
        left.plot(
            [],
            [],
            color="white",
            marker="*",
            markersize=15,
            markeredgecolor="black",
            linestyle="",
            label="best",
        )
        if math.isfinite(wanted):
            left.axhline(wanted, color="black", linestyle="--", linewidth=1, label=f"{share:.2f} ln N")
        left.set(
            xlabel=label,
            ylabel="entropy of the posterior (nats)",
            title="Entropy",
            xscale="log",
            ylim=(0, None),
        )
        _draw_points(right, points, colors)
        right.set(xlabel=f"predicted {label}", ylabel=f"best {label}", title="Best against predicted")
        right.set(xscale="log", yscale="log")
        if side is not None:
            for axis in (left.xaxis, right.xaxis, right.yaxis):
                _draw_side(axis, side)
        for axis in (left.xaxis, right.xaxis, right.yaxis):
            axis.set_major_locator(ticks(*axis.get_view_interval()))
            axis.set_major_formatter(plain)
            axis.set_minor_formatter(NullFormatter())
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
        for axes in (left, right) if points else (left,):
            axes.legend(fontsize=9)
        fit(figure)
    return figure


def _draw_side(axis: Any, side: int) -> None:
    """A thin line where a window is as wide as the image, if the axis goes so far; named on axes across."""
    low, high = axis.get_view_interval()
    if low <= side <= high:
        axes, across = axis.axes, axis.axis_name == "x"
        draw = axes.axvline if across else axes.axhline
        draw(side, color="grey", linestyle=":", linewidth=1, label="image" if across else None)


def _draw_points(axes: Any, points: Sequence[Point], colors: dict[float, Any]) -> None:
    """Crosses of the best settings' intervals; the shape says how many images, the colour the noise level."""
    counts = sorted({point.count for point in points})
    for point in points:
        around = [[max(0.0, point.best - point.low)], [max(0.0, point.high - point.best)]]
        marker = MARKERS[counts.index(point.count) % len(MARKERS)]
        axes.errorbar(
            point.predicted, point.best, yerr=around, color=colors[point.sigma], marker=marker, linestyle="",
            elinewidth=1,
        )  # fmt: skip
    for k, count in enumerate(counts):
        axes.plot(
            [], [], color="grey", marker=MARKERS[k % len(MARKERS)], linestyle="", label=f"N = {count:,}"
        )
    seen = [value for point in points for value in (point.predicted, point.best)]
    if seen:
        ends = [min(seen) / 1.1, max(seen) * 1.1]
        axes.plot(ends, ends, color="black", linestyle="--", linewidth=1, label="equal")
    for sigma in sorted({point.sigma for point in points}):
        axes.plot([], [], color=colors[sigma], linewidth=6, label=f"sigma {sigma:.3g}")
