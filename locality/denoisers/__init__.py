"""Every denoiser: one contract, `D(x, sigma) -> x0`."""

from locality.denoisers.base import ClosedFormJacobian, Denoiser, Limit
from locality.denoisers.by_class import ByClass
from locality.denoisers.conditional import Conditional, GivenClass
from locality.denoisers.equivariant import EquivariantLocalScore
from locality.denoisers.golden import GoldenSubset
from locality.denoisers.local_mixture import LocalMixture
from locality.denoisers.local_score import LocalScore
from locality.denoisers.nearest import Nearest
from locality.denoisers.network import NetworkDenoiser
from locality.denoisers.optimal import Optimal
from locality.denoisers.patch_composite import PatchComposite
from locality.denoisers.pca_locality import PCALocality
from locality.denoisers.precision import PrecisionDenoiser
from locality.denoisers.preconditioned import EDMDenoiser, FlowDenoiser
from locality.denoisers.smoothed import Smoothed
from locality.denoisers.soft_locality import SoftLocality
from locality.denoisers.stacked import Stacked
from locality.denoisers.stacked_mixtures import stacked_mixtures
from locality.denoisers.wiener import Wiener

__all__ = [
    "ByClass",
    "ClosedFormJacobian",
    "Conditional",
    "Denoiser",
    "EDMDenoiser",
    "EquivariantLocalScore",
    "FlowDenoiser",
    "GivenClass",
    "GoldenSubset",
    "Limit",
    "LocalMixture",
    "LocalScore",
    "Nearest",
    "NetworkDenoiser",
    "Optimal",
    "PCALocality",
    "PatchComposite",
    "PrecisionDenoiser",
    "Smoothed",
    "SoftLocality",
    "Stacked",
    "Wiener",
    "stacked_mixtures",
]
