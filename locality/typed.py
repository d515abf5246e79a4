"""What is typed wins over what an experiment sets: `experiment=fashion_cpu trainer=smoke` is soon over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from locality.choices import Choices, spelled

NAME = re.compile(r"[\w-]+")
ABSENT = object()


def typed(
    task: str,
    choices: Choices,
    settings: Sequence[str],  # key=value, as typed
) -> list[str]:
    """Settings to add: those of typed choices, where the experiment has other values in their group.

    A choice of another thing (`model=dit` in place of a U-Net) also undoes what the experiment says of the
    thing that it replaces.
    """
    given = dict(setting.lstrip("+").split("=", 1) for setting in settings if "=" in setting)
    experiment = _read(choices.file("experiment", str(given.get("experiment"))))
    if experiment is None:
        return []
    first = _choices(_read(choices.shipped / f"{task}.yaml") or {})
    usual = first | _choices(experiment, "override /")
    added: list[str] = []
    for group, choice in given.items():
        said = experiment.get(group)
        if group not in usual or choice == usual[group] or not NAME.fullmatch(choice) or not said:
            continue
        own, whole = (_chain(choices, group, choice, without) for without in (first[group], None))
        replaced = _chain(choices, group, str(usual[group]), None)
        for path in _leaves(said):
            if any(f"{group}.{'.'.join(path[:n])}" in given for n in range(1, len(path) + 1)):
                continue
            value = _at(own, path)
            if value is ABSENT and _unlike(whole, replaced, path):
                value = _at(whole, path)
                if value is ABSENT:
                    added.append(f"~{group}.{'.'.join(path)}")
            if value is not ABSENT:
                added.append(f"{group}.{'.'.join(path)}={spelled(value)}")
    return added


def _read(file: Path) -> dict[str, Any] | None:
    """A config as it stands; None where there is none, or none that can be read, which Hydra tells better."""
    try:
        content = OmegaConf.to_container(OmegaConf.load(file))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else None


def _choices(config: Mapping[str, Any], before: str = "") -> dict[str, str]:
    entries = [one for one in config.get("defaults") or [] if isinstance(one, dict)]
    return {
        str(key).removeprefix(before): str(value)
        for entry in entries
        for key, value in entry.items()
        if str(key).startswith(before) and "@" not in str(key)
    }


def _chain(
    choices: Choices,
    group: str,
    choice: str,
    without: str | None,  # a choice that does not count, with those that it builds on
) -> dict[str, Any]:
    """A choice with those of its group that it builds on."""
    content = _read(choices.file(group, choice))
    if content is None or choice == without:
        return {}
    entries = content.pop("defaults", None) or []
    names = [one for one in entries if isinstance(one, str) and one != "_self_"]
    below = [_chain(choices, group, one, without) for one in names]
    whole: Any = OmegaConf.to_container(OmegaConf.merge(*below, content))
    return dict(whole)


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from ((str(key), *rest) for rest in _leaves(value))
        else:
            yield (str(key),)


def _at(node: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return ABSENT
        node = node[key]
    return node


def _unlike(one: Any, other: Any, path: Sequence[str]) -> bool:
    """Whether the settings on the way to this one are of two different things."""
    nodes = [path[:n] for n in range(len(path))]
    return any(_at(one, [*node, "_target_"]) != _at(other, [*node, "_target_"]) for node in nodes)
