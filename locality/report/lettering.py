"""Text that fits its figure: long lines are broken, and a figure is as high as its legend."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

MARGIN = 12  # points left free on both sides together
ROUNDS = 3  # a broken line changes the room of the others


def fit(figure: Figure) -> None:
    """Breaks what is longer than its place, and makes the figure as high as legends and new lines ask for.

    A title has the width of its axes. The figure's own title has what the legend leaves. A y label has the
    height. Axes then keep their places.
    """
    whole: dict[Text, str] = {}  # texts that were broken, as they were
    margin = MARGIN * figure.dpi / 72
    for _ in range(ROUNDS):
        _lay_out(figure)
        before = figure.get_figheight()
        _grow(figure, sum(_broken(text, room, margin, whole) for text, room in list(_over_all(figure))))
        broken = sum(_broken(text, room, margin, whole) for text, room in list(_of_axes(figure)))
        if not broken and figure.get_figheight() == before:
            _keep_places(figure)
            return


def _lay_out(figure: Figure) -> None:
    engine = figure.get_layout_engine()
    assert engine is not None  # every figure of ours has one until it fits
    engine.execute(figure)


def _keep_places(figure: Figure) -> None:
    """Takes the layout away: in a PNG it would move nothing more, and it takes longer than the drawing."""
    if all(axes.get_aspect() == "auto" for axes in figure.axes):  # axes of a fixed shape still move
        figure.set_layout_engine(None)


def _grow(figure: Figure, lines: int) -> None:
    """Room for so many more lines above or below, and for the legend."""
    scale = figure.dpi / 72
    size = figure.get_figheight() + lines * 14 / 72
    for legend in figure.legends:
        size = max(size, (legend.get_window_extent().height / scale + 2 * MARGIN) / 72)
    if size > figure.get_figheight():
        figure.set_figheight(size)


def _over_all(figure: Figure) -> Iterator[tuple[Text, float]]:  # pixels
    legend = max((legend.get_window_extent().width for legend in figure.legends), default=0.0)
    for name, taken in (("_suptitle", legend), ("_supxlabel", 0.0)):
        text = getattr(figure, name)
        if text is not None:
            yield text, figure.bbox.width - taken


def _of_axes(figure: Figure) -> Iterator[tuple[Text, float]]:  # pixels
    for axes in figure.axes:
        if not axes.get_visible():
            continue
        box = axes.get_window_extent()

        for title in (axes.title, axes._left_title, axes._right_title):  # type: ignore[attr-defined]
            yield title, box.width
        yield axes.xaxis.label, 1.1 * box.width
        if axes.yaxis.label.get_rotation() == 90:
            yield axes.yaxis.label, min(1.15 * box.height, figure.bbox.height)


def _broken(text: Text, room: float, margin: float, whole: dict[Text, str]) -> int:
    """Breaks a text that is longer than its room; gives back how many lines that added."""
    words = whole.get(text, text.get_text())
    before = text.get_text().count("\n")
    if not words.strip() or "\n" in words:  # who breaks lines has chosen where
        return 0
    extent = text.get_window_extent()
    length, free = max(extent.width, extent.height), room - margin
    if length <= free:
        return 0
    longest = max(map(len, text.get_text().split("\n")))
    whole[text] = words
    text.set_text("\n".join(textwrap.wrap(words, max(12, int(longest * free / length)))))
    return text.get_text().count("\n") - before
