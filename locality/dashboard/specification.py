"""The dashboard as JSON: built from runs, checked by W&B's own types, written where it belongs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locality.config import UsageError
from locality.dashboard.document import document
from locality.dashboard.logged import Logged
from locality.dashboard.panels import CURVES, PRESET
from locality.dashboard.workspace import workspace
from locality.disk import write_atomically

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws

FILE, FORMAT = "dashboard.json", "locality.dashboard/1"
NOBODY = "ENTITY"  # stands for the W&B user or team, which only a push knows
EXTRA = "dashboards want wandb-workspaces: pip install 'locality[dashboard]'"


def check_installed() -> None:
    """Raises UsageError where the extra is not installed."""
    try:
        import wandb_workspaces  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(EXTRA) from error


def build(runs: Sequence[Logged], entity: str, project: str) -> tuple[ws.Workspace, wr.Report]:
    """The workspace and the report of some runs, with ids that are the same each time."""
    if not any(run.keys for run in runs):
        names = ", ".join(run.name for run in runs)
        raise UsageError(f"{names}: nothing is logged yet; wait for the first rows of history.csv")
    made, told = workspace(runs, entity, project), document(runs, entity, project)
    places: list[Any] = [panel for section in made.sections for panel in section.panels]
    for block in told.blocks:
        places += [*getattr(block, "runsets", []), *getattr(block, "panels", [])]
    seed = "/".join(run.name for run in runs)
    for k, place in enumerate(places):
        place._id = _id(f"{seed}/{k}")
    made._internal_runset_id = _id(seed)
    return made, told


def specification(runs: Sequence[Logged], entity: str, project: str) -> dict[str, Any]:
    """The dashboard of some runs as plain containers: what a push sends. Raises UsageError as `build`."""
    made, told = build(runs, entity, project)
    view, model = made._to_model(), told._to_model()
    found = {
        "format": FORMAT,
        "wandb_workspaces": version("wandb-workspaces"),
        "entity": entity,
        "project": project,
        "runs": [run.name for run in runs],
        "charts": {PRESET: CURVES},
        "workspace": {"name": view.display_name, "spec": _dumped(view.spec)},
        "report": {
            "name": model.display_name, "description": model.description, "spec": _dumped(model.spec),
        },
    }  # fmt: skip
    validate(found)
    return found


def validate(found: dict[str, Any]) -> None:
    """Raises ValueError unless the installed wandb-workspaces knows every part of it and loses nothing."""
    from wandb_workspaces.reports.v2.internal import Spec
    from wandb_workspaces.workspaces.internal import WorkspaceViewspec

    for name, kind in (("workspace", WorkspaceViewspec), ("report", Spec)):
        spec = found[name]["spec"]
        parsed = kind.model_validate(spec)
        if not _within(spec, _dumped(parsed)):
            raise ValueError(f"{name}: wandb-workspaces {version('wandb-workspaces')} reads it otherwise")
        strange = [
            type(part).__name__ for part in _parts(parsed) if type(part).__name__.startswith("Unknown")
        ]
        if strange:
            raise ValueError(
                f"{name}: wandb-workspaces {version('wandb-workspaces')} does not know {strange[0]}"
            )


def write(found: dict[str, Any], folder: Path) -> Path:
    """Writes dashboard.json."""
    path = folder / FILE
    write_atomically(path, json.dumps(found, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return path


def _dumped(model: Any) -> Any:
    return json.loads(model.model_dump_json(by_alias=True, exclude_none=True))


def _within(part: Any, whole: Any) -> bool:
    """Whether all of a JSON value is in another one, which may have more keys."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and _within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(_within, part, whole))
    return bool(part == whole)


def _parts(part: Any) -> Iterator[Any]:
    from pydantic import BaseModel

    if isinstance(part, BaseModel):
        yield part
        part = list(vars(part).values())
    for child in part if isinstance(part, list | tuple) else ():
        yield from _parts(child)


def _id(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()[:11]
