"""Curves that leave a chart: arrows at its edges, and what the legend says of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from locality.report.chart import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mark_edges(axes: Axes, chart: Chart, mean: Iterable[float], color: str) -> None:
    """Arrows at the edge above or below which a curve goes on; hollow where it has no bound."""
    carets = zip((0, 1), chart.y_range, axes.get_ylim(), (7, 6), strict=True)  # that point out
    for edge, limit, end, marker in carets:
        cut = limit is not None and math.isclose(limit, end)  # a picture without a curve is not cut
        for x, y in zip(chart.x, mean, strict=True):
            if cut and (y < end if edge == 0 else y > end):
                axes.plot(
                    x, edge, marker=marker, color=color, markerfacecolor="white" if math.isinf(y) else color,
                    markersize=7, clip_on=False, zorder=3, transform=axes.get_xaxis_transform(),
                )  # fmt: skip


def out_of_range(mean: Sequence[float], shown: tuple[float | None, float | None]) -> str:
    """What the legend adds for a curve that leaves the picture."""
    seen = [value for value in mean if math.isfinite(value)]
    said = []
    if seen and shown[0] is not None and min(seen) < shown[0]:
        said.append(f"down to {min(seen):.3g}")
    elif seen and shown[1] is not None and max(seen) > shown[1]:
        said.append(f"up to {max(seen):.3g}" if max(seen) < 1000 else f"up to {max(seen):,.0f}")
    if shown[1] is not None and math.inf in mean:
        said.append("hollow: no bound")
    return "\n({})".format(",\n".join(said)) if said else ""
