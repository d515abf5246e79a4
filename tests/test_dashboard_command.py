"""The command line of dashboards: which runs it takes, where it writes, and mistakes in one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from logged_runs import folder_of, training

from locality.dashboard.command import main
from locality.dashboard.logged import project_of, read_run

pytest.importorskip("wandb_workspaces")


def test_a_project_is_all_the_runs_that_log_to_it(tmp_path, capsys) -> None:
    root = tmp_path / "runs"
    training(root, "one"), training(root, "two")
    main(["mine", "--root", str(root)])
    assert json.loads((root / "dashboard.json").read_text())["runs"] == ["one", "two"]
    assert "dashboard: " in capsys.readouterr().out


def test_one_run_has_its_dashboard_in_its_folder(tmp_path, capsys) -> None:
    folder = training(tmp_path / "runs")
    main([str(folder), "--preview"])
    printed = capsys.readouterr().out
    assert (folder / "dashboard.json").is_file()
    assert (folder / "dashboard.html").is_file()
    assert "note: trained ran without W&B" in printed


MISTAKES = {
    "runs/nothing": "nothing: no run folder (want status.json and config.yaml in it)",
    "nobodys": "nobodys: neither a run folder nor a W&B project that a run below runs logs to",
    "runs/fresh": "fresh: nothing is logged yet; wait for the first rows of history.csv",
    "runs/broken": "no run folder that can be read",
    "runs/torn": "want step,name,value in lines, got a broken file; move it away",
}


@pytest.mark.parametrize("asked", MISTAKES)
def test_a_mistake_is_one_line_and_writes_nothing(asked, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for name, file, content in (
        ("fresh", None, ""),
        ("broken", "metrics.json", '{"scalars": 3}'),
        ("torn", "history.csv", "a,b\n1,2\n"),
    ):
        folder, _ = folder_of(Path("runs"), name, "train")
        if file:
            (folder / file).write_text(content)
    with pytest.raises(SystemExit) as stop:
        main([asked])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert MISTAKES[asked] in line
    assert not list(tmp_path.rglob("dashboard*"))


def test_runs_of_several_projects_are_refused(tmp_path) -> None:
    runs = [read_run(training(tmp_path, name, logger={"project": name})) for name in ("a", "b")]
    with pytest.raises(ValueError, match=r"several W&B projects \(a, b\)"):
        project_of(runs)


def test_who_lacks_the_extra_is_told_it_in_one_line(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path)])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "dashboard: dashboards want wandb-workspaces: pip install 'locality[dashboard]'\n"
    )
