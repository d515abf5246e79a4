"""What a run tells of its config on the terminal: the settings that are not as usual."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf


def tell(
    cfg: DictConfig,  # checked
) -> None:
    """Says what is not as usual; the whole is in the run folder."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized():
        return
    if cfg.get("resume"):
        print(f"settings: those of {cfg.resume}", flush=True)
        return
    choices = HydraConfig.get().runtime.choices
    loader = GlobalHydra.instance().config_loader()
    places = [one for one in HydraConfig.get().overrides.hydra if one.startswith("hydra.searchpath=")]

    def composed(overrides: list[str]) -> DictConfig:
        return loader.load_configuration(cfg.task, [*places, *overrides], RunMode.RUN)

    print(unusual(cfg, choices, composed), flush=True)


def unusual(
    cfg: DictConfig,  # checked
    choices: Mapping[str, Any],  # of groups, as Hydra tells them
    composed: Callable[[list[str]], DictConfig],  # the config of some overrides
) -> str:
    """What of a config is not as it is without arguments: choices, then settings that these do not make."""
    usual = composed([])
    chosen = [
        f"{group}={choice}"
        for group, choice in choices.items()
        if re.fullmatch(r"[a-z]+", group)
        and choice not in (None, "null", usual.hydra.runtime.choices.get(group))
    ]
    given = [one for one in chosen if not one.startswith("experiment=")]
    base = composed(given)
    settings = [f"{key}={value}" for key, value in _changed(cfg, base) if key != "given"]
    words = " ".join([*chosen, *settings]) or "as usual"
    return textwrap.fill(f"settings: {words} (all of them: config.yaml)", 100, subsequent_indent="  ")


def _changed(node: DictConfig, base: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """The settings that are not those of the base; a part that it lacks is told by what it builds."""
    for name in node:
        where = ".".join(part for part in (key, str(name)) if part)
        value = node[name]
        known = isinstance(base, DictConfig) and name in base and not OmegaConf.is_missing(base, name)
        if known and OmegaConf.is_interpolation(base, cast(str, name)):  # told where it comes from
            continue
        other = base[name] if known else None
        if isinstance(value, DictConfig) and isinstance(other, DictConfig):
            yield from _changed(value, other, where)
        elif value != (os.path.expanduser(other) if isinstance(other, str) else other):
            yield where, str(value.get("_target_", "{...}") if isinstance(value, DictConfig) else value)
