"""The interactive parts of the page of a comparison: slides over the noise level, and paired differences."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from locality.compare.context import Context
from locality.compare.summary import BAND
from locality.modules.comparison import CLEAN_ROW, NOISY, ComparisonModule
from locality.modules.tally import Scores, Values
from locality.report.panels import MOST_IMAGES, Paired, Slides

SLIDE_BYTES = 1_200_000  # of all slides, before they are compressed
QUANTITIES = {  # field of Scores -> what it is
    "heldout_mse": "MSE against the clean image",
    "heldout_r2": "r2 against the clean image",
    "forward_mse": "MSE of one step against the {}",
    "forward_r2": "r2 of one step against the {}",
    "path_mse": "MSE along DDIM against the {}",
    "path_r2": "r2 along DDIM against the {}",
}


def tell_panels(context: Context, module: ComparisonModule) -> None:
    """Puts both on the page."""
    context.report.panel("compare/slides", slides(module))
    context.report.panel("compare/paired", paired(module, _images(context, module)))


def slides(module: ComparisonModule) -> Slides:
    """The noisy test images and what each denoiser makes of them, at each noise level."""
    first = module.steps[0]
    images = first[CLEAN_ROW]
    each = len(first) * len(module.steps) * images[0].numel()
    count = max(1, min(len(images), SLIDE_BYTES // each))
    names = [CLEAN_ROW, NOISY, *module.denoisers]
    rows = {name: torch.stack([step[name][:count] for step in module.steps]) for name in names}
    notes = {
        name: [f"MSE {values.nanmean():.3g}" for values in scores.heldout_mse]
        for name, scores in module.results.items()
    }
    note = (
        "The same test images with the same noise for all. Below each name is the mean squared error over "
        f"all {module.count} test images, in pixel units squared."
    )
    title = "One denoising step of the same noised test images"
    return Slides(title, note, module.sigmas.tolist(), rows, notes, (CLEAN_ROW, NOISY))


def paired(module: ComparisonModule, images: str) -> Paired:
    """The numbers of single images."""
    values: dict[str, Mapping[str, Values]] = {}
    for key in QUANTITIES:
        rows = {name: _values(scores, key) for name, scores in module.results.items()}
        found = {name: row for name, row in rows.items() if row is not None}
        if len(found) > 1:
            values[key] = found
    labels = {key: QUANTITIES[key].format(module.reference_name) for key in values}
    note = "Both denoisers saw the same test images and the same noise, so that differences are paired."
    note += " Tables and this average over the same noise levels, until others are chosen."
    if module.count > MOST_IMAGES:
        note += f" Of {module.count} images the first {MOST_IMAGES} are here."
    title = "The difference between two denoisers, image by image"
    return Paired(title, note, module.sigmas.tolist(), values, labels, images, BAND)


def _values(scores: Scores, key: str) -> Values | None:
    found: Values | None = getattr(scores, key)
    return found


def _images(context: Context, module: ComparisonModule) -> str:
    """What images and noise are a function of."""
    fingerprint = context.data.bank("test").fingerprint
    return f"{fingerprint}, {module.count} images, seed {context.seed}"
