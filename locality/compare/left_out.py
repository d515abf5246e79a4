"""What a comparison leaves out of its scores: images whose target is blank."""

from __future__ import annotations

from collections.abc import Mapping

from locality.compare.summary import Quantity
from locality.metrics import BLANK
from locality.ranks import say
from locality.report import Report

COLUMNS = ("left out of", "images", "denoisers")


def tell_left_out(
    report: Report,
    section: str,  # what the name of the table begins with
    found: Mapping[str, Mapping[str, Quantity]],  # denoiser -> name of quantity -> number
) -> None:
    """A line for each score that lacks images, on the terminal, and a table of them; nothing if none does.

    A mean over noise levels leaves out an image that is blank at one of them.
    """
    lacking: dict[tuple[str, str], list[str]] = {}
    for denoiser, quantities in found.items():
        for key, one in quantities.items():
            if one.left_out and not key.startswith("median_"):
                count = f"{one.left_out} of {one.images}"
                lacking.setdefault((key.replace("_", " "), count), []).append(denoiser)
    if not lacking:
        return
    rows = [[*key, ", ".join(names)] for key, names in lacking.items()]
    report.table(f"{section}/left_out", COLUMNS, rows)
    why = f"no score: the target (or, of a correlation, the estimate) is blank, variance < {BLANK:.2g}"
    for score, count, names in rows:
        say(f"left out of {score}: {count} images ({why}): {names}")
