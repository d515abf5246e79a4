"""The objects of a config: data, trainer, module and fit, each of its kind, checked, and with what runs need.

Each is made by `locality.making`, which knows no kinds.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger

from locality.bank import ImageBank
from locality.callbacks.interrupt import StopTogether
from locality.callbacks.progress import ProgressBar
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.data.splits import SPLITS, Split
from locality.denoisers.fitting import Recipe
from locality.making import BREAKAGES, REFUSALS, Node, line, made, module_settings, plain
from locality.modules.base import DenoiserModule
from locality.runs.saving import WholeCheckpoints
from locality.shipped import is_ours
from locality.statistics import GaussianStats

Built = TypeVar("Built")
TRIED = 4096  # images read at once
TRIAL_SIDE = 4  # pixels; settings of a denoiser are tried on corners of the images


def datamodule(
    node: Node,
    splits: Sequence[Split] = SPLITS,
    hold: Callable[[ImageBank], ImageBank] | None = None,  # where the bank of training images goes
) -> ImageDataModule:
    """The data module of a config; its images are read, so that what is wrong with them is told now."""
    data = made(node, where="data")
    if not isinstance(data, ImageDataModule):
        raise UsageError(f"data: want an ImageDataModule, got {data!r}")
    data.hold = hold or data.hold
    try:
        for split in splits:
            data.bank(split)
        data.pixels  # noqa: B018 (checks them)
    except BREAKAGES:
        raise
    except REFUSALS as error:
        raise UsageError(line("", error)) from error
    return data


def trainer(
    node: Node, folder: Path, tools: list[Logger], callbacks: list[Callback], **changes: Any
) -> Trainer:
    """Lightning's trainer, with what this project asks of any."""
    settings = {"_convert_": "all", **plain(node), **changes}  # Lightning wants plain containers
    # Of Lightning's own ways to end a run, one hangs if a rank is left alone: ranks stop together.
    bar: list[Callback] = [StopTogether()]
    bar += [ProgressBar()] if settings.get("enable_progress_bar", True) else []
    # Inference mode would cut the gradients that sensitivity fields are made of; the data shares out ranks.
    found = made(
        settings, where="trainer",
        default_root_dir=str(folder), logger=tools, callbacks=[*callbacks, *bar],
        inference_mode=False, use_distributed_sampler=False, num_sanity_val_steps=0,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
    )  # fmt: skip
    found = _of_kind("trainer", found, Trainer)
    # Not among `plugins`, where a config may have its own.
    found.strategy.checkpoint_io = WholeCheckpoints()
    return found


def check_batches(node: Node, data: ImageDataModule) -> None:
    """Raises UsageError for a share of the batches of a split, `limit_*_batches`, that leaves none."""
    loaders = {"train": data.train_dataloader, "val": data.val_dataloader, "test": data.test_dataloader}
    for name, loader in loaders.items():
        share, count = node.get(f"limit_{name}_batches"), len(loader())
        if isinstance(share, float) and share > 0 and int(share * count) == 0:
            raise UsageError(
                f"trainer.limit_{name}_batches: {share:g} of {count} batches is none; want at least one"
            )


def fit(node: Node, where: str = "denoiser") -> Recipe:
    """A denoiser's `fit`, its settings bound, waiting for a bank."""
    return Recipe.of(made(node, where=where, _partial_=True))


def try_fit(name: str, fit: Recipe, bank: ImageBank) -> None:
    """Fits to corners of the images, and forgets the result: fitting to whole ones may take minutes.

    Raises UsageError for settings that the denoiser refuses. Denoisers of users are not tried: theirs may
    want whole images.
    """
    try:
        fit.names  # noqa: B018 (asks for them)
    except (ValueError, TypeError) as error:  # of a class without arguments of its own, as dict
        raise UsageError(f"{name}: want a function of a bank, as Wiener.fit, got {fit.target}") from error
    if not is_ours(fit.target):
        return
    parts = [part[:, :, :TRIAL_SIDE, :TRIAL_SIDE].clone() for part in bank.read(TRIED)]
    if not parts:  # a rank without images
        return
    few = torch.cat(parts)
    corners = ImageBank(few[torch.arange(len(bank)) % len(few)], bound=math.inf)  # counts are of all images
    try:
        with warnings.catch_warnings(action="ignore"):  # the fit itself will warn
            fit.fit(corners, lambda: GaussianStats.measured(corners))
    except BREAKAGES:
        raise
    except REFUSALS as error:
        raise UsageError(line(f"{name}: ", error)) from error


def module(node: Node, image_shape: tuple[int, ...]) -> DenoiserModule:
    """The Lightning module of a model config, for images of this shape."""
    found = made(module_settings(node), where="model", image_shape=image_shape)
    return _of_kind("model", found, DenoiserModule)


def _of_kind(where: str, found: Any, kind: type[Built]) -> Built:
    if not isinstance(found, kind):
        raise UsageError(f"{where}: want a _target_ that makes a {kind.__name__}, got {type(found).__name__}")
    return found
