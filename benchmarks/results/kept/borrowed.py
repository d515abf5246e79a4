"""Which rows took the calibration of another: batch averages have the tau of the exact form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept.members import CONFIGS

KEY = "compare.calibrated_as"
Borrowed = dict[str, str]  # row -> whose calibration it took


def of_config(cfg: DictConfig) -> Borrowed:
    """As a run was told."""
    return {str(row): str(lender) for row, lender in (OmegaConf.select(cfg, KEY) or {}).items()}


def of_recipe(command: str) -> Borrowed:
    """As the comparison that a command names has it, or one that this is made of."""
    name = _compared(command)
    while name:
        cfg = OmegaConf.load(CONFIGS / "compare" / f"{name}.yaml")
        assert isinstance(cfg, DictConfig)
        if told := of_config(cfg):
            return told
        name = next((one for one in cfg.get("defaults") or [] if _is_comparison(one)), "")
    return {}


def with_borrowed(one: Mapping[str, Any]) -> dict[str, Any]:
    """A record with those of its rows; by its recipe where the run was kept before they were."""
    rows = {name.split("/")[-1] for name in one["scalars"] if "/bank/" in name}
    told = one["borrowed"] if "borrowed" in one else of_recipe(str(one["run"]["command"])) if rows else {}
    kept = {row: lender for row, lender in told.items() if row in rows}
    return {**one, "borrowed": kept} if kept else {key: one[key] for key in one if key != "borrowed"}


def calibrations(found: Mapping[str, Any]) -> list[list[str]]:
    """The calibrations that a run took: row, setting, what it was found on, images; with those of lenders."""
    known = [list(one) for one in found.get("calibrated") or []]
    there, lent = {one[0] for one in known}, dict(found.get("borrowed", {}))
    lenders = {row: lender for row, lender in lent.items() if row not in there}
    return known + [[row, *one[1:]] for row, lender in lenders.items() for one in known if one[0] == lender]


def _compared(command: str) -> str:
    """The comparison that a command names, or the recipe that it names."""
    typed = re.search(r"(?<!\S)compare=(\w+)", command)
    if typed:
        return typed[1] if _is_comparison(typed[1]) else ""
    named = re.search(r"(?<!\S)experiment=(\w+)", command)
    path = CONFIGS / "experiment" / f"{named[1]}.yaml" if named else None
    recipe = OmegaConf.load(path) if path and path.is_file() else OmegaConf.create()
    told = [one.get("override /compare") for one in recipe.get("defaults") or [] if not isinstance(one, str)]
    return str(next(filter(None, told), ""))


def _is_comparison(name: Any) -> bool:
    return isinstance(name, str) and (CONFIGS / "compare" / f"{name}.yaml").is_file()
