"""What a run tells of its config on the terminal: the settings that are not as usual."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from locality.choices import spelled
from locality.live import prose

WIDEST = 60  # letters of a mapping that is told whole
PATTERN = "pattern@data.pattern"  # the group of patterns, where data have one


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
    pattern, before = (one.get(PATTERN) for one in (choices, base.hydra.runtime.choices))
    if pattern != before:
        base = composed([*given, f"{'+' if before is None else ''}{PATTERN}={pattern}"])
        chosen.append(f"pattern={pattern}")
    settings = [f"{key}={value}" for key, value in _changed(cfg, base) if key != "given"]
    for setting in settings:
        if setting.startswith("data.pattern.pattern="):  # a picture, in place of that of the choice
            chosen = [one for one in chosen if not one.startswith("pattern=")]
            chosen.append(f"pattern={shlex.quote(setting.partition('=')[2])}")
    settings = [one for one in settings if not one.startswith("data.pattern.pattern=")]
    words = " ".join([*chosen, *settings]) or "as usual"
    return prose(f"settings: {words} (all of them: config.yaml)")


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
        elif _at_home(value) != _at_home(other):
            yield where, _shown(value)


def _shown(value: Any) -> str:
    """A value as it is typed; one that builds something by what it builds."""
    if isinstance(value, DictConfig) and "_target_" in value:
        return str(value["_target_"])
    if isinstance(value, str):
        return value
    text = spelled(OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value)
    return "{...}" if isinstance(value, DictConfig) and len(text) > WIDEST else text


def _at_home(value: Any) -> Any:
    """Text with its tilde expanded, as some paths of a checked config have it."""
    return os.path.expanduser(value) if isinstance(value, str) else value
