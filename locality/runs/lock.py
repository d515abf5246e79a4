"""One process at a time works on a run folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from locality.config import UsageError

_held: list[int] = []  # descriptors of folders; closed, they are free, and so they are when a process dies


def hold(folder: Path) -> None:
    """Keeps other processes from resuming this run until `let_go`. Raises UsageError where one holds it.

    The lock is the kernel's, on the folder itself: a process that is killed leaves none behind. File systems
    without locks have none.
    """
    try:
        import fcntl
    except ImportError:  # no POSIX
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            raise UsageError(f"resume={folder}: another process works on it; stop that one first") from error
        return
    _held.append(descriptor)


def let_go() -> None:
    """Frees what this process holds."""
    while _held:
        os.close(_held.pop())
