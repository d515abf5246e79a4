"""Holds what a file says against the list, as plain data: nothing is imported, nothing is filled in."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from locality.config import UsageError
from locality.paths import CACHE
from locality.trust.listed import FITTED, LISTED, WAITING

REMEDY = "if you trust whoever made it, give trust=true (in Python trust=True, for locality.export --trust)"
DEEPEST = 24  # levels of nesting; no recipe of ours has ten

_INSTEAD = {"prediction": "word", "strategy": "word", "shape": "picture"}  # where no builder is named
_OF_HYDRA = ("_target_", "_args_", "_recursive_", "_partial_", "_convert_")
_PARTS = {name: name for name in ("model", "data", "denoiser", "trainer", "logger")}
_PARTS |= {"model": "module", "denoiser": "fit"}  # of a run's config: what is built, and its kind


class Untrusted(UsageError):
    """A file names what a file may not name. The message says how to trust it."""


class _Refused(Exception):
    """Where in a file, and what of it, is not on the list."""


def check_recipe(path: str | Path, recipe: Mapping[str, Any], kept: Any = None) -> None:
    """Holds the recipe of a checkpoint or an exported network against the list.

    `kept`: what the checkpoint says of a fitted denoiser. Raises Untrusted.
    """
    _judged(path, {"model": recipe.get("model"), "data": recipe.get("data")}, _check_parts)
    if isinstance(kept, Mapping) and "class" in kept and kept["class"] not in FITTED:
        raise Untrusted(_line(path, f"denoiser names the class {_shown(kept['class'])}, not on the list"))


def check_config(path: str | Path, config: Mapping[str, Any]) -> None:
    """Holds the config of a run folder against the list. Raises Untrusted."""
    _judged(path, config, _check_parts)


def _judged(path: str | Path, content: Any, check: Callable[[Any], None]) -> None:
    try:
        check(content)
    except _Refused as refused:
        raise Untrusted(_line(path, str(refused))) from None


def _line(path: str | Path, what: str) -> str:
    return f"{path}: {what}, so it is not loaded (docs/trust.md); {REMEDY}"


def _check_parts(config: Mapping[str, Any]) -> None:
    for name, value in config.items():
        _check(_PARTS.get(name, "plain"), value, str(name))


def _check(kind: str, value: Any, where: str, depth: int = 0) -> None:
    """Raises _Refused for a value that is not what a file may give here."""
    if kind in _VALUES:
        _VALUES[kind](value, where, depth)
    elif type(value) is dict and "_target_" in value:
        _check_builder(kind, value, where, depth)
    elif value is not None:
        if kind not in _INSTEAD:
            raise _Refused(f"{where} wants a builder with a _target_, got {_shown(value)}")
        _VALUES[_INSTEAD[kind]](value, where, depth)


def _check_builder(kind: str, node: dict[Any, Any], where: str, depth: int) -> None:
    target = node["_target_"]
    if type(target) is not str or target not in LISTED[kind] or depth > DEEPEST:
        raise _Refused(f"{where} names {_shown(target)}, not on the list of what a file may have built there")
    arguments = LISTED[kind][target]
    for name, value in node.items():
        if name == "_target_":
            continue
        if name == "_partial_" and (value is False or (value is True and kind in WAITING)):
            continue
        if name == "_convert_" and type(value) is str and value in ("none", "partial", "object", "all"):
            continue
        if type(name) is not str or name not in arguments:
            raise _Refused(
                f"{where} gives {target} {_shown(name)}={_shown(value)}, which no file may give it"
            )
        _check(arguments[name], value, f"{where}.{name}", depth + 1)


def _check_plain(value: Any, where: str, depth: int = 0) -> None:
    """Numbers, words, lists and mappings, without a word that Hydra or OmegaConf would act upon."""
    if depth > DEEPEST:
        raise _Refused(f"{where} is nested more than {DEEPEST} levels deep")
    if type(value) is dict:
        for name, inner in value.items():
            if name in _OF_HYDRA:
                raise _Refused(f"{where} holds {_shown(name)}: {_shown(inner)}, where only values may be")
            _check_word(name, where)
            _check_plain(inner, where, depth + 1)
    elif type(value) in (list, tuple):
        for inner in value:
            _check_plain(inner, where, depth + 1)
    else:
        _check_word(value, where)


def _check_word(value: Any, where: str, depth: int = 0) -> None:
    if value is not None and type(value) not in (str, int, float, bool):
        raise _Refused(f"{where} holds a {type(value).__name__}, where only plain values may be")
    if type(value) is str and ("${" in value or value == "???"):
        raise _Refused(f"{where} holds {_shown(value)}, which would be filled in from elsewhere")


def _check_nothing(value: Any, where: str, depth: int) -> None:
    if value is not None:
        raise _Refused(f"{where} is {_shown(value)}, and only null may come from a file")


def _check_members(value: Any, where: str, depth: int) -> None:
    if type(value) is not dict or "_target_" in value:
        raise _Refused(f"{where} wants names and their denoisers, got {_shown(value)}")
    for name, member in value.items():
        _check_word(name, where)
        _check("fit", member, f"{where}.{name}", depth + 1)


def _check_path(value: Any, where: str, good: Callable[[Path], bool], want: str) -> None:
    _check_word(value, where)
    if value is not None and not (type(value) is str and good(Path(value).expanduser())):
        raise _Refused(f"{where} names {_shown(value)}, and a file may name {want} only")


def _inside(path: Path, *places: str | None) -> bool:
    return any(path.resolve().is_relative_to(Path(place).expanduser().resolve()) for place in places if place)


def _check_root(value: Any, where: str, depth: int) -> None:
    # It is read. What is missing there may be downloaded to it, so that no folder is made at a file's wish.
    def good(path: Path) -> bool:
        return path.is_dir() or _inside(path, "data", os.environ.get("LOCALITY_DATA"))

    _check_path(value, where, good, "a folder that is there, ./data and $LOCALITY_DATA")


def _check_cache(value: Any, where: str, depth: int) -> None:  # is written to
    own = [Path(place).expanduser() for place in (CACHE, os.environ.get("LOCALITY_CACHE")) if place]
    _check_path(value, where, lambda path: path in own, "~/.cache/locality and $LOCALITY_CACHE")


def _check_folder(value: Any, where: str, depth: int) -> None:  # ids at the hub would be fetched
    _check_path(value, where, Path.is_dir, "a folder that is there")


def _check_picture(value: Any, where: str, depth: int) -> None:
    def good(path: Path) -> bool:
        return path.suffix.lower() == ".png" and _inside(path, ".", "data", os.environ.get("LOCALITY_DATA"))

    _check_path(value, where, good, "a PNG below the working directory or $LOCALITY_DATA")


_VALUES: dict[str, Callable[[Any, str, int], None]] = {
    "plain": _check_plain, "word": _check_word, "nothing": _check_nothing, "members": _check_members,
    "root": _check_root, "cache": _check_cache, "folder": _check_folder, "picture": _check_picture,
}  # fmt: skip


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
