"""The run folder: made once, by one run; `latest` beside it points to the newest."""

from __future__ import annotations

import os
from pathlib import Path

LATEST = "latest"


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
    """Make `latest`, beside the run folder, a relative link to it; at every moment it points somewhere.

    Where `latest` is a folder or a file, as in copied runs, it stays, and a line says so.
    """
    latest = folder.parent / LATEST
    if os.path.lexists(latest) and not latest.is_symlink():
        print(f"note: {latest} is no link, so it is not renewed; the run is {folder}", flush=True)
        return
    fresh = folder.parent / f".{LATEST}-{os.getpid()}"
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder.name, target_is_directory=True)
        os.replace(fresh, latest)
    except OSError as error:  # a file system without links; the run itself needs none
        print(f"note: {latest} is not renewed ({error.strerror}); the run is {folder}", flush=True)
