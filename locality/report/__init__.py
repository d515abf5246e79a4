"""The run folder, W&B, the HTML page and figures. Nothing else imports wandb or matplotlib.

Names are imported when first used, and wandb and matplotlib only when something is drawn or logged.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from locality.disk import write_atomically
    from locality.report.card import ModelCard
    from locality.report.chart import Chart, Series
    from locality.report.folder_logger import FolderLogger, loggers
    from locality.report.report import Report
    from locality.report.table import Table, format_table

__all__ = [
    "Chart",
    "FolderLogger",
    "ModelCard",
    "Report",
    "Series",
    "Table",
    "format_table",
    "loggers",
    "write_atomically",
]

_HOMES = {
    "Chart": "locality.report.chart",
    "FolderLogger": "locality.report.folder_logger",
    "ModelCard": "locality.report.card",
    "Report": "locality.report.report",
    "Series": "locality.report.chart",
    "Table": "locality.report.table",
    "format_table": "locality.report.table",
    "loggers": "locality.report.folder_logger",
    "write_atomically": "locality.disk",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'locality.report' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
