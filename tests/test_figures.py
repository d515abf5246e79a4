"""What is drawn: charts with labelled axes, grids that show every pixel, tables that line up."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from charts import chart
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.text import Text
from PIL import Image

from locality.report import Chart, Series, format_table
from locality.report.figures import KNOWN, OTHERS, draw_chart, draw_charts, looks, to_png
from locality.report.grid import GAP, draw_grid
from locality.report.heat import TWIN, HeatRow, draw_heat
from locality.report.history import draw_history
from locality.report.names import called, spoken


def test_a_series_beside_another_has_its_colour_and_is_dotted() -> None:
    series = {"a": Series([1.0, 2.0]), "b": Series([2.0, 2.0], beside="a"), "c": Series([3.0, 3.0])}
    lines = draw_chart(Chart("c", "x", "y", [1.0, 2.0], series)).axes[0].lines
    first, beside, other = ((line.get_color(), line.get_linestyle()) for line in lines)
    assert beside == (first[0], ":")
    assert other[0] != first[0]


def test_a_chart_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match=r"'wiener': want 1 values"):
        chart(x=[1.0])
    with pytest.raises(ValueError, match=r"x above 0, got 0"):
        chart(x=[0.0, 1.0], log_x=True)
    with pytest.raises(ValueError, match=r"no series 'b' to go with"):
        Chart("c", "x", "y", [1.0], {"a": Series([1.0], beside="b")})
    with pytest.raises(ValueError, match=r"two ends"):
        Series([1.0], low=[0.5])


def test_a_figure_has_labelled_axes_and_only_what_is_in_range() -> None:
    low = Series([-50.0, 0.9], [-60.0, 0.8], [-40.0, 1.0])
    drawn = chart(series={"optimal": low, "mine": Series([0.2, 0.4])}, log_x=True, y_range=(-1.0, None))
    figure = draw_chart(drawn)
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("sigma (pixel units)", "r2")
    assert axes.get_xscale() == "log"
    assert axes.get_ylim()[0] == -1.0
    assert 0.9 < axes.get_ylim()[1] < 1.2
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["optimal\n(down to -50)", "mine"]
    assert to_png(figure).startswith(b"\x89PNG")


def test_what_leaves_the_axis_is_marked_at_its_edge_and_hollow_where_it_has_no_bound() -> None:
    series = {"far": Series([2250.0, 5.0, math.inf, math.nan]), "near": Series([2.0, 3.0, 4.0, 5.0])}
    drawn = chart(x=[1.0, 2.0, 3.0, 4.0], series=series, log_y=True, y_range=(None, 30.0))
    figure = draw_chart(drawn)
    (axes,) = figure.axes
    (color,) = {line.get_color() for line in axes.lines if line.get_label().startswith("far")}
    marks = {
        float(line.get_xdata()[0]): (line.get_ydata()[0], line.get_color(), line.get_markerfacecolor())
        for line in axes.lines
        if len(line.get_xdata()) == 1
    }
    assert marks == {1.0: (1, color, color), 3.0: (1, color, "white")}
    assert axes.get_ylim()[1] == 30.0
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["far\n(up to 2,250,\nhollow: no bound)", "near"]


def test_an_axis_that_is_cut_at_both_ends_ends_at_both() -> None:
    drawn = chart(series={"mine": Series([-3.0, 0.3, 0.999])}, x=[1.0, 2.0, 3.0], y_range=(0.0, 1.0))
    assert draw_chart(drawn).axes[0].get_ylim() == (0.0, 1.0)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.01, 60), (0.3, 64), (0.6, 30), (0.7, 8.5), (0.42, 1.2), (0.83, 1.06), (0.99, 1.01)],
)
def test_a_logarithmic_axis_has_numbers_to_read_it_by_however_short_it_is(low: float, high: float) -> None:
    figure = draw_chart(chart(x=[1.0, 2.0], series={"mine": Series([low, high])}, log_y=True))
    (axes,) = figure.axes
    bottom, top = axes.get_ylim()
    figure.canvas.draw()
    ends = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
    seen = [tick for tick in axes.get_yticks() if bottom <= tick <= top]
    assert len(seen) >= 4
    assert min(seen) < (low * high) ** 0.5 < max(seen)  # on both halves
    there = sorted((box.y0, box.y1) for box in ends)
    assert all(below[1] <= above[0] + 1 for below, above in pairwise(there))  # no number covers another


def test_a_picture_that_is_cut_leaves_room_for_the_bands_that_are_not() -> None:
    series = {"mine": Series([0.8, 0.7], [0.7, -0.4], [0.9, 0.75])}
    figure = draw_chart(chart(x=[1.0, 2.0], series=series, y_range=(0.0, 1.0)))
    assert figure.axes[0].get_ylim()[0] == 0.0
    assert figure.axes[0].get_ylim()[1] > 0.9


def test_what_lies_on_another_curve_is_broken_and_drawn_last() -> None:
    for below, above in (("stacked_locality", "stacked_mixtures"), ("pca_locality", "float32")):
        for order in ((below, above), (above, below)):
            lines = draw_chart(chart(series={name: Series([0.5, 0.7]) for name in order})).axes[0].lines
            solid, broken = sorted(lines, key=lambda line: line.get_zorder())
            assert (solid.get_label(), broken.get_label()) == (called(below), called(above))
            assert (solid.get_linestyle(), broken.get_linestyle()) == ("-", "--")
            assert solid.get_marker() != broken.get_marker()


def _lightness(color: str) -> float:
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return sum(part * c for part, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_networks_beside_known_rows_are_told_apart_by_line_marker_and_colour() -> None:
    drawn = looks(["network", "NN2", "dit", "mixer", "control: CIFAR-10", "wiener", "pca_locality"])
    assert [look.label for look in drawn.values()][2:5] == ["DiT", "MLP-Mixer", "control: CIFAR-10"]
    strangers = [drawn[name] for name in ("dit", "mixer", "control: CIFAR-10")]
    assert len({look.line for look in strangers}) == 3
    assert len({look.marker for look in drawn.values()}) >= len(drawn) - 1  # those of one kind share theirs
    for name in ("wiener", "pca_locality"):
        assert all(abs(_lightness(one.color) - _lightness(drawn[name].color)) > 0.05 for one in strangers)
    assert not any(":" in line for _, _, line in OTHERS)  # dots are of what stands beside a curve


def test_one_picture_for_all_rows_leaves_their_names_beside_the_maps() -> None:
    face, maps = torch.zeros(3, 12, 12), torch.rand(2, 12, 12)
    rows = {name: HeatRow(maps, (6, 2), picture, twin=(6, 9)) for name, picture in (("a", face), ("b", None))}
    figure = draw_heat(rows, ["x", "y"], "title", "label", log=True, floor=1e-3)
    grid = [figure.axes[k : k + 3] for k in (0, 3)]
    assert [axes.get_visible() for axes in (grid[0][0], grid[1][0])] == [True, False]
    assert [row[1].get_ylabel() for row in grid] == ["a", "b"]
    for axes in (grid[0][0], *grid[0][1:], *grid[1][1:]):
        (circle,) = [patch for patch in axes.patches if isinstance(patch, Circle)]
        assert (circle.center, circle.radius) == ((9, 6), TWIN)
    assert grid[0][1].images[0].norm.vmin == 1e-3


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
def test_errors_without_a_logarithm_are_drawn_on_a_plain_axis(value: float) -> None:
    ends = [value, value]
    drawn = draw_chart(chart(series={"mine": Series(ends, ends, ends)}, log_x=True, log_y=True))
    assert drawn.axes[0].get_xscale() == "log"
    assert [text.get_text() for text in drawn.axes[0].texts] == ([] if value == 0 else ["undefined"])
    assert to_png(drawn).startswith(b"\x89PNG")
    assert drawn.axes[0].get_yscale() == "linear"
    mixed = draw_chart(chart(series={"mine": Series([value, 0.5])}, log_y=True))
    assert to_png(mixed).startswith(b"\x89PNG")
    assert mixed.axes[0].get_yscale() == "log"


def cut_or_covered(figure: Figure) -> list[str]:
    """Texts that leave the figure, and texts below its legend."""
    figure.draw_without_rendering()
    ticks = [
        label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()
    ]
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text not in ticks]
    whole, found = figure.bbox.expanded(1.002, 1.002), []
    for text in texts:
        box = text.get_window_extent()
        inside = whole.contains(box.x0, box.y0) and whole.contains(box.x1, box.y1)
        found += [] if inside else [text.get_text()]
        for legend in figure.legends:
            over = text not in legend.findobj(Text) and legend.get_window_extent().overlaps(box)
            found += [f"below the legend: {text.get_text()}"] if over else []
    return found


LONG = "mass within the half-mass radius of the equivariant_local_score"
TITLE = "A title that is longer than its figure is wide, about what is drawn here and how it was measured"


@pytest.mark.parametrize("count", [1, 13])
def test_no_title_label_or_legend_is_cut_or_covered(count: int) -> None:
    series = {name: Series([-3.0, 0.5]) for name in list(KNOWN)[:count]}
    drawn = chart(title=TITLE, y_label=LONG, series=series, log_x=True, y_range=(-1.0, 1.0))
    assert cut_or_covered(draw_chart(drawn)) == []
    assert cut_or_covered(draw_charts([drawn, drawn], TITLE)) == []
    rows = {name: HeatRow(torch.rand(2, 4, 4), (1, 1)) for name in series}
    assert cut_or_covered(draw_heat(rows, ["sigma = 1", "sigma = 2"], TITLE, "share", note=TITLE)) == []
    assert cut_or_covered(draw_grid({name: torch.zeros(2, 1, 4, 4) for name in series}, title=TITLE)) == []
    assert cut_or_covered(draw_history({f"val/{LONG}": [(0, 1.0), (1, 0.5)]})) == []


def test_a_figure_that_fits_is_laid_out_no_more_as_that_would_move_nothing() -> None:
    wide = chart(title=TITLE, y_label=LONG, series={name: Series([3.0, 0.5]) for name in KNOWN}, log_y=True)
    figures = [draw_chart(chart()), draw_chart(wide), draw_charts([wide, chart()], TITLE)]
    figures.append(draw_history({f"val/{name}": [(0, 1.0), (1, 0.5)] for name in KNOWN}))
    for figure in figures:
        assert figure.get_layout_engine() is None
        places = [axes.get_position().bounds for axes in figure.axes]
        figure.set_layout_engine("constrained")
        figure.draw_without_rendering()
        again = [axes.get_position().bounds for axes in figure.axes]
        pixels = np.abs(np.subtract(again, places)) * max(figure.bbox.width, figure.bbox.height)
        assert pixels.max() < 0.5


def test_a_line_is_broken_only_where_it_is_too_long() -> None:
    figure = draw_chart(chart(title="short"))
    assert figure.axes[0].get_title(loc="left") == "short"
    assert figure.get_figheight() == 4.4


def test_training_and_validation_of_one_quantity_share_a_panel() -> None:
    history = {
        "train/loss": [(0, 1.0), (1, 0.01)],
        "val/loss": [(1, 0.5)],
        "train/rate": [(0, 1.0), (1, 1.0)],
    }
    figure = draw_history(history)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss", "rate"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear"]


def test_readers_meet_one_name_of_a_denoiser_and_commands_keep_theirs() -> None:
    command = "python evaluate.py +denoiser@candidates.pca_locality=pca_locality checkpoint=runs/pca_locality"
    assert spoken(f"far from their best: pca_locality, local_score; calibrate: {command}") == (
        f"far from their best: PCA locality, local score; calibrate: {command}"
    )
    for kept in ("mine", "<wiener>", "wiener.json", "[wiener,optimal]", "compare/mse/wiener", "wiener_3"):
        assert spoken(kept) == kept
    assert spoken("smoothed (12 images)") == "smoothed optimal (12 images)"
    assert spoken("not smoothed") == "not smoothed"
    for name, look in looks([*KNOWN, "wiener_reference", "NN2", "mine"]).items():
        assert look.label == called(name) == spoken(name)


def test_a_known_denoiser_looks_the_same_in_every_figure() -> None:
    assert (
        looks(["mine", "PCA-locality", "wiener"])["PCA-locality"] == looks(["pca_locality"])["pca_locality"]
    )
    drawn = looks(["one", "two", *KNOWN])
    assert len({(look.color, look.marker) for look in drawn.values()}) == len(drawn)


@pytest.mark.parametrize(("channels", "size"), [(1, 8), (3, 16), (3, 32), (3, 128)])
def test_a_grid_shows_every_pixel_as_a_square_of_its_colour(tmp_path: Path, channels: int, size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = {name: torch.rand(3, channels, size, size, generator=generator) * 3 - 1.5 for name in ("a", "b")}
    (tmp_path / "grid.png").write_bytes(to_png(draw_grid(rows, columns=["x", "y", "z"], title="samples")))
    shown = np.asarray(Image.open(tmp_path / "grid.png").convert("RGB"))
    scale = max(1, 96 // size)
    pitch = size * scale + GAP
    for k, images in enumerate(rows.values()):
        for b, image in enumerate(images):
            top, left = shown.shape[0] - (2 - k) * pitch, shown.shape[1] - (3 - b) * pitch
            tile = shown[top : top + size * scale, left : left + size * scale]
            colour = (
                ((image.clamp(-1, 1) + 1) * 127.5).round().byte().expand(3, -1, -1).permute(1, 2, 0).numpy()
            )
            np.testing.assert_array_equal(tile, colour.repeat(scale, axis=0).repeat(scale, axis=1))


def test_a_grid_of_unequal_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"equal rows"):
        draw_grid({"a": torch.zeros(2, 3, 4, 4), "b": torch.zeros(1, 3, 4, 4)})
    with pytest.raises(ValueError, match=r"1 or 3 channels"):
        draw_grid({"a": torch.zeros(2, 2, 4, 4)})


def test_a_table_lines_up_and_marks_what_is_missing() -> None:
    text = format_table(["denoiser", "r2", "N"], [["wiener", 0.123456, 12], ["mine", float("nan"), 60000]])
    assert text.splitlines() == [
        "denoiser      r2      N",
        "--------  ------  -----",
        "Wiener    0.1235     12",
        "mine           -  60000",
    ]
    with pytest.raises(ValueError, match=r"want 2 cells"):
        format_table(["a", "b"], [["only one"]])
