"""`SHA256SUMS` beside files that must stay as they are; `sha256sum -c SHA256SUMS` checks them, too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from locality.config import UsageError
from locality.disk import write_atomically

SUMS = "SHA256SUMS"


def write_sums(folder: Path, names: Iterable[str]) -> None:
    """Notes the digests of files in a folder."""
    write_atomically(folder / SUMS, "".join(f"{_digest(folder / name)}  {name}\n" for name in sorted(names)))


def check_sums(folder: Path, names: Iterable[str] = ()) -> None:
    """Raises UsageError for a file that is not what was noted, and for one of these names without a note.

    A folder without notes, of before they were kept, is taken as it is.
    """
    if not (folder / SUMS).is_file():
        return
    lines = (folder / SUMS).read_bytes().decode("latin-1").splitlines()
    noted = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in {*noted, *names}:
        path = folder / name
        inside = path.resolve().is_relative_to(folder.resolve()) and path.is_file()
        if not inside or noted.get(name) != _digest(path):
            raise UsageError(
                f"{path}: damaged or changed, its digest is not the one in {SUMS}; get the folder again "
                f"(who changed it on purpose removes {SUMS})"
            )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
