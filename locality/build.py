"""From plain config nodes to objects."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from locality.bank import ImageBank
from locality.callbacks.progress import ProgressBar
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.data.splits import SPLITS, Split
from locality.denoisers.fitting import Fit, fitted
from locality.modules.base import DenoiserModule
from locality.statistics import GaussianStats

TRIAL_SIDE = 4  # pixels; settings of a denoiser are tried on corners of the images
REFUSALS = (ValueError, TypeError, ImportError, AttributeError, MisconfigurationException)

Node = DictConfig | Mapping[str, Any]


def made(node: Node, *args: Any, **kwargs: Any) -> Any:
    """What the node's `_target_` builds. Raises UsageError, in one line, for values that it refuses."""
    try:
        return instantiate(node, *args, **kwargs)
    except InstantiationException as error:
        cause = error.__cause__ or error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, (*REFUSALS, InstantiationException)):
            raise UsageError(" ".join(f"{node.get('_target_', '?')}: {cause}".split())) from error
        raise


def datamodule(node: Node, splits: Sequence[Split] = SPLITS) -> ImageDataModule:
    """The data module of a config; its images are read, so that what is wrong with them is told now."""
    data = made(node)
    if not isinstance(data, ImageDataModule):
        raise UsageError(f"data: want an ImageDataModule, got {data!r}")
    try:
        for split in splits:
            data.bank(split)
        data.pixels  # noqa: B018 (checks them)
    except (ValueError, TypeError) as error:
        raise UsageError(" ".join(str(error).split())) from error
    return data


def trainer(
    node: Node, folder: Path, tools: list[Logger], callbacks: list[Callback], **changes: Any
) -> Trainer:
    """Lightning's trainer, with what this project asks of any."""
    settings = {**plain(node), **changes}
    bar = [ProgressBar()] if settings.get("enable_progress_bar", True) else []
    # Inference mode would cut the gradients that sensitivity fields are made of; the data shares out ranks.
    return made(
        settings,
        default_root_dir=str(folder), logger=tools, callbacks=[*callbacks, *bar],
        inference_mode=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
    )  # fmt: skip


def fit(node: Node) -> Fit:
    """A denoiser's `fit`, its settings bound, waiting for a bank."""
    return made(node, _partial_=True)


def try_fit(name: str, fit: Fit, bank: ImageBank) -> None:
    """Fits to corners of the images, and forgets the result: fitting to whole ones may take minutes.

    Raises UsageError for settings that the denoiser refuses. Denoisers of users are not tried: theirs may
    want whole images.
    """
    if not getattr(fit, "func", fit).__module__.startswith("locality."):
        return
    corners = ImageBank(bank.images[:, :, :TRIAL_SIDE, :TRIAL_SIDE], bound=math.inf)
    try:
        with warnings.catch_warnings(action="ignore"):  # the fit itself will warn
            fitted(fit, corners, lambda: GaussianStats.measured(corners))
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name}: {' '.join(str(error).split())}") from error


def module(node: Node, image_shape: tuple[int, ...]) -> DenoiserModule:
    """The Lightning module of a model config, for images of this shape."""
    settings = plain(node)
    if "denoiser" in settings:
        settings["denoiser"] = {**settings["denoiser"], "_partial_": True}
    return made(settings, image_shape=image_shape)


def plain(node: Node) -> dict[str, Any]:
    """A config node as plain containers, interpolations resolved: what checkpoints may hold."""
    content: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else dict(node)
    return content
