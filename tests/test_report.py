"""The run folder: made once, written whole, shown on a page that stands alone."""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from charts import chart

import locality
from locality.report import (
    Chart,
    FolderLogger,
    ModelCard,
    Report,
    Series,
    write_atomically,
)
from locality.report.__main__ import main
from locality.report.card import render_card
from locality.report.history import read_history
from locality.report.page import render_page
from locality.report.panels import Slides
from locality.report.shown import shown
from locality.report.side_by_side import charts_together, numbers_together
from locality.runs.folder import create_run_folder

PACKAGE = Path(locality.__file__).parent


def test_only_the_report_imports_wandb_or_matplotlib() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.is_relative_to(PACKAGE / "report"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"wandb", "matplotlib"}, path


def test_importing_the_report_is_cheap() -> None:
    heavy = "{'torch', 'wandb', 'matplotlib', 'lightning', 'numpy'} & set(sys.modules)"
    code = f"import sys; from locality.report import Report, Chart, format_table; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_run_folder_is_made_once_and_latest_points_to_the_newest(tmp_path: Path) -> None:
    first = create_run_folder(tmp_path / "runs", "a")
    assert (tmp_path / "runs" / "latest").resolve() == first.resolve()
    second = create_run_folder(tmp_path / "runs", "b")
    link = tmp_path / "runs" / "latest"
    assert link.resolve() == second.resolve()
    assert not link.readlink().is_absolute()
    with pytest.raises(FileExistsError, match=r"another run's folder"):
        create_run_folder(tmp_path / "runs", "a")
    assert link.resolve() == second.resolve()
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["a", "b", "latest"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / "file", "old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match=r"disk full"):
        write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_metrics_json_is_sorted_strict_json_with_its_origin(tmp_path: Path) -> None:
    report = Report(tmp_path)
    report.scalars({"b/x": torch.tensor(0.5), "a/y": float("inf"), "a/x": np.float32(0.25)})
    report.finish()
    text = (tmp_path / "metrics.json").read_text()
    content = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert list(content["scalars"].items()) == [("a/x", 0.25), ("a/y", None), ("b/x", 0.5)]
    assert set(content["run"]) == {"command", "commit", "finished", "seconds", "started", "versions"}
    assert content["run"]["versions"]["torch"] == torch.__version__.split("+")[0]


def test_a_resumed_run_keeps_the_command_that_began_it_and_adds_up_its_seconds(tmp_path: Path) -> None:
    commands = ["python train.py seed=1 runs=/a/runs", "python train.py resume=/a/runs/x"]
    for command in commands:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", command.split()[1:])
            report = Report(tmp_path)
            report.finish()
    run = json.loads((tmp_path / "metrics.json").read_text())["run"]
    sessions = json.loads((tmp_path / "sessions.json").read_text())
    assert run["command"] == commands[0]
    assert [session["command"] for session in run["resumed"]] == commands[1:]
    assert run["seconds"] == pytest.approx(sum(session["seconds"] for session in sessions), abs=0.1)
    card = render_card(ModelCard("t", "s", "d", "u"), {}, {}, run)
    assert "`python train.py seed=1`" in card
    assert "1 x, the last at commit" in card


def test_other_ranks_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning.pytorch.utilities.rank_zero_only.rank", 1)
    logger = FolderLogger(tmp_path)
    logger.log_metrics({"train/loss": 1.0}, step=0)
    logger.save()
    report = Report(tmp_path, [logger])
    report.scalars({"a/x": 1.0})
    report.chart("a/chart", chart())
    report.grid("a/grid", {"wiener": torch.zeros(1, 1, 2, 2)})
    assert report.finish() is None
    assert list(tmp_path.iterdir()) == []


def test_the_history_continues_and_rewinds_to_where_a_run_resumes(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    logger = FolderLogger(tmp_path)
    for step in range(4):
        logger.log_metrics({"train/loss": 1 / (step + 1)}, step)
    assert not path.exists()  # buffered
    logger.save()
    with path.open("a") as file:
        file.write("4,train/lo")  # killed in the middle of a row
    resumed = FolderLogger(tmp_path)
    resumed.rewind(2)
    resumed.log_metrics({"train/loss": 0.125}, 2)
    resumed.finalize("success")
    assert read_history(path) == {"train/loss": [(0, 1.0), (1, 0.5), (2, 0.125)]}


class Sources(HTMLParser):
    """Collects what a page would load and where it points."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "srcset", "data", "poster")]
        self.links += [value or "" for name, value in attrs if name == "href"]


def test_the_page_shows_everything_and_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: <photos> & more\n")
    report = Report(tmp_path)
    report.scalars({"a/x": 0.123456})
    report.chart("compare/r2", chart())
    report.table("compare/summary", ["denoiser", "r2", "MSE"], [["<wiener>", 0.25, "0.1 [0.05, 0.2]"]])
    report.grid("samples", {"wiener": torch.zeros(2, 1, 4, 4)})
    report.model_card(
        ModelCard("A net", "It denoises.", "photographs", "import locality", ["16 pixels only"])
    )
    report.finish()
    page = (tmp_path / "report.html").read_text()
    found = Sources()
    found.feed(page)
    assert found.tags.count("img") == 2  # one of them for browsers without scripts
    assert all(source.startswith("data:image/png;base64,") for source in found.loaded)
    assert not {"link", "iframe", "object"} & set(found.tags)
    assert "default-src 'none'; script-src 'sha256-" in page
    assert "url(" not in page
    assert "@import" not in page
    assert all((tmp_path / link).exists() for link in found.links if not link.startswith("#"))
    assert '0.1 <span class="interval">[0.05, 0.2]</span>' in page
    for text in ("&lt;photos&gt; &amp; more", "&lt;wiener&gt;", "0.1235", "0.2500", "samples"):
        assert text in page
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert card.startswith("---\nlicense: mit\n")
    assert "| a/x | 0.1235 |" in card


def test_a_resumed_report_keeps_what_was_there_and_replaces_what_is_new(tmp_path: Path) -> None:
    first = Report(tmp_path)
    first.scalars({"a/x": 1.0, "a/y": 1.0})
    first.chart("a/chart", chart())
    first.chart("b/chart", chart())
    first.table("a/table", ["n"], [[1]])
    first.finish()
    again = Report(tmp_path)
    again.scalars({"a/y": 2.0})
    again.chart("b/chart", chart(x=[3.0, 4.0]))
    again.finish()
    saved = json.loads((tmp_path / "metrics.json").read_text())
    assert saved["scalars"] == {"a/x": 1.0, "a/y": 2.0}
    assert saved["tables"]["a/table"]["rows"] == [[1]]
    rows = [line.split(",")[:3] for line in (tmp_path / "curves.csv").read_text().splitlines()[1:]]
    assert [(row[0], row[2]) for row in rows] == [
        ("a/chart", "0.1"), ("a/chart", "1.0"), ("b/chart", "3.0"), ("b/chart", "4.0")
    ]  # fmt: skip
    assert (tmp_path / "report.html").read_text().count("<img") == 2


def test_a_chart_comes_back_from_json_as_it_was() -> None:
    before = chart(
        series={"a": Series([1.0, math.nan], [0.5, 0.5], [2.0, math.inf]), "b": Series([1, 2], beside="a")}
    )
    after = Chart.of(json.loads(json.dumps(before.content(), allow_nan=False)))
    assert after.content() == before.content()
    assert math.isnan(list(after.series["a"].mean)[1])
    assert after.series["b"].beside == "a"


def test_a_page_stays_below_its_limit_and_says_what_is_not_in_it(tmp_path: Path) -> None:
    report = Report(tmp_path)
    noise = torch.rand(2, 3, 64, 64) * 2 - 1
    for k in range(3):
        report.grid(f"grid/{k}", {"wiener": noise})
    report.panel("compare/slides", Slides("t", "n", [1.0], {"wiener": noise[None]}))
    report.finish()
    whole = render_page([shown(tmp_path)], tmp_path / "report.html")
    assert whole.count("<img") == 3
    for limit in (len(whole) - 1000, 120_000):
        page = render_page([shown(tmp_path)], tmp_path / "report.html", limit=limit)
        assert len(page.encode()) < limit
        assert "Not in this page, which is full" in page
    assert "its data are in" in page  # what one plays with goes before pictures, and goes last
    assert 'href="images/grid/2.png"' in page


def test_several_runs_are_on_one_page_from_their_folders_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        report = Report(tmp_path / "runs" / name)
        report.scalars({"compare/mse": value, f"only/{name}": value})
        report.chart("compare/r2", chart(x=[value, 3.0]))
        report.finish()
    out = tmp_path / "both.html"
    assert main([str(tmp_path / "runs/a"), str(tmp_path / "runs/b"), "--out", str(out)]) == 0
    page = Sources()
    page.feed(out.read_text())
    assert all((tmp_path / link).exists() for link in page.links if not link.startswith("#"))
    runs = [shown(tmp_path / "runs" / name) for name in "ab"]
    assert numbers_together(runs)["numbers"].rows == [["compare/mse", 1.0, 2.0]]
    joined = charts_together(runs)["compare/r2"]
    assert list(joined.x) == [1.0, 2.0, 3.0]
    assert [round(value, 3) for value in joined.series["wiener, b"].mean][1:] == [0.5, 1.0]
    assert math.isnan(next(iter(joined.series["wiener, b"].mean)))
    for wrong in (["nowhere"], [str(tmp_path / "runs/a")] * 2):
        assert main([*wrong, "--out", str(out)]) == 2
        told = capsys.readouterr().err
        assert told.startswith("locality-report: ")
        assert told.count("\n") == 1


def test_a_figure_is_also_a_file_of_the_forms_asked_for_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    for k in range(2):
        report = Report(tmp_path / str(k), forms=["svg", "pdf"])
        report.chart("pattern/gamma0.5", chart())
    for form, start in (("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")):
        one, other = ((tmp_path / str(k) / f"images/pattern/gamma0.5.{form}").read_bytes() for k in range(2))
        assert one.startswith(start)
        assert one == other


@pytest.mark.parametrize("name", ["Compare/r2", "a b", "../a", "/a", "a//b", ""])
def test_a_name_that_is_not_group_and_quantity_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"want a name like group/quantity"):
        Report(tmp_path).scalars({name: 1.0})
