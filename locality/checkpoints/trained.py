"""A trained network with its history, as comparisons of several are given it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.config import of_images
from locality.data import ImageDataModule
from locality.denoisers.base import Denoiser

ATTENTION = {"none": "unet_conv", "middle": "unet", "all": "unet_attention"}


@dataclass(frozen=True)
class Trained:
    """A network, what it learned from, and how it came about."""

    path: Path  # its run folder, or a file or folder with its weights
    denoiser: Denoiser
    model: str  # as in configs/model
    trained_on: Mapping[str, Any]  # the data config
    seed: int
    step: int | None  # optimiser steps; None where the checkpoint does not say
    data: Callable[[], ImageDataModule]  # the images that it learned from
    youth: Callable[[], Mapping[int, Denoiser]]  # the snapshots of its run, by optimiser steps

    @property
    def gamma(self) -> float:
        """The strength of the pattern in its images."""
        return float(self.trained_on["gamma"])

    @property
    def prediction(self) -> str | None:
        """What its network puts out; None of a denoiser without a network."""
        return getattr(self.denoiser, "prediction", None)

    @property
    def images(self) -> dict[str, Any]:
        """What decides over its images, the strength of a pattern apart."""
        return of_images(self.trained_on, gamma=False)


def model_name(model: Mapping[str, Any]) -> str:
    """The name that a model config has in configs/model, as near as its content tells.

    >>> model_name({"network": {"_target_": "locality.networks.unet", "attention": "none"}})
    'unet_conv'
    """
    if "network" not in model:
        return "analytic"
    name = str(model["network"]["_target_"]).rsplit(".", 1)[-1]
    if name != "unet":
        return name
    attention, side = model["network"]["attention"], model["network"].get("patch_size", 1)
    return ATTENTION[attention] if side == 1 else "unet_patches"


def recipe_of(run: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What decides over a network but for its seed: the config of its model, and of its images."""
    return {key: value for key, value in run["model"].items() if key != "seed"}, of_images(run["data"])


def steps_of(checkpoint: Mapping[str, Any]) -> int | None:
    """How many optimiser steps a network was trained, where its checkpoint says."""
    step = checkpoint.get("global_step", checkpoint["hyper_parameters"].get("step"))
    return None if step is None else int(step)
