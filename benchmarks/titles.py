"""What the pages of results call things, and how they write numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from locality.report import names
from locality.report.table import format_markdown

TITLES = {  # data sets, in the order in which they are told of
    "cifar": "CIFAR-10",
    "afhq32": "cats, 32 x 32",
    "fashion_mnist": "Fashion-MNIST",
    "photos16": "photographs, 16 x 16",
    "photos32": "photographs, 32 x 32",
    "afhq64": "cats, 64 x 64",
    "celeba_hq64": "CelebA-HQ, 64 x 64",
}
DATA = tuple(TITLES)
NOTES = {  # beside names, on these pages
    "stacked_locality": " (ours)",
    "stacked_mixtures": " (ours)",
    "pca_locality": " (the paper's)",
}
NETWORKS = {  # named in commands
    "dit": "DiT",
    "mixer": "MLP-Mixer",
    "cifar": "CIFAR-10",
    "half": "network of half the images",
}
SIGMA = "noise level sigma (pixel units)"
NETWORK = "network"


def bullets(lines: Iterable[str]) -> str:
    """Lines that a reader takes one by one."""
    return "\n".join(f"* {line}" for line in lines)


def on(names: Sequence[str]) -> str:
    """On which data: names have commas, so each has its `on`.

    >>> on(["CIFAR-10", "cats, 32 x 32"])
    'on CIFAR-10 and on cats, 32 x 32'
    """
    return joined([f"on {name}" for name in names])


def joined(names: Iterable[Any]) -> str:
    """`a, b and c`."""
    parts = [str(name) for name in names]
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table, of cells as `shown`."""
    return format_markdown(columns, [[shown(cell) for cell in row] for row in rows])


def shown(cell: Any) -> str:
    """A cell: three significant digits, a dash for nothing."""
    return "-" if cell is None or cell == "" else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def called(name: str) -> str:
    """A row's name for readers, as reports have it, and whose it is."""
    return NETWORKS.get(name) or names.called(name).replace("_", " ") + NOTES.get(name, "")
