"""How many training images the members of stacked denoisers were told to read, where they read a part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept.recipes import CONFIGS, recipe

STACK = "stacked_locality"  # the one whose members read parts
Counts = dict[str, dict[str, int]]  # stack -> member -> training images


def candidates_of(cfg: DictConfig) -> dict[str, dict[str, Any]]:
    """The candidates of a run, with their settings."""
    known: Any = OmegaConf.to_container(cfg.get("candidates") or OmegaConf.create())
    return {str(name): dict(one) for name, one in known.items() if one}


def of_config(cfg: DictConfig) -> Counts:
    """As a run was told."""
    known = candidates_of(cfg).items()
    return {name: dict(one["counts"]) for name, one in known if "members" in one and one.get("counts")}


def of_recipe(command: str) -> Counts:
    """As the recipe that a command names has it, over what the stack has without one."""
    told: dict[str, int] = dict(OmegaConf.load(CONFIGS / "denoiser" / f"{STACK}.yaml").counts)
    told |= dict(OmegaConf.select(recipe(command), f"candidates.{STACK}.counts") or {})
    return {STACK: told}


def with_members(one: Mapping[str, Any]) -> dict[str, Any]:
    """A record with them; by its recipe where the run was kept before they were."""
    has_stack = any(name.endswith(f"/bank/{STACK}") for name in one["scalars"])
    if "members" in one or not has_stack:
        return dict(one)
    return {**one, "members": of_recipe(str(one["run"]["command"]))}
