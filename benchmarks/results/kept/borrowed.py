"""Which rows took the calibration of another: batch averages have the tau of the exact form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept.recipes import compared, comparison, recipe

KEY = "compare.calibrated_as"
Borrowed = dict[str, str]  # row -> whose calibration it took


def of_config(cfg: DictConfig) -> Borrowed:
    """As a run was told."""
    return {str(row): str(lender) for row, lender in (OmegaConf.select(cfg, KEY) or {}).items()}


def of_recipe(command: str) -> Borrowed:
    """As the comparison that a command names has it, or one that this is made of."""
    cfg = comparison(_compared(command))
    while cfg is not None:
        if told := of_config(cfg):
            return told
        made_of = (comparison(one) for one in cfg.get("defaults") or [] if isinstance(one, str))
        cfg = next(filter(None, made_of), None)
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
    told = [
        one.get("override /compare")
        for one in recipe(command).get("defaults") or []
        if not isinstance(one, str)
    ]
    return compared(command) or str(next(filter(None, told), ""))
