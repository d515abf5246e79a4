"""Which files below a folder are its images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from locality.data.errors import DataDamaged

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
# What systems and archives leave behind, in lower case; some of it holds pictures.
_LEFT_BEHIND = frozenset(
    {"__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found", "thumbs.db",
     "ehthumbs.db", "desktop.ini"}
)  # fmt: skip


def images_below(
    folder: Path,
    known: dict[str, Path] | None = None,  # by real path: the files of other folders; those here are added
) -> list[Path]:
    """Every file below a folder, in the order of their paths: all are images, or an error names one.

    Hidden files and files in hidden folders are no part of a data set (`.ipynb_checkpoints`, `.Trash-1000`,
    `._x.png`). Neither is what systems leave behind (`__MACOSX`, `@eaDir`, `Thumbs.db`, `desktop.ini` and the
    like). Links to files and folders are followed. Raises DataDamaged for a file of another suffix, a link to
    nothing or in a circle, a pipe or device, a file that may not be read or that comes twice by links, and an
    empty folder.
    """
    known = {} if known is None else known
    files = []
    for path, real in _walk(folder, (os.path.realpath(folder),)):
        if path.suffix.lower() not in SUFFIXES:
            raise DataDamaged(
                f"{path} is not an image ({', '.join(SUFFIXES)}); move it out of the data folder"
            )
        if real in known:
            raise DataDamaged(f"{path} is the same file as {known[real]}, by a link; remove one of them")
        known[real] = path
        files.append(path)
    if not files:
        raise DataDamaged(f"{folder} is empty; put the images there, or remove it")
    return sorted(files)


def entries(folder: Path) -> list[Path]:
    """What lies right inside a folder, in order, but for what is no part of a data set."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise DataDamaged(f"{folder} cannot be read ({error.strerror}); mend or remove it") from error
    return sorted(folder / name for name in names if not _no_part(name))


def _no_part(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Files and their real paths; `above`: the real paths of the folder and of those around it."""
    for path in entries(folder):
        linked = path.is_symlink()
        real = os.path.realpath(path) if linked else os.path.join(above[-1], path.name)
        if path.is_dir():
            if real in above:
                raise DataDamaged(f"{path} is a link to a folder around it; remove it")
            yield from _walk(path, (*above, real))
        elif path.is_file():
            yield path, real
        elif linked:
            raise DataDamaged(f"{path} is a link to nothing ({os.readlink(path)}); mend or remove it")
        else:
            raise DataDamaged(f"{path} is neither a file nor a folder; move it out of the data folder")
