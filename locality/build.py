"""From plain config nodes to objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers.fitting import Fit
from locality.modules.base import DenoiserModule

Node = DictConfig | Mapping[str, Any]


def made(node: Node, *args: Any, **kwargs: Any) -> Any:
    """What the node's `_target_` builds. Raises UsageError, in one line, for values that it refuses."""
    try:
        return instantiate(node, *args, **kwargs)
    except InstantiationException as error:
        cause = error.__cause__ or error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, (ValueError, TypeError, ImportError, AttributeError, InstantiationException)):
            raise UsageError(" ".join(f"{node.get('_target_', '?')}: {cause}".split())) from error
        raise


def datamodule(node: Node) -> ImageDataModule:
    """The data module of a config; its images are read, so that what is wrong with them is told now."""
    data = made(node)
    try:
        data.bank("train")
    except ValueError as error:
        raise UsageError(str(error)) from error
    return data


def fit(node: Node) -> Fit:
    """A denoiser's `fit`, its settings bound, waiting for a bank."""
    return made(node, _partial_=True)


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
