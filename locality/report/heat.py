"""Heat maps in rows and columns, each over its own maximum, the probed pixel outlined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from locality.report.figures import looks, new_figure, styled
from locality.report.lettering import fit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

TILE, WIDEST = 1.05, 14.0  # inches, of one map, and of all in a row
LETTER, BAR = 0.095, 1.0  # inches, of a letter of the labels, and of the colour bar with its own
NOTE = 0.27  # inches, of a line below a map
TWIN = 4.5  # pixels, radius of the circle around a second pixel: clear of what is seen there
COLOURS, PROBE, MARK = "magma", "#39d5ff", "#D55E00"
LOG_FLOOR = 1e-2  # of the maximum


@dataclass(frozen=True)
class HeatRow:
    """The maps of one row, and the pixel (row, col) that was probed."""

    maps: Tensor  # [K, H, W] non-negative; each is drawn over its own maximum
    pixel: tuple[int, int] | None = None
    picture: Tensor | None = None  # [C, H, W] in [-1, 1], before the maps; one for all: give the first row's
    caption: str = ""  # below the picture
    notes: Sequence[str] | None = None  # K lines, one below each map
    marked: Sequence[bool] | None = None  # K, the maps that are underlined
    twin: tuple[int, int] | None = None  # a second pixel, circled; the picture then shows both, too


def draw_heat(
    rows: Mapping[str, HeatRow],  # by label; labels of known denoisers are written out
    columns: Sequence[str],  # K headings
    title: str,
    label: str,  # of the colour bar
    note: str | None = None,  # below the maps
    log: bool = False,  # logarithmic colours
    floor: float = LOG_FLOOR,  # of the maximum; what they show as black
) -> Figure:
    """The figure. Raises ValueError for rows of unequal shape, or headings that do not fit."""
    count, height, width = _checked(rows, columns)
    pictures = any(row.picture is not None for row in rows.values())
    named = int(any(row.picture is None for row in rows.values())) if pictures else 0  # the column with names
    lines = any(row.notes is not None or row.caption for row in rows.values())
    tile = min(TILE, WIDEST / (count + pictures))
    with styled({"axes.grid": False, "axes.titlelocation": "center", "axes.titleweight": "normal"}):
        shown = looks(list(rows))
        letters = max(len(line) for look in shown.values() for line in look.label.split("\n"))
        figure = new_figure(
            tile * (count + pictures) + LETTER * letters + BAR,
            (tile * height / width + NOTE * lines) * len(rows) + 0.95 + 0.3 * (note is not None),
        )
        figure.set_layout_engine("compressed", w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0)
        grid = figure.subplots(len(rows), count + pictures, squeeze=False)
        for axes_row, (name, row) in zip(grid, rows.items(), strict=True):
            if pictures:
                _picture(axes_row[0], row)
            image = _maps(axes_row[int(pictures) :], row, floor if log else None)
            axes_row[named].set_ylabel(shown[name].label, rotation=0, ha="right", va="center", labelpad=8)
        for axes, heading in zip(grid[0][int(pictures) :], columns, strict=True):
            axes.set_title(heading, fontsize=9, pad=5)
        _bar(figure, image, grid, label, floor if log else None)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        if note is not None:
            figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color="#444444")
        fit(figure)
    return figure


def _checked(rows: Mapping[str, HeatRow], columns: Sequence[str]) -> tuple[int, int, int]:
    shapes = {name: tuple(row.maps.shape) for name, row in rows.items()}
    if not rows or len(set(shapes.values())) > 1 or any(len(shape) != 3 for shape in shapes.values()):
        raise ValueError(f"heat maps want equal rows [K, H, W], got {shapes}")
    count, height, width = next(iter(shapes.values()))
    for row in rows.values():
        for one in (columns, row.notes, row.marked):
            if one is not None and len(one) != count:
                raise ValueError(f"{count} columns of heat maps want as many headings, got {len(one)}")
    return count, height, width


def _maps(axes_row: Sequence[Axes], row: HeatRow, floor: float | None) -> Any:
    for k, (axes, heat) in enumerate(zip(axes_row, row.maps, strict=True)):
        image = _draw(axes, heat, row, floor)
        if row.notes is not None:
            axes.set_xlabel(row.notes[k], fontsize=8, labelpad=7)
        if row.marked is not None and row.marked[k]:
            axes.plot(
                [0, 1], [-0.045, -0.045], transform=axes.transAxes, color=MARK, linewidth=3.5,
                clip_on=False, solid_capstyle="butt",
            )  # fmt: skip
    return image


def _draw(axes: Axes, heat: Tensor, row: HeatRow, floor: float | None) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    values = heat.detach().float().cpu().numpy()
    values = values / (float(values.max()) or 1.0)
    norm = Normalize(0, 1) if floor is None else LogNorm(floor, 1)
    image = axes.imshow(values.clip(floor or 0), cmap=COLOURS, norm=norm, interpolation="nearest")
    _bare(axes)
    _outline(axes, row)
    return image


def _outline(axes: Axes, row: HeatRow) -> None:
    from matplotlib.patches import Circle, Rectangle

    look: Any = {"fill": False, "edgecolor": PROBE, "linewidth": 1.1}
    if row.pixel is not None:
        axes.add_patch(Rectangle((row.pixel[1] - 0.5, row.pixel[0] - 0.5), 1, 1, **look))
    if row.twin is not None:
        axes.add_patch(Circle((row.twin[1], row.twin[0]), TWIN, linestyle=":", **look))


def _picture(axes: Axes, row: HeatRow) -> None:
    if row.picture is None:
        axes.set_visible(False)
        return
    shown = (row.picture.detach().float().cpu().clamp(-1, 1) + 1) / 2
    axes.imshow(shown.permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel(row.caption, fontsize=8, labelpad=7)
    _bare(axes)
    if row.twin is not None:
        _outline(axes, row)


def _bare(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _bar(figure: Figure, image: Any, grid: Any, label: str, floor: float | None) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ticks = [0, 0.5, 1] if floor is None else [tick for tick in (0.001, 0.01, 0.1, 1) if tick >= floor]
    bar = figure.colorbar(image, ax=grid, shrink=0.9, aspect=28, pad=0.015, ticks=ticks)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.set_label(label, fontsize=9)
    bar.outline.set_visible(False)
