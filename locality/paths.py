"""Paths as people give them, told in one line where they can be none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

CACHE: Final = "~/.cache/locality"


def check_text(where: str, node: Any) -> None:
    """Files and terminals take text; what the shell hands over may be any bytes. Raises ValueError."""
    if isinstance(node, Mapping):
        for name, part in node.items():
            check_text("", str(name))
            check_text(f"{where}.{name}".lstrip("."), part)
    elif isinstance(node, list):
        for part in node:
            check_text(where, part)
    elif isinstance(node, str) and any("\ud800" <= one <= "\udfff" or one == "\0" for one in node):
        raise ValueError(f"{where or 'arguments'}: want text in UTF-8, got {node!r}; rename the file")


def path_given(name: str, given: str) -> str:
    """A path with its tilde expanded, whatever is there. Raises ValueError for what can be no path."""
    if not given.strip():  # an unset variable of the shell, most likely
        raise ValueError(f"{name}: want a path, got nothing; leave it out, or fill it in")
    if given == "None":
        raise ValueError(f"{name}: got None, a word of Python; for nothing give {name}=null")
    path = os.path.expanduser(given)
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        raise ValueError(f"{name}: want a path, got {given[:80]!r}: {error.strerror}") from error
    return path


def cache_folder() -> str:
    """Where commands keep statistics and mixtures: $LOCALITY_CACHE, else ~/.cache/locality.

    Raises ValueError where the variable has nothing in it.
    """
    return path_given("LOCALITY_CACHE", os.environ.get("LOCALITY_CACHE", CACHE))


def check_folder(name: str, path: str | None) -> None:
    """Raises ValueError where no folder can be: at a file, or below one."""
    if path is None:
        return
    place = Path(path)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise ValueError(f"{name}={path}: want a folder, and {place} is none; name another place")
