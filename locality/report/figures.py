"""Figures in one style: readable, labelled, safe for colour-blind readers, one colour per known denoiser."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from locality.report.chart import Chart, Series
from locality.report.edges import mark_edges, out_of_range
from locality.report.lettering import fit
from locality.report.names import called, known, spoken

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.autolayout": False,  # layouts are ours, whatever a matplotlibrc says
    "figure.constrained_layout.use": False,
}


class Look(NamedTuple):
    """How a series is drawn; colours are Okabe and Ito's and Tol's, and no two rest on colour alone."""

    label: str
    color: str
    marker: str = "o"
    line: str = "-"


STYLES: Mapping[str, tuple[str, ...]] = {  # colour, marker, line
    "network": ("#000000", "o"),
    "second_network": ("#7f7f7f", "o", "--"),
    "wiener": ("#0072B2", "s"),
    "optimal": ("#D55E00", "^"),
    "nearest": ("#E69F00", "v", "--"),
    "stacked_locality": ("#DDAA33", "H"),
    "stacked_mixtures": ("#EE3377", "*", "--"),
    "local_mixture": ("#F4A6C0", "p", "--"),
    "soft_locality": ("#332288", "*"),
    "pca_locality": ("#009E73", "D"),
    "pca_locality_wssm": ("#66C2A5", "d", "--"),
    "pca_locality_released": ("#44AA99", "d", ":"),
    "local_score": ("#CC79A7", "P"),
    "local_score_entropy": ("#8F3F6F", "P", ":"),
    "local_score_by_output": ("#33BBEE", "P", "-."),
    "pca_locality_entropy": ("#00604A", "D", ":"),
    "pca_locality_by_output": ("#EE7733", "D", "-."),
    "equivariant_local_score": ("#AA4499", "X", "--"),
    "equivariant_broken": ("#C78ABF", "x", ":"),
    "patch_composite": ("#999933", "<"),
    "smoothed": ("#882255", ">", "-."),
    "golden_subset": ("#56B4E9", "h", "-."),
    "identity": ("#bbbbbb", "", ":"),
}
KNOWN = {name: Look(called(name), *style) for name, style in STYLES.items()}
OTHERS = (  # the first two broken: what lies below them is seen
    ("#EE7733", "*", "--"),
    ("#882255", "X", "-."),
    ("#33BBEE", "d", "-"),
    ("#117733", "8", "--"),
    ("#CCBB44", "v", "-."),
    ("#6699CC", ".", "-"),
)
BROKEN = ("-", "--", "-.", ":")  # lines that hide least come last
LEAST_TICKS = 4  # of a logarithmic axis
LEAST_WIDTH = 4.8  # inches of charts side by side, without their legend


def looks(names: Sequence[str]) -> dict[str, Look]:
    """How to draw each series: the known ones alike in every figure, others in the order given."""
    chosen, others = {}, 0
    for name in names:
        if (key := known(name)) is not None:
            chosen[name] = KNOWN[key]
        else:
            color, marker, line = OTHERS[others % len(OTHERS)]
            line = BROKEN[(BROKEN.index(line) + others // len(OTHERS)) % 3]  # dots are of what is beside
            chosen[name] = Look(called(name), color, marker, line)
            others += 1
    return chosen


def styled(changes: Any = None) -> AbstractContextManager[None]:
    """The project's style for what is drawn inside the `with`."""
    import matplotlib as mpl

    return mpl.rc_context({**STYLE, **(changes or {})})


def new_figure(width: float, height: float, dpi: int = 150) -> Figure:
    """An empty figure of so many inches, outside pyplot: it opens no window and needs no closing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file, at its own resolution."""
    return to_file(figure, "png")


def to_file(figure: Figure, form: str) -> bytes:
    """The figure as PNG, SVG or PDF; the same figure is the same bytes."""
    content = io.BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with styled({"svg.hashsalt": "locality"}):
        figure.savefig(content, format=form, dpi=figure.dpi, metadata=dates.get(form))
    return content.getvalue()


def draw_chart(chart: Chart) -> Figure:
    """A chart: one line per series with its interval as a band."""
    with styled():
        figure = new_figure(8.0, 4.4)
        axes = figure.subplots()
        _draw_axes(axes, chart, looks(_own_colours(chart)))
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
        fit(figure)
    return figure


def draw_charts(charts: Sequence[Chart], title: str) -> Figure:
    """Charts side by side under one title, with one legend for all; a series has one look in all of them."""
    names = list(dict.fromkeys(name for chart in charts for name in _own_colours(chart)))
    with styled({"axes.titleweight": "normal"}):
        longest = max((len(look.label) for look in looks(names).values()), default=0)
        figure = new_figure(max(3.6 * len(charts), LEAST_WIDTH) + 0.8 + 0.075 * longest, 3.9)
        handles: dict[str, Any] = {}
        for k, (axes, chart) in enumerate(
            zip(figure.subplots(1, len(charts), squeeze=False)[0], charts, strict=True)
        ):
            _draw_axes(axes, chart, looks(names))
            if k and chart.y_label == charts[0].y_label:
                axes.set_ylabel("")
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                handles.setdefault(label.split("\n")[0], handle)
        figure.legend(list(handles.values()), list(handles), loc="outside right upper")
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        fit(figure)
    return figure


def _own_colours(chart: Chart) -> list[str]:
    return [name for name, series in chart.series.items() if series.beside is None]


def _draw_axes(axes: Axes, chart: Chart, shown: Mapping[str, Look]) -> None:
    for name, series in chart.series.items():
        look = Look(name, shown[series.beside].color, "", ":") if series.beside else shown[name]
        _draw_series(axes, chart, series, look)
    axes.set(title=spoken(chart.title), xlabel=chart.x_label, ylabel=spoken(chart.y_label))
    if not _seen(chart):
        axes.set_xlim(0.9 * min(chart.x), 1.1 * max(chart.x))  # matplotlib looks at no point without a y
        axes.text(0.5, 0.5, "undefined", transform=axes.transAxes, ha="center")
    _scale(axes, chart)
    for name, series in chart.series.items():
        mark_edges(axes, chart, series.mean, shown[series.beside or name].color)


def _draw_series(axes: Axes, chart: Chart, series: Series, look: Look) -> None:
    x, mean = list(chart.x), list(series.mean)
    label = look.label + out_of_range(mean, chart.y_range)
    above = 2 + BROKEN.index(look.line) / 10
    axes.plot(x, mean, label=label, color=look.color, marker=look.marker, linestyle=look.line, zorder=above)
    if series.low is not None and series.high is not None:
        axes.fill_between(x, list(series.low), list(series.high), color=look.color, alpha=0.18, linewidth=0)


def _seen(chart: Chart) -> list[float]:
    return [value for series in chart.series.values() for value in series.mean if math.isfinite(value)]


def _scale(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    # Errors that are all 0, or undefined, have no logarithm; the axis is a plain one then.
    positive = any(value > 0 for value in _seen(chart))
    for wanted, set_scale in ((chart.log_x, axes.set_xscale), (chart.log_y and positive, axes.set_yscale)):
        if wanted:
            set_scale("log")
    _clip(axes, chart)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            axis.set_major_locator(ticks(low, high))
            if high < 10 * low:
                axis.set_minor_locator(NullLocator())  # every tick has its number
            axis.set_major_formatter(plain)
            axis.set_minor_formatter(NullFormatter())


def ticks(low: float, high: float) -> Locator:
    """The fewest ticks of a logarithmic axis that are enough: on a short one those of a plain axis."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    powers = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)))]
    for subs in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), tuple(range(1, 10))):
        if sum(low <= sub * power <= high for power in powers for sub in subs) >= LEAST_TICKS:
            return LogLocator(subs=subs)
    return MaxNLocator(5, steps=[1, 2, 5, 10], min_n_ticks=LEAST_TICKS)


def _clip(axes: Axes, chart: Chart) -> None:
    """Leave out what is beyond `y_range`; the margin opposite is that of what is left, bands too."""
    points = _seen(chart)
    low, high = axes.get_ylim()
    bottom, top = (
        end if limit is None else limit for limit, end in zip(chart.y_range, (low, high), strict=True)
    )
    seen = [value for value in points if bottom <= value <= top]
    if not seen:
        return  # an empty picture would say less than an unclipped one
    ends = [end for one in chart.series.values() for end in (*(one.low or ()), *(one.high or ()))]
    seen += [end for end in ends if bottom <= end <= top]
    cut = low < bottom
    if cut:
        low, high = bottom, min(high, max(seen) + 0.05 * (max(seen) - bottom))
    if high > top:
        low, high = low if cut else max(low, min(seen) - 0.05 * (top - min(seen))), top
    axes.set_ylim(low, high)
