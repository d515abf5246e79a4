"""A chart to draw and to write down."""

from __future__ import annotations

import torch

from locality.report import Chart, Series


def chart(**changes: object) -> Chart:
    """A chart that is right, but for the changes."""
    base = {
        "title": "agreement",
        "x_label": "sigma (pixel units)",
        "y_label": "r2",
        "x": [0.1, 1.0],
        "series": {"wiener": Series(torch.tensor([0.5, 1.0]))},
    }
    return Chart(**(base | changes))  # type: ignore[arg-type]
