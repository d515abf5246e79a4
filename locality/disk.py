"""Files that are whole or absent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


def write_atomically(
    path: Path,
    content: str | bytes | Callable[[IO[bytes]], object],
    old: Path | None = None,  # in the same folder: the name under which the file of before stays
) -> None:
    """Write a file so that a reader, a kill or a full disk meets the old one or the new one, both whole.

    The content, or what a function writes into an open file, goes beside the target under another name. It is
    on the disk before it takes the target's name. The new file has the mode that the umask gives. Raises
    OSError, and leaves the old file and no other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(fresh, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if old is not None and path.exists():
            _name_also(path, old)
        os.replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _name_also(path: Path, old: Path) -> None:
    """Gives a file a second name, which another may have had. It has one of the two at every moment."""
    link = old.with_name(f".{old.name}-{os.getpid()}")
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links
        os.replace(path, old)
        return
    os.replace(link, old)
    link.unlink(missing_ok=True)  # a rename between two names of one file does nothing


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk: without it, a renamed file may be gone after a loss of power."""
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:  # some network file systems refuse this for folders; there is no other way to ask
        pass
    finally:
        os.close(number)


def shown_path(path: Path) -> str:
    """A path as people type it: relative to the working directory where it lies inside."""
    whole = path.resolve()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)
