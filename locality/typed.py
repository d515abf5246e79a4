"""What is typed, put where configs have it.

It wins over what an experiment sets: `experiment=fashion_cpu trainer=smoke` is soon over. A pattern is a part
of the data, whatever data: `data=fashion_mnist pattern=my.png`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from locality.choices import Choices, spelled
from locality.config import UsageError, nearest

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


def with_pattern(
    task: str,
    choices: Choices,
    arguments: Sequence[str],
) -> list[str]:
    """The arguments with `pattern=cross`, or `pattern=my.png`, as a setting of the data.

    Raises UsageError for what is neither a pattern of configs/pattern nor a file, and without data to change.
    """
    given = [argument.split("=", 1)[1] for argument in arguments if argument.startswith("pattern=")]
    if not given:
        return list(arguments)
    (value,), rest = given[-1:], [one for one in arguments if not one.startswith("pattern=")]
    if len(given) > 1:
        raise UsageError(f"pattern={value}: given {len(given)} times; give one")
    names = choices.names("pattern")
    wanted = [value] if Path(value).expanduser().is_file() else value.split(",")
    files = [one for one in wanted if one not in names]
    for one in files:
        if not Path(one).expanduser().is_file():
            pictures = [str(path) for path in Path(one).expanduser().parent.glob("*.*") if _is_picture(path)]
            raise UsageError(
                f"pattern={one}: neither a pattern ({', '.join(names)}) nor a file. "
                f"{nearest(one, [*names, *pictures])}"
            )
    if files and len(files) < len(wanted):
        raise UsageError(f"pattern={value}: want names or files, got both")
    plus = "" if _with_pattern(task, choices, rest, value) else "+"
    added = [f"{plus}pattern@data.pattern={'letter_w' if files else value}"]
    if files:
        whole = [spelled(os.path.abspath(os.path.expanduser(one))) for one in files]
        added.append(f"data.pattern.pattern={','.join(whole)}")
    return [*rest, *added]


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def _with_pattern(task: str, choices: Choices, settings: Sequence[str], value: str) -> bool:
    """Whether the data have a pattern already, which another one takes the place of."""
    given = dict(setting.lstrip("+").split("=", 1) for setting in settings if "=" in setting)
    experiment = _read(choices.file("experiment", str(given.get("experiment")))) or {}
    usual = _choices(_read(choices.shipped / f"{task}.yaml") or {}) | _choices(experiment, "override /")
    data = given.get("data", usual.get("data", "None"))
    if data in ("None", "null", ""):
        raise UsageError(f"pattern={value}: of which data? Give data=, such as data=photos")
    found = {_has_pattern(choices, one) for one in data.split(",")}
    if len(found) > 1:
        raise UsageError(
            f"pattern={value}: some of data={data} have a pattern, some have none; leave one kind out"
        )
    return found.pop()


def _has_pattern(choices: Choices, data: str) -> bool:
    content = _read(choices.file("data", data)) or {}
    entries = content.get("defaults") or []
    return any(
        _has_pattern(choices, one) if isinstance(one, str) else any("pattern@" in str(key) for key in one)
        for one in entries
        if one != "_self_"
    )


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
