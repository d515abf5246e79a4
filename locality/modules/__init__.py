"""Lightning modules: one face for trained and analytical denoisers, and for their comparison."""

from locality.modules.analytic import AnalyticModule, OnePass
from locality.modules.base import DenoiserModule
from locality.modules.comparison import ComparisonModule
from locality.modules.ddpm import DDPMModule, Diverged
from locality.modules.fields import FieldModule
from locality.modules.finished import FinishedModule
from locality.modules.pairs import PairModule

__all__ = [
    "AnalyticModule",
    "ComparisonModule",
    "DDPMModule",
    "DenoiserModule",
    "Diverged",
    "FieldModule",
    "FinishedModule",
    "OnePass",
    "PairModule",
]
