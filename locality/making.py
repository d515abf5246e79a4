"""One object of one config node, whatever it names, and what refuses in one line.

It knows no kind of object: modules of Lightning make their parts by it, too. `locality.build` makes the
objects of a whole config by it, and checks them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_class, get_object, instantiate
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from locality.config import UsageError
from locality.settings import misfit, nodes

# What Python, torch and Lightning raise for values that they cannot take. A RuntimeError of a GPU is none.
REFUSALS = (
    ValueError, TypeError, ImportError, AttributeError, ArithmeticError, LookupError, AssertionError,
    MemoryError, RuntimeError, MisconfigurationException,
)  # fmt: skip
BREAKAGES = (torch.OutOfMemoryError, NotImplementedError)
TAUGHT = (ValueError, MisconfigurationException)  # these say by themselves what they want
JUDGED = ("locality.", "lightning.")  # whose annotations settings are held against

__all__ = [
    "BREAKAGES",
    "REFUSALS",
    "Node",
    "arguments",
    "get_class",
    "line",
    "made",
    "module_settings",
    "plain",
]

logging.getLogger("hydra.utils").setLevel(logging.CRITICAL)  # it raises what it logs, so we say it

Node = DictConfig | Mapping[str, Any]


def made(node: Node, *args: Any, where: str = "", **kwargs: Any) -> Any:
    """What the node's `_target_` builds. Raises UsageError, in one line, for values that it refuses.

    `where` is the node's place in the config, for messages.
    """
    if not isinstance(node, Mapping | DictConfig) or not node.get("_target_"):
        raise UsageError(
            f"{where or 'config'}: want settings with a _target_ that says what to build, got {node!r}"
        )
    name = str(node["_target_"])
    try:
        found = instantiate(node, *args, **kwargs)
    except (InstantiationException, OmegaConfBaseException, *REFUSALS) as error:
        cause: BaseException = error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        if isinstance(cause, BREAKAGES) or not isinstance(
            cause, (*REFUSALS, InstantiationException, OmegaConfBaseException)
        ):
            raise
        told = None if isinstance(cause, TAUGHT) else _misfit(where or name, node)
        raise UsageError(told or line(f"{name}: ", cause)) from error
    told = _misfit(where or name, node)
    if told:
        raise UsageError(told)
    return found


def _misfit(where: str, node: Node) -> str | None:
    for place, one in nodes(where, plain(node)):
        try:
            target = get_object(str(one["_target_"]))
        except (ImportError, ValueError):  # instantiate says this better
            continue
        if callable(target) and str(one["_target_"]).startswith(JUDGED):
            told = misfit(place, target, one)
            if told:
                return told
    return None


def line(before: str, error: BaseException) -> str:
    """An error in one line; its kind, where it says no more."""
    return " ".join(f"{before}{error}".split()) if str(error) else f"{before}{type(error).__name__}"


def plain(node: Node) -> dict[str, Any]:
    """A config node as plain containers, interpolations resolved: what checkpoints may hold."""
    content: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else dict(node)
    return content


def module_settings(
    model: Node,  # a model config: the `_target_` of a Lightning module and its arguments
) -> dict[str, Any]:
    """A model config as plain containers; its denoiser waits for a bank."""
    settings = plain(model)
    if isinstance(settings.get("denoiser"), Mapping):
        settings["denoiser"] = {**settings["denoiser"], "_partial_": True}
    return settings


def arguments(model: Node) -> tuple[Any, dict[str, Any]]:
    """The class of a model config, and its arguments as objects. Raises UsageError."""
    waiting = made({**module_settings(model), "_partial_": True}, where="model")
    return waiting.func, dict(waiting.keywords)
