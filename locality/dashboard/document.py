"""The report: what the runs say, to read from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locality.dashboard import panels
from locality.dashboard.logged import Logged
from locality.dashboard.workspace import keys, only
from locality.report.lineage import ARTIFACTS

if TYPE_CHECKING:
    import wandb_workspaces.reports.v2 as wr

AGAINST_SIGMA = "r2 and MSE against the noise level"
SENSITIVITY = "What the denoisers look at"
PATTERN = "The pattern's contrast against gamma"
SWEEP = "The sweep"
OTHERS = "Other curves"
TRAINING = "Training"
LINEAGE = "Where it comes from"


def document(runs: Sequence[Logged], entity: str, project: str) -> wr.Report:
    """A report of trainings, comparisons and their lineage, with a part for what there is."""
    import wandb_workspaces.reports.v2 as wr

    blocks: list[Any] = [wr.TableOfContents()]
    for title, told, parts in (
        (TRAINING, "Losses over the steps.", _training(runs)),
        (AGAINST_SIGMA, "Bands are 95 % intervals. Click a name in a legend to see it alone.",
         _charts(runs, entity, _of_agreement)),
        (SENSITIVITY, "Absolute derivatives of a pixel of the estimate by the pixels of the noisy image.",
         _looking(runs, entity)),
        (PATTERN, "How much more networks look at the pattern than elsewhere, by its strength in the data.",
         _contrasts(runs, entity)),
        (OTHERS, "Every other curve of these runs.",
         _charts(runs, entity, lambda name: not (_of_agreement(name) or name.startswith(LOOKING + PLANTED)))),
        (SWEEP, "What the runs differ in, and what came of it.", _grid(runs, panels.sweep(_trained(runs)))),
        (LINEAGE, "Each run by what it used and made.", _lineage(runs, entity, project)),
    ):  # fmt: skip
        if parts:
            blocks += [wr.H1(title), wr.P(told), *parts]
    return wr.Report(
        project=project,
        entity=entity,
        title=f"locality: {runs[0].name if len(runs) == 1 else f'{len(runs)} runs'}",
        description="Written by python -m locality.dashboard",
        blocks=blocks,
        width="fluid",
    )


LOOKING = ("sensitivity/", "mirror/", "architectures/")  # comparisons of what denoisers look at
PLANTED = ("pattern/",)


def _of_agreement(name: str) -> bool:
    quantity = name.rpartition("/")[2]
    return any(part in quantity for part in ("r2", "mse", "ratio", "disagreement")) and not name.startswith(
        ("calibrate/", *LOOKING, *PLANTED)
    )


def _trained(runs: Sequence[Logged]) -> list[Logged]:
    return [run for run in runs if run.task == "train"]


def _grid(runs: Sequence[Logged], parts: Sequence[Any]) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    if not parts:
        return []
    # Without entity and project a run set is of the report's own project.
    return [wr.PanelGrid(runsets=[wr.Runset(name="runs", filters=only(runs))], panels=list(parts))]


def _training(runs: Sequence[Logged]) -> list[Any]:
    shown = [name for name in keys(runs) if name.rpartition("/")[2] in ("loss", "gradient_norm")]
    return _grid(_trained(runs), [panels.lines(name, [name], log=True) for name in shown])


def _charts(runs: Sequence[Logged], entity: str, chosen: Callable[[str], bool]) -> list[Any]:
    """A grid for each run: a custom chart draws the tables of all the runs that its grid has, together."""
    found: list[Any] = []
    for run in runs:
        names = [name for name in run.charts if chosen(name)]
        tables = [
            name for name in run.tables if names and name.partition("/")[0] == names[0].partition("/")[0]
        ]
        parts = [panels.curves(run, name, entity) for name in names] + [panels.table(name) for name in tables]
        found += _titled(run, runs, _grid([run], parts))
    return found


def _looking(runs: Sequence[Logged], entity: str) -> list[Any]:
    found: list[Any] = []
    for run in runs:
        charts = [name for name in run.charts if name.startswith(LOOKING)]
        grids = [name for name in run.pictures if name.startswith(LOOKING) and name not in run.charts]
        parts: list[Any] = [panels.pictures(name, [name]) for name in grids]
        parts += [panels.curves(run, name, entity) for name in charts]
        found += _titled(run, runs, _grid([run], parts))
    return found


def _contrasts(runs: Sequence[Logged], entity: str) -> list[Any]:
    found: list[Any] = []
    for run in runs:
        parts: list[Any] = [*panels.contrasts(run)]
        parts += [panels.curves(run, name, entity) for name in run.charts if name.startswith(PLANTED)]
        figures = [name for name in run.pictures if name.startswith(PLANTED) and name not in run.charts]
        parts += [panels.pictures(name, [name]) for name in figures]
        found += _titled(run, runs, _grid([run], parts))
    return found


def _titled(run: Logged, runs: Sequence[Logged], grid: Sequence[Any]) -> list[Any]:
    import wandb_workspaces.reports.v2 as wr

    return [wr.H2(run.name), *grid] if grid and len(runs) > 1 else list(grid)


def _lineage(runs: Sequence[Logged], entity: str, project: str) -> list[Any]:
    """What runs used and made, in words, and W&B's own graph of the last thing that it knows of."""
    import wandb_workspaces.reports.v2 as wr

    items: list[Any] = []
    for run in runs:
        said = [
            f"{link}: {', '.join(_told(run.folder, name) for name in names)}"
            for link, names in run.lineage.items()
            if names
        ]
        if said:
            items.append(f"{run.name} {'; '.join(said)}")
    ends = [name for run in runs if run.mirrored for name in run.lineage["makes"][-1:]]
    graph = [
        wr.WeaveBlockArtifact(entity=entity, project=project, artifact=name, tab="lineage")
        for name in ends[-1:]
    ]
    return [wr.UnorderedList(items=items), *graph] if items else []


def _told(folder: Path, name: str) -> str:
    """An artifact with the fact that a reader looks for, where its file can be read."""
    try:
        facts = json.loads((folder / ARTIFACTS / f"{name}.json").read_text(encoding="utf-8"))
        return f"{name} ({facts['images']:,} images)"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # of a network, or damaged
        return name
