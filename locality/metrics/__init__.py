"""Metrics: one number per image, exact on any number of ranks, with bootstrap intervals over images.

`r2 = ImageR2()`, then `r2.update(estimate, target, index)` for each batch, `r2.compute()` for the mean over
images, `interval(r2.values())` for how far the mean can be trusted, and `r2.left_out()` for how many images
have no r2 because they are blank.
"""

from __future__ import annotations

from locality.metrics.apart import Apart, per_image
from locality.metrics.bootstrap import Groups, Ratio, interval, mean_ratio, ratio_interval, resampled
from locality.metrics.copies import is_copy, nearest_two
from locality.metrics.curve import Curve
from locality.metrics.field_overlap import FieldOverlap, Overlap, field_interval, field_intervals
from locality.metrics.image_maps import ImageMaps
from locality.metrics.images import BLANK, ImageCosine, ImageMSE, ImageR2, PearsonR, is_blank
from locality.metrics.parts import BandMSE, EdgeMSE, PatternMSE
from locality.metrics.per_image import PerImage

__all__ = [
    "BLANK",
    "Apart",
    "BandMSE",
    "Curve",
    "EdgeMSE",
    "FieldOverlap",
    "Groups",
    "ImageCosine",
    "ImageMSE",
    "ImageMaps",
    "ImageR2",
    "Overlap",
    "PatternMSE",
    "PearsonR",
    "PerImage",
    "Ratio",
    "field_interval",
    "field_intervals",
    "interval",
    "is_blank",
    "is_copy",
    "mean_ratio",
    "nearest_two",
    "per_image",
    "ratio_interval",
    "resampled",
]
