"""Sensitivity fields: which input pixels an output pixel of a denoiser depends on, and how far away they are.

field = measure(denoiser, images, sigmas=[2.0, 0.7], pixels="centre")
field.maps [S, P, H, W], field.radius(), field.profile(), field.participation(), field.save("f.safetensors")
"""

from locality.sensitivity.choice import PixelChoice, choose_pixels
from locality.sensitivity.contrast import contrast, pattern_probes, pattern_snr, pattern_variance
from locality.sensitivity.field import Facts, SensitivityField
from locality.sensitivity.maps import Reduction, sensitivity_maps
from locality.sensitivity.measurement import measure
from locality.sensitivity.mirror import mirror_of, mirror_ratio
from locality.sensitivity.shape import mass_inside, mass_radius, participation, rounded
from locality.sensitivity.states import Route, State, States

__all__ = [
    "Facts",
    "PixelChoice",
    "Reduction",
    "Route",
    "SensitivityField",
    "State",
    "States",
    "choose_pixels",
    "contrast",
    "mass_inside",
    "mass_radius",
    "measure",
    "mirror_of",
    "mirror_ratio",
    "participation",
    "pattern_probes",
    "pattern_snr",
    "pattern_variance",
    "rounded",
    "sensitivity_maps",
]
