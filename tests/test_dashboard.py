"""Dashboards: panels for what runs logged and nothing else, as the installed wandb-workspaces has them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from logged_runs import SIGMAS, comparison, training
from test_report_wandb import offline_runs

from locality.dashboard import sketches
from locality.dashboard.logged import read_run, varied
from locality.dashboard.panels import CURVES, PRESET
from locality.dashboard.preview import sketch
from locality.dashboard.specification import NOBODY, specification, validate
from locality.sensitivity import Reduction

pytest.importorskip("wandb_workspaces")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A training and a comparison, with W&B offline."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_MODE", raising=False)
        root = tmp_path_factory.mktemp("dashboard") / "runs"
        return [training(root, wandb="offline"), comparison(root, wandb="offline")]


@pytest.fixture(scope="module")
def made(folders: list[Path]) -> dict[str, Any]:
    return specification([read_run(folder) for folder in folders], NOBODY, "mine")


def panels(part: Any) -> Iterator[dict[str, Any]]:
    """Every panel of a specification, wherever it is."""
    if isinstance(part, dict):
        if "viewType" in part and "config" in part:
            yield part
        for child in part.values():
            yield from panels(child)
    elif isinstance(part, list):
        for child in part:
            yield from panels(child)


def keys(panel: dict[str, Any]) -> set[str]:
    """The keys that a panel draws, read from the JSON alone."""
    text, config = json.dumps(panel), panel["config"]
    found = {name.removeprefix("summary_metrics.") for name in config.get("metrics", [])}
    found |= set(config.get("mediaKeys", []))
    found |= set(re.findall(r'"tableKey", "value": "([^"]+)"', text))
    found |= set(re.findall(r'"summary:([^"]+)"', text))
    if panel["viewType"] == "Weave":
        found |= {name for name in re.findall(r'"val": "([^"]+)"', text) if "/" in name}
    return found


def sections(made: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    bank = made["workspace"]["spec"]["section"]["panelBankConfig"]
    return {section["name"]: section["panels"] for section in bank["sections"]}


def headings(made: dict[str, Any]) -> list[str]:
    blocks = made["report"]["spec"]["blocks"]
    return ["".join(child["text"] for child in one["children"]) for one in blocks if one["type"] == "heading"]


def test_every_key_of_every_panel_is_in_the_log_of_wandb(folders, made) -> None:
    logged: set[str] = set()
    for folder in folders:
        for run in offline_runs(folder):
            logged |= {*run.summary, *(key for row in run.history for key in row)}
    drawn = set().union(*(keys(panel) for panel in panels(made)))
    assert len(drawn) >= 15
    assert drawn <= logged


def test_what_runs_logged_is_drawn(folders, made) -> None:
    drawn = set().union(*(keys(panel) for panel in panels(made)))
    (trained,), (compared,) = ([read_run(folder)] for folder in folders)
    assert set(trained.history) <= drawn
    assert {f"{name}/rows" for name in compared.charts} | {"compare/summary"} <= drawn
    assert {"images/samples/epoch_0001", "images/sensitivity/denoisers"} <= drawn
    assert {name for name in compared.scalars if name.startswith("pattern/contrast/")} <= drawn


def test_a_part_is_there_if_its_keys_are(folders) -> None:
    trained, compared = (specification([read_run(folder)], NOBODY, "mine") for folder in folders)
    assert list(sections(trained)) == ["Losses", "Gradient norms", "Noise bands", "Samples"]
    assert list(sections(compared)) == ["Curves", "Pictures"]
    assert headings(trained) == ["Training"]
    assert headings(compared) == [
        "r2 and MSE against the noise level",
        "What the denoisers look at",
        "The pattern's contrast against gamma",
    ]


def test_the_report_says_what_size_of_a_derivative_is_drawn(made) -> None:
    assert f"{Reduction().magnitude.capitalize()} derivatives of a pixel" in json.dumps(made)


def test_wandbs_own_types_read_it_and_know_every_part(made) -> None:
    import wandb_workspaces.reports.v2 as wr
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces.reports.v2.internal import ReportViewspec
    from wandb_workspaces.workspaces.internal import View, WorkspaceViewspec

    spec = WorkspaceViewspec.model_validate_json(json.dumps(made["workspace"]["spec"]))
    view = View(entity="e", project="mine", display_name="x", name="x", id="x", spec=spec)
    workspace = ws.Workspace._from_model(view)
    assert [section.name for section in workspace.sections] == list(sections(made))
    kinds = {type(panel).__name__ for section in workspace.sections for panel in section.panels}
    assert kinds == {"LinePlot", "BarPlot", "MediaBrowser", "CustomChart"}
    place = {"name": "mine", "entityName": "e"}
    sent = {"displayName": "x", "project": place, "spec": json.dumps(made["report"]["spec"])}
    told = ReportViewspec.model_validate(sent)
    blocks = wr.Report._from_model(told).blocks
    kinds = {type(block).__name__ for block in blocks}
    assert kinds <= {"TableOfContents", "H1", "H2", "P", "PanelGrid"}


@pytest.mark.parametrize("damage", ["unknown kind", "lost setting"])
def test_what_wandbs_types_do_not_know_is_refused(made, damage) -> None:
    wrong = copy.deepcopy(made)
    panel = next(panels(wrong["report"]["spec"]))
    if damage == "unknown kind":
        panel["viewType"] = "Heat Map"
    else:
        panel["config"]["noSuchSetting"] = 1
    with pytest.raises(ValueError, match=r"report: wandb-workspaces [\d.]+ "):
        validate(wrong)


def test_curves_have_their_intervals_from_the_columns_of_the_logged_table(folders, made) -> None:
    (run,) = offline_runs(folders[1])
    columns = run.table("compare/forward_r2/rows")["columns"]
    charts = [panel["config"] for panel in panels(made) if panel["viewType"] == "Vega2"]
    assert len(charts) == 6  # three, in the workspace and in the report
    text = json.dumps(CURVES)
    for config in charts:
        assert config["panelDefId"] == f"{NOBODY}/{PRESET}"
        assert set(config["fieldSettings"].values()) <= set(columns)
        assert set(re.findall(r"\$\{field:(\w+)\}", text)) == set(config["fieldSettings"])
        assert set(re.findall(r"\$\{string:(\w+)\}", text)) == set(config["stringSettings"])


def test_contrast_bars_go_up_in_gamma(made) -> None:
    bars = [p["config"] for p in panels(made["report"]) if p["viewType"] == "Bar Chart"]
    assert [config["chartTitle"][-3:] for config in bars] == ["100", "500"]
    for config in bars:
        gammas = [re.search(r"gamma([\d.]+)/", name)[1] for name in config["metrics"]]
        assert gammas == ["0", "0.5", "10"]


def test_a_sweep_shows_what_differs_and_what_came_of_it(tmp_path) -> None:
    rates = (1e-3, 1e-2)
    runs = [
        read_run(
            training(
                tmp_path,
                f"run{k}",
                seed=k,
                data={"gamma": k, "root": f"/tmp/{k}"},
                model={"learning_rate": rate},
            )
        )
        for k, rate in enumerate(rates)
    ]
    assert varied(runs) == [
        "model.learning_rate",
        "seed",
    ]  # data.gamma says what seed says; a root says nothing
    made = specification(runs, NOBODY, "mine")
    (parallel,) = (p["config"] for p in panels(made) if p["viewType"] == "Parallel Coordinates Plot")
    accessors = [column["accessor"] for column in parallel["columns"]]
    assert accessors == [
        "config:model.value.learning_rate",
        "config:seed.value",
        "summary:val/loss",
        "summary:test/mse/t500",
    ]
    assert [sketches.accessed(runs[1], one) for one in accessors] == [1e-2, 1, 0.6, 0.2]
    assert headings(specification(runs[:1], NOBODY, "mine")) == ["Training"]


def test_each_comparison_has_a_grid_of_its_own_run(tmp_path) -> None:
    """A custom chart draws the tables of all the runs of its grid, as one."""
    runs = [read_run(comparison(tmp_path, name)) for name in ("one", "two")]
    made = specification(runs, NOBODY, "mine")
    for block in made["report"]["spec"]["blocks"]:
        if any(panel["viewType"] == "Vega2" for panel in panels(block)):
            (rule,) = block["metadata"]["runSets"][0]["filters"]["filters"]
            assert rule["value"] in (["one"], ["two"])


def test_the_same_runs_give_the_same_file(folders, made) -> None:
    assert specification([read_run(folder) for folder in folders], NOBODY, "mine") == made


def test_the_preview_draws_every_panel_from_the_folders(folders, made, tmp_path) -> None:
    runs = [read_run(folder) for folder in folders]
    page = sketch(made, runs, tmp_path).read_text()
    assert page.count('<div class="card') == len(list(panels(made)))
    assert page.count("data:image/png") == len([p for p in panels(made) if p["viewType"] != "Weave"])
    assert "http" not in re.sub(r"base64,[\w+/=]+", "", page)
    (loss,) = (p["config"] for p in sections(made)["Losses"] if p["config"]["chartTitle"] == "train/loss")
    (line,) = sketches.line_plot(loss, runs).axes[0].lines
    assert line.get_xydata().tolist() == [[step, 1 / (step + 1)] for step in range(4)]
    chart = next(p["config"] for p in sections(made)["Curves"])
    (axes,) = sketches.custom_chart(chart, runs).axes
    assert list(axes.lines[0].get_xdata()) == SIGMAS
    assert axes.get_xscale() == "log"
