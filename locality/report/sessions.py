"""The sessions of a run: the command that began it, and those that resumed it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from locality.disk import write_atomically
from locality.report.provenance import provenance

SESSIONS = "sessions.json"


class Sessions:
    """What worked on a run folder, in `sessions.json`: command, commit, date, versions, seconds of each."""

    def __init__(self, folder: Path, writes: bool) -> None:
        self._path, self._writes = folder / SESSIONS, writes
        earlier = json.loads(self._path.read_text()) if self._path.is_file() else []
        self._all: list[dict[str, Any]] = [*earlier, provenance()]
        self._clock = time.monotonic()
        self._save()

    @property
    def run(self) -> dict[str, Any]:
        """The run as a whole: how it began, seconds of all sessions that were not killed, later ones."""
        first, *later = self._all
        whole = {
            **first,
            "seconds": round(sum(session.get("seconds", 0.0) for session in self._all), 1),
            "finished": self._all[-1].get("finished", False),
        }
        told = ("command", "commit", "started", "seconds")
        resumed = [{key: session[key] for key in told if key in session} for session in later]
        return whole | ({"resumed": resumed} if resumed else {})

    def end(self, finished: bool) -> None:
        """Note how long this session was."""
        self._all[-1] |= {"seconds": round(time.monotonic() - self._clock, 1), "finished": finished}
        self._save()

    def _save(self) -> None:
        if self._writes:
            write_atomically(self._path, json.dumps(self._all, indent=2) + "\n")


def trained_by(folder: Path) -> str | None:
    """The command that began the run of a folder; None where that is not known."""
    try:
        sessions = json.loads((folder / SESSIONS).read_text(encoding="utf-8"))
        return str(sessions[0]["command"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):  # absent, or of other content
        return None
