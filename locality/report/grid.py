"""Grids of small images, one labelled row per denoiser, enlarged so that every pixel is a crisp square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from locality.report.figures import looks, new_figure, styled

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor

DPI = 100
TILE, WIDTH = 96, 1500  # pixels of one image, and of a row of many
GAP, LINE, LETTER = 4, 26, 9.0  # pixels between images, of a line of text, of a letter of the labels


def draw_grid(
    rows: Mapping[str, Tensor],  # name -> [B, C, H, W] in [-1, 1], clipped for display; the same shape in all
    columns: Sequence[str] | None = None,  # B headings
    title: str | None = None,
) -> Figure:
    """The grid, one screen pixel of the canvas per pixel of the PNG. Raises ValueError for unequal shapes."""
    import numpy as np

    count, tile = _checked(rows, columns)
    left = int(LETTER * max(len(look.label) for look in looks(list(rows)).values())) + 3 * GAP
    if title is not None:  # the title may be longer than few images
        left = max(left, int(LETTER * len(title)) - (tile[1] + GAP) * count)
    top = LINE * ((title is not None) + (columns is not None)) + GAP
    pitch = (tile[0] + GAP, tile[1] + GAP)
    size = (top + pitch[0] * len(rows), left + pitch[1] * count)
    canvas = np.full((*size, 3), 255, dtype=np.uint8)
    with styled():
        figure = new_figure(size[1] / DPI, size[0] / DPI, DPI)
        figure.set_layout_engine("none")
        for k, (name, images) in enumerate(rows.items()):
            down = top + k * pitch[0]
            for b, image in enumerate(_pixels(images, tile)):
                right = left + b * pitch[1]
                canvas[down : down + tile[0], right : right + tile[1]] = image
            middle = 1 - (down + tile[0] / 2) / size[0]
            figure.text(
                (left - 2 * GAP) / size[1], middle, looks([name])[name].label, ha="right", va="center"
            )
        for b, heading in enumerate(columns or ()):
            across = (left + b * pitch[1] + tile[1] / 2) / size[1]
            figure.text(across, 1 - (top - GAP) / size[0], heading, ha="center", va="bottom", fontsize=9)
        if title is not None:
            figure.text(GAP / size[1], 1 - GAP / size[0], title, ha="left", va="top", weight="bold")
        figure.figimage(canvas)
    return figure


def _checked(rows: Mapping[str, Tensor], columns: Sequence[str] | None) -> tuple[int, tuple[int, int]]:
    """The number of images in a row and the size of each on the canvas."""
    shapes = {name: tuple(images.shape) for name, images in rows.items()}
    if not shapes or len(set(shapes.values())) > 1 or any(len(shape) != 4 for shape in shapes.values()):
        raise ValueError(f"a grid wants equal rows [B, C, H, W], got {shapes}")
    count, channels, height, width = next(iter(shapes.values()))
    if channels not in (1, 3) or not count:
        raise ValueError(f"a grid wants images of 1 or 3 channels, got {(count, channels, height, width)}")
    if columns is not None and len(columns) != count:
        raise ValueError(f"a grid of {count} columns wants as many headings, got {len(columns)}")
    scale = max(1, min(TILE, WIDTH // count) // max(height, width))
    return count, (height * scale, width * scale)


def _pixels(
    images: Tensor,  # [B, C, H, W] in [-1, 1]
    tile: tuple[int, int],
) -> np.ndarray:  # [B, H', W', C] uint8
    from einops import repeat

    from locality.at_rest import to_bytes

    scale = tile[0] // images.shape[-2]
    return repeat(to_bytes(images), "b c h w -> b (h i) (w j) c", i=scale, j=scale).numpy()
