"""A dashboard on its way to W&B's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.config import UsageError
from locality.dashboard.logged import Logged
from locality.dashboard.panels import CURVES, PRESET
from locality.dashboard.specification import FILE, build
from locality.disk import write_atomically
from locality.report import account

PUSHED = "dashboard_pushed.json"  # beside dashboard.json: what was pushed last, for the next push to replace


@dataclass(frozen=True)
class Pushed:
    """Where a dashboard is."""

    workspace: str  # addresses
    report: str
    preset: str | None  # why the preset of charts was not taken, if it was not


def push(
    runs: Sequence[Logged],
    entity: str | None,  # W&B's user or team; None: of the account
    project: str,
    folder: Path,  # of dashboard.json
    seconds: float = account.SECONDS,
) -> Pushed:
    """Sends the report, the workspace and the preset of their charts; one of an earlier push is replaced.

    Raises UsageError without a login, `account.PushFailed` where the server refuses or is late.
    """
    earlier = _earlier(folder / PUSHED)

    def send() -> tuple[dict[str, Any], Pushed]:
        owner = entity or account.entity()
        workspace, report = build(runs, owner, project)
        known = earlier if earlier.get("place") == [owner, project] else {}
        report.id = known.get("report", "")
        workspace._internal_id, workspace._internal_name = known.get("workspace", ""), known.get("view", "")
        refused = account.keep_chart(owner, PRESET, CURVES)
        report.save()  # makes the project, where there is none
        workspace.save()
        kept = {
            "place": [owner, project], "report": report.id,
            "workspace": workspace._internal_id, "view": workspace._internal_name,
        }  # fmt: skip
        return kept, Pushed(workspace.url, report.url, refused)

    kept, pushed = account.pushed(send, seconds)
    write_atomically(folder / PUSHED, json.dumps(kept, indent=2) + "\n")
    return pushed


def _earlier(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        wrong = not isinstance(content, dict)
    except (OSError, ValueError, RecursionError):
        wrong = True
    if wrong:
        raise UsageError(f"{path}: want what was pushed last, beside {FILE}, got a broken file; move it away")
    return dict(content)
