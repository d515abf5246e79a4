"""The run folder: made once, by one run, and written so that a reader never sees half a file."""

from __future__ import annotations

import os
import re
from pathlib import Path

LATEST = "latest"
NAME = re.compile(r"[a-z0-9_.=,-]+(/[a-z0-9_.=,-]+)*")


def create_run_folder(root: Path, name: str) -> Path:
    """Make `root/name`, point `root/latest` at it and give it back. Raises FileExistsError if it is there."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root / name
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise FileExistsError(
            f"{folder} is another run's folder: choose another name, or resume it"
        ) from error
    point_latest(folder)
    return folder


def point_latest(folder: Path) -> None:
    """Make `latest`, beside the run folder, a relative link to it; at every moment it points somewhere."""
    fresh = folder.parent / f".{LATEST}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name, target_is_directory=True)
    os.replace(fresh, folder.parent / LATEST)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under another name and rename it: an interrupted run leaves the old file, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}-{os.getpid()}")
    fresh.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(fresh, path)


def shown_path(path: Path) -> str:
    """A path as people type it: relative to the working directory where it lies inside."""
    whole = path.resolve()
    return str(whole.relative_to(Path.cwd())) if whole.is_relative_to(Path.cwd()) else str(whole)


def first_rank() -> bool:
    """Is this the process that writes? One run folder and one W&B run, however many ranks."""
    from lightning.pytorch.utilities import rank_zero_only

    return int(getattr(rank_zero_only, "rank", 0)) == 0


def checked_name(name: str) -> str:
    """A log name, `group/quantity` in lower case; raises ValueError for any other."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(f"'{name}': want a name like group/quantity, in lower case without spaces")
    return name
