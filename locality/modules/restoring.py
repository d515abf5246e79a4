"""A fitted denoiser from what its checkpoint keeps of it: its state, its images, or their fingerprint."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from locality.bank import ImageBank
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Recipe
from locality.shipped import script
from locality.statistics import GaussianStats


def restored(
    checkpoint: Mapping[str, Any],  # has `denoiser`, what is kept of one
    fit: Recipe,
    images: Callable[[], ImageBank],  # called where their fingerprint alone is kept
    kind: Callable[[str], Any],  # the class of a name
    path: str | Path = "checkpoint",  # where it is from, for messages
    cache: str | Path | None = None,  # a folder for statistics that have to be measured again
) -> Denoiser:
    """The denoiser, fitted again where no state is kept. Raises UsageError where its images have changed."""
    kept = checkpoint["denoiser"]
    if "class" in kept:
        shape = torch.Size(checkpoint["hyper_parameters"]["image_shape"])
        found: Denoiser = kind(kept["class"]).from_state(checkpoint["state_dict"], shape)
        return found
    bank = ImageBank(kept["images"], bound=math.inf) if "images" in kept else images()
    if "fingerprint" in kept and bank.fingerprint != kept["fingerprint"]:
        raise UsageError(
            f"{path}: the images have changed since the fit (fingerprint {bank.fingerprint}, was "
            f"{kept['fingerprint']}); fit again with {script('train')}"
        )
    return fit.keeping(cache).fit(bank, lambda: GaussianStats.measured(bank, cache))
