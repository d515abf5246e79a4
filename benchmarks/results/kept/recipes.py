"""The configs that a kept command names: its comparison, and its recipe."""

from __future__ import annotations

import re
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def comparison(name: str) -> DictConfig | None:
    """The config of a comparison; None for a name that none has."""
    return _config("compare", name)


def compared(command: str) -> str:
    """The name of the comparison that a command types; empty where it types none."""
    return _typed("compare", command)


def recipe(command: str) -> DictConfig:
    """The experiment that a command names; empty where it names none that there is."""
    return _config("experiment", _typed("experiment", command)) or OmegaConf.create()


def _typed(group: str, command: str) -> str:
    found = re.search(rf"(?<!\S){group}=(\w+)", command)
    return found[1] if found else ""


def _config(group: str, name: str) -> DictConfig | None:
    path = CONFIGS / group / f"{name}.yaml"
    if not name or not path.is_file():
        return None
    cfg = OmegaConf.load(path)
    assert isinstance(cfg, DictConfig)
    return cfg
