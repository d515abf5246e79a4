"""Put the newest demo's table, times and picture into README.md, between its markers.

make demo && make readme
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from locality.report.names import called
from locality.report.table import format_markdown

ROOT = Path(__file__).resolve().parent.parent
SHOWN = ("denoiser", "median sample r2", "median one-step r2", "held-out MSE", "MSE / Wiener", "ms / image")
BEGIN, END = "<!-- demo: written by make readme -->\n", "<!-- end of demo -->"


def main() -> None:
    """Rewrite the block."""
    comparison = (ROOT / "runs" / "latest").resolve()
    config = OmegaConf.load(comparison / "config.yaml")
    if config.task != "evaluate":
        raise SystemExit("runs/latest is not a comparison: run make demo first")
    folders = (ROOT / config.checkpoint, comparison)
    trained, compared = (json.loads((folder / "metrics.json").read_text()) for folder in folders)
    shutil.copy(comparison / "images" / "compare" / "samples.png", ROOT / "docs" / "images" / "demo.png")
    readme = (ROOT / "README.md").read_text()
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    (ROOT / "README.md").write_text(head + BEGIN + block(trained, compared) + END + tail)


def block(trained: dict[str, Any], compared: dict[str, Any]) -> str:
    """The block: picture, table, times."""
    table = compared["tables"]["compare/summary"]
    places = [table["columns"].index(name) for name in SHOWN]
    rows = [[called(str(row[0])), *(shown(row[place]) for place in places[1:])] for row in table["rows"]]
    lines = [
        "![Samples, the same noise in each column](docs/images/demo.png)\n",
        format_markdown(SHOWN, rows),
        "",
        f"Training took {trained['run']['seconds']:.0f} s, the comparison {compared['run']['seconds']:.0f} s "
        f"on {os.cpu_count()} cores ({platform.machine()}), at commit `{compared['run']['commit']}`.",
    ]
    return "\n".join(lines) + "\n"


def shown(cell: Any) -> str:
    """A table cell as text."""
    return "-" if cell is None else cell if isinstance(cell, str) else f"{cell:.3g}"


if __name__ == "__main__":
    main()
