"""What a composed config must look like, checked before anything heavy is imported."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

RUN_VARIABLE = "LOCALITY_RUN"  # the run folder, told by a first rank to the ranks that it starts

CHOICES = ("sweep", "models")  # of networks that are looked for


class UsageError(ValueError):
    """A mistake in what was asked for: one line on the terminal and exit code 2."""


@dataclass
class _Common:
    task: str = MISSING
    data: Any = None
    trainer: dict[str, Any] = MISSING
    logger: dict[str, Any] = MISSING
    gamma: float | None = None
    seed: int = 0
    runs: str = "runs"
    cache: str | None = None
    dry_run: bool = False


@dataclass
class Train(_Common):
    """The config of `train.py`."""

    model: dict[str, Any] = MISSING
    denoiser: Any = None
    samples: dict[str, int] = field(default_factory=dict)
    snapshots: list[int] = field(default_factory=list)
    resume: str | None = None


@dataclass
class Evaluate(_Common):
    """The config of `evaluate.py`."""

    compare: dict[str, Any] = MISSING
    candidates: dict[str, Any] = field(default_factory=dict)
    checkpoint: str | None = "auto"
    networks: Any = None
    unfinished: bool = False


_SCHEMAS: dict[str, type[_Common]] = {"train": Train, "evaluate": Evaluate}


def check(cfg: DictConfig) -> DictConfig:
    """The config with its types made sure of. Raises UsageError with one line for what does not fit."""
    task = cfg.get("task")
    if task not in _SCHEMAS:
        raise UsageError(
            f"task: want one of {', '.join(_SCHEMAS)}, got {task!r}; compose train.yaml or evaluate.yaml"
        )
    cfg = copy.deepcopy(cfg)
    try:
        OmegaConf.resolve(cfg)
        checked = OmegaConf.merge(OmegaConf.structured(_SCHEMAS[task]), cfg)
    except OmegaConfBaseException as error:
        raise UsageError(_one_line(error, _SCHEMAS[task])) from error
    missing = sorted(str(key) for key in OmegaConf.missing_keys(checked))
    if missing:
        raise UsageError(f"{', '.join(missing)}: not set; give {missing[0]}=<value>")
    if task == "train" and checked.data is None:
        raise UsageError("data: want one of configs/data, such as data=photos, got none")
    if checked.data is not None and checked.gamma and checked.data.get("pattern") is None:
        raise UsageError(
            f"gamma={checked.gamma:g} needs data with a pattern, such as data=photos_pattern; or give gamma=0"
        )
    assert isinstance(checked, DictConfig)
    if task == "evaluate":
        _check_networks(checked)
    return checked


def _check_networks(cfg: DictConfig) -> None:
    """`networks` is a mapping, a list or a word; without a checkpoint its first one sets the data."""
    if not isinstance(cfg.networks, DictConfig | ListConfig) and cfg.networks not in (None, *CHOICES):
        raise UsageError(
            f"networks: want {{name: runs/<run>}}, [runs/<run>], {' or '.join(CHOICES)}, got {cfg.networks!r}"
        )
    if cfg.checkpoint is None and not cfg.networks:
        raise UsageError("networks: want at least one, such as [runs/<run>], where checkpoint is null")
    if cfg.checkpoint is None and cfg.data is not None:
        raise UsageError("data: each of the networks brings its own; leave it out")


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint for a name that does not exist: the nearest ones that do, or all of a few."""
    names = sorted(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"There are: {', '.join(names)}."


def _one_line(error: OmegaConfBaseException, schema: type) -> str:
    key = str(error.full_key or error.key or "")
    if "not in" in str(error) and key not in schema.__dataclass_fields__:  # type: ignore[attr-defined]
        return f"no setting named '{key}'. {nearest(key, schema.__dataclass_fields__)}"  # type: ignore[attr-defined]
    return f"{key}: {str(error).splitlines()[0]}"
