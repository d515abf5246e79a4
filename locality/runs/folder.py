"""The run folder: made once, by one run; `latest` beside it points to the newest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from locality.config import UsageError

LATEST = "latest"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)  # what is wrong with the disk, and not with its path


def create_run_folder(root: Path, name: str) -> Path:
    """Make `root/name`, point `root/latest` at it and give it back. Raises FileExistsError if it is there."""
    folder = root / name
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError as error:
        raise FileExistsError(
            f"{folder} is another run's folder: choose another name, or resume it"
        ) from error
    except OSError as error:
        if error.errno in FULL:
            raise
        raise UsageError(
            f"runs={root}: no folder can be made there ({error.strerror}); name another"
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
