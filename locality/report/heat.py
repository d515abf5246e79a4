"""Heat maps in rows and columns, each over its own maximum, the probed pixel outlined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from locality.report.figures import looks, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

TILE, WIDEST = 1.05, 14.0  # inches, of one map, and of all in a row
LETTER, BAR = 0.095, 1.0  # inches, of a letter of the labels, and of the colour bar with its own
COLOURS = "magma"


@dataclass(frozen=True)
class HeatRow:
    """The maps of one row, and the pixel (row, col) that was probed."""

    maps: Tensor  # [K, H, W] non-negative; each is drawn over its own maximum
    pixel: tuple[int, int] | None = None


def draw_heat(
    rows: Mapping[str, HeatRow],  # by label; labels of known denoisers are written out
    columns: Sequence[str],  # K headings
    title: str,
    label: str,  # of the colour bar
    note: str | None = None,  # below the maps
) -> Figure:
    """The figure. Raises ValueError for rows of unequal shape, or headings that do not fit."""
    shapes = {name: tuple(row.maps.shape) for name, row in rows.items()}
    if not rows or len(set(shapes.values())) > 1 or any(len(shape) != 3 for shape in shapes.values()):
        raise ValueError(f"heat maps want equal rows [K, H, W], got {shapes}")
    count, height, width = next(iter(shapes.values()))
    if len(columns) != count:
        raise ValueError(f"{count} columns of heat maps want as many headings, got {len(columns)}")
    tile = min(TILE, WIDEST / count)
    with styled({"axes.grid": False, "axes.titlelocation": "center", "axes.titleweight": "normal"}):
        shown = looks(list(rows))
        letters = max(len(line) for look in shown.values() for line in look.label.split("\n"))
        figure = new_figure(
            tile * count + LETTER * letters + BAR,
            tile * height / width * len(rows) + 0.95 + 0.3 * (note is not None),
        )
        figure.set_layout_engine("compressed", w_pad=0.03, h_pad=0.03, wspace=0.0, hspace=0.0)
        grid = figure.subplots(len(rows), count, squeeze=False)
        for axes_row, (name, row) in zip(grid, rows.items(), strict=True):
            for axes, heat in zip(axes_row, row.maps, strict=True):
                image = _draw(axes, heat, row.pixel)
            axes_row[0].set_ylabel(shown[name].label, rotation=0, ha="right", va="center", labelpad=8)
        for axes, heading in zip(grid[0], columns, strict=True):
            axes.set_title(heading, fontsize=9, pad=5)
        bar = figure.colorbar(image, ax=grid, shrink=0.9, aspect=28, pad=0.015, ticks=[0, 0.5, 1])
        bar.set_label(label, fontsize=9)
        bar.outline.set_visible(False)
        figure.suptitle(title, x=0.01, ha="left", weight="bold", fontsize=12)
        if note is not None:
            figure.supxlabel(note, x=0.01, ha="left", fontsize=9, color="#444444")
    return figure


def _draw(axes: Axes, heat: Tensor, pixel: tuple[int, int] | None):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    values = heat.detach().float().cpu().numpy()
    top = float(values.max())
    image = axes.imshow(
        values / top if top > 0 else values, cmap=COLOURS, vmin=0, vmax=1, interpolation="nearest"
    )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if pixel is not None:
        row, col = pixel
        axes.add_patch(
            Rectangle((col - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#39d5ff", linewidth=1.1)
        )
    return image
