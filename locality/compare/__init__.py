"""What `evaluate.py compare=...` does: one file a comparison, each a function of a `Context`."""

from locality.compare.analytic_vs_nn import analytic_vs_nn
from locality.compare.architectures import architectures
from locality.compare.calibrate import calibrate
from locality.compare.context import Context
from locality.compare.halves import halves
from locality.compare.information import information
from locality.compare.labels import labels
from locality.compare.mirror import mirror
from locality.compare.needs import without_network
from locality.compare.paper_table import paper_table
from locality.compare.pattern import pattern
from locality.compare.sensitivity import sensitivity
from locality.compare.sweep import sweep

__all__ = [
    "Context",
    "analytic_vs_nn",
    "architectures",
    "calibrate",
    "halves",
    "information",
    "labels",
    "mirror",
    "paper_table",
    "pattern",
    "sensitivity",
    "sweep",
    "without_network",
]
