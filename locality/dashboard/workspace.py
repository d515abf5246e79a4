"""The workspace: what one watches while networks train, and what comparisons draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from locality.dashboard import panels
from locality.dashboard.logged import Logged
from locality.report.over_wiener import MSE, RATIO
from locality.report.wandb_files import STEP

if TYPE_CHECKING:
    import wandb_workspaces.workspaces as ws

COLUMNS = {"run:displayName": "", "config:gamma.value": "gamma", "config:seed.value": "seed"}


def workspace(runs: Sequence[Logged], entity: str, project: str) -> ws.Workspace:
    """Losses, gradient norms, noise bands and samples of trainings; curves and pictures of comparisons."""
    import wandb_workspaces.workspaces as ws

    found = {
        "Losses": _losses(runs),
        "Gradient norms": _lines(runs, "gradient_norm", log=True),
        "Noise bands": _bands(runs),
        "Samples": _samples(runs),
        "Curves": _curves(runs, entity),
        "Pictures": _pictures(runs),
    }
    sections = [
        ws.Section(
            name=name, panels=parts, is_open=True, panel_settings=ws.SectionPanelSettings(x_axis=STEP),
            layout_settings=ws.SectionLayoutSettings(columns=2, rows=max(1, min(2, len(parts) // 2))),
        )
        for name, parts in found.items() if parts
    ]  # fmt: skip
    return ws.Workspace(
        entity=entity,
        project=project,
        name="locality",
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=STEP),
        runset_settings=ws.RunsetSettings(filters=only(runs), pinned_columns=_columns(runs)),
    )


def only(runs: Sequence[Logged]) -> str:
    """A filter for these runs."""
    return f"Name in {[run.name for run in runs]}"


def keys(runs: Sequence[Logged], start: str = "") -> list[str]:
    """Names in the histories of some runs."""
    return sorted({name for run in runs for name in run.history if name.startswith(start)})


def _losses(runs: Sequence[Logged]) -> list[Any]:
    named = [name for name in keys(runs) if name.rpartition("/")[2] == "loss"]
    return [panels.lines(name, [name], log=True) for name in named]


def _lines(runs: Sequence[Logged], quantity: str, log: bool) -> list[Any]:
    return [panels.lines(name, [name], log) for name in keys(runs) if name.rpartition("/")[2] == quantity]


def _bands(runs: Sequence[Logged]) -> list[Any]:
    """The loss of each band of time-steps, and the held-out error at each, all in one panel."""
    bands = [name for name in keys(runs) if "/loss_t" in name]
    found: list[Any] = []
    if bands:
        found.append(panels.lines("loss by band of time-steps", bands, log=True))
    tests = sorted({name for run in runs for name in run.scalars if name.startswith(MSE)})
    if tests:
        found.append(panels.bars("held-out MSE by time-step", tests))
    ratios = sorted({name for run in runs for name in run.scalars if name.startswith(RATIO)})
    if ratios:
        found.append(panels.bars("held-out MSE over Wiener's by time-step", ratios))
    return found


def _samples(runs: Sequence[Logged]) -> list[Any]:
    names = sorted({name for run in runs for name in run.pictures if name.startswith("samples/")})
    return [panels.pictures("samples", names)] if names else []


def _curves(runs: Sequence[Logged], entity: str) -> list[Any]:
    drawn = {name: run for run in runs for name in run.charts}  # of the newest run that has it
    return [panels.curves(run, name, entity) for name, run in sorted(drawn.items())]


def _pictures(runs: Sequence[Logged]) -> list[Any]:
    names = {name for run in runs for name in run.pictures if not name.startswith("samples/")}
    grids = sorted(names - {name for run in runs for name in run.charts})
    return [panels.pictures("pictures", grids)] if grids else []


def _columns(runs: Sequence[Logged]) -> list[str]:
    there = {name for run in runs for name in run.config}
    chosen = [column for column, name in COLUMNS.items() if not name or name in there]
    return chosen + [f"summary:{name}" for name in panels.results_of(runs)]
