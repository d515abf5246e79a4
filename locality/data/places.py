"""Where data sets on disk are looked for, and the download that comes last."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from locality.data.errors import DataNotFound

VARIABLE = "LOCALITY_DATA"
_PATIENCE = 10  # seconds without an answer before a download is given up: offline machines must not hang


@dataclass(frozen=True)
class DataSet:
    """How one data set lies on a disk.

    The folders are looked for in `root`, then in $LOCALITY_DATA, then in ./data; then come the installed
    ones, then the download. `root` may also be the folder itself.
    """

    title: str  # as in messages
    folders: tuple[str, ...]  # below a root; the first is where a download goes
    shows: Callable[[Path], bool]  # whether a folder holds (some of) this data set
    remedy: str  # how to get it, for the message when it is nowhere
    installed: tuple[str, ...] = ()  # absolute folders of system packages
    fetch: Callable[[Path], object] | None = None  # downloads below the folder given; None: cannot

    def find(self, root: str | None, download: bool = True) -> Path:
        """The folder that holds the data set. Raises DataNotFound, saying where it looked."""
        if root is not None and not Path(root).expanduser().is_dir():
            raise DataNotFound(f"{self.title}: data.root={root} is not a folder")
        roots = _roots(root)
        places = [base / folder for base in roots for folder in self.folders]
        if root is not None:
            places.insert(len(self.folders), roots[0])
        places += [Path(folder) for folder in self.installed]
        for place in places:
            if place.is_dir() and self.shows(place):
                return place
        if self.fetch is not None and download:
            return self._download(roots[0], places)
        raise self._not_found(places, "")

    def _download(self, root: Path, places: Sequence[Path]) -> Path:
        goal = root / self.folders[0]
        print(f"{self.title}: downloading to {goal} (once)", flush=True)
        assert self.fetch is not None
        made = not root.exists()
        try:
            root.mkdir(parents=True, exist_ok=True)
            # Into a folder of our own first: what is there under its own name is complete, whoever else
            # downloads.
            with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as own:
                with _quiet_and_impatient():
                    self.fetch(Path(own))
                if not goal.exists():
                    goal.parent.mkdir(parents=True, exist_ok=True)
                    shutil.move(Path(own) / self.folders[0], goal)
        except (OSError, RuntimeError) as error:  # what urllib and torchvision raise
            if made and root.is_dir() and not any(root.iterdir()):
                root.rmdir()
            reason = " ".join(str(error).split())
            raise self._not_found(places, f", and the download failed ({reason[:160]})") from error
        return goal

    def _not_found(self, places: Sequence[Path], download: str) -> DataNotFound:
        looked = ", ".join(str(place) for place in places)
        where = f"put it below data.root or ${VARIABLE}"
        return DataNotFound(f"{self.title}: not in {looked}{download}; {self.remedy}, or {where}")


def _roots(root: str | None) -> list[Path]:
    given = [root, os.environ.get(VARIABLE) or None, "data"]
    return [Path(folder).expanduser() for folder in given if folder is not None]


@contextmanager
def _quiet_and_impatient() -> Iterator[None]:
    """Without torchvision's progress bars, and with a limit on how long a silent server is waited for."""
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(patience)
