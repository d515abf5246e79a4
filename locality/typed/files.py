"""What config files say, read without Hydra: settings where it puts them, and choices of groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from locality.choices import Choices

PACKAGE = re.compile(r"\s*#\s*@package\s+_global_\s*$", re.MULTILINE)  # of a choice that sets what it likes


def said(
    choices: Choices,
    group: str,
    choice: str,
    without: str | None = None,  # a choice of the group that does not count, with those that it builds on
    place: str | None = None,  # where what builds on it has it: a.b; None: where it belongs
) -> dict[str, Any]:
    """What a choice, and what it builds on, say: settings of the whole config, where Hydra puts them."""
    file = choices.file(group, choice)
    content = read(file)
    if content is None or choice == without:
        return {}
    place = "" if is_global(file) else group.replace("/", ".") if place is None else place
    parts: list[Any] = []
    entries = content.pop("defaults", None) or []
    for key, name in _entries([*entries, *([] if "_self_" in entries else ["_self_"])]):
        if key == "_self_":
            parts.append(_nested(place, content))
        elif not key.startswith("override "):
            folder, at, package = key.removeprefix("optional ").partition("@")
            there = ".".join(part for part in (place, package) if part) if at else place
            folder = folder[1:] if folder.startswith("/") else f"{group}/{folder}".rstrip("/")
            parts.append(said(choices, folder, name, without if folder == group else None, there))
    whole: Any = OmegaConf.to_container(OmegaConf.merge(*parts))
    return dict(whole)


def _entries(defaults: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Entries of a defaults list as groups, `@` packages included, and choices; `_self_` is itself."""
    for entry in defaults:
        if isinstance(entry, dict):
            yield from ((str(key), str(choice)) for key, choice in entry.items())
        elif entry == "_self_":
            yield "_self_", ""
        else:
            name, at, package = str(entry).partition("@")
            folder, slash, choice = name.rpartition("/")
            yield f"{folder}{slash if folder == '' else ''}{at}{package}", choice


def _nested(place: str, content: dict[str, Any]) -> dict[str, Any]:
    for part in reversed(place.split(".") if place else []):
        content = {part: content}
    return content


def is_global(file: Path) -> bool:
    """Whether a choice sets what it likes, and not its own group alone."""
    return file.is_file() and PACKAGE.match(file.read_text(errors="replace")) is not None


def read(file: Path) -> dict[str, Any] | None:
    """A config as it stands; None where there is none, or none that can be read, which Hydra tells better."""
    try:
        content = OmegaConf.to_container(OmegaConf.load(file))
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    return {str(key): value for key, value in content.items()} if isinstance(content, dict) else None


def choices_of(choices: Choices, name: str, before: str = "") -> dict[str, str]:
    """The choices that a config makes, or overrides, with those that it builds on."""
    group, _, choice = name.rpartition("/")
    content = read(choices.file(group, choice)) or {}
    found: dict[str, str] = {}
    for key, value in _entries(content.get("defaults") or []):
        if key == "" and group:
            found |= choices_of(choices, f"{group}/{value}", before)
        elif key.startswith(before) and "@" not in key and key not in ("", "_self_"):
            found[key.removeprefix(before)] = value
    return found


def given_in(settings: Sequence[str]) -> dict[str, str]:
    """What is typed by its name; what is taken out (`~key`) has no value."""
    pairs = (setting.lstrip("+~").partition("=") for setting in settings if not setting.startswith("-"))
    return {key: value for key, _, value in pairs}


def beside(arguments: Sequence[str], added: Sequence[str]) -> list[str]:
    """The arguments with more settings after the last one: options may follow them, and may not part them."""
    places = [n for n, one in enumerate(arguments, 1) if "=" in one and not one.startswith("-")]
    place = places[-1] if places else len(arguments)
    return [*arguments[:place], *added, *arguments[place:]]
