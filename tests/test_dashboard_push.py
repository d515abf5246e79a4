"""A push: what the server is sent, and one line for each way in which it does not take it."""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from logged_runs import comparison, training
from wandb_server import Server, serving

from locality.dashboard.command import main
from locality.dashboard.panels import CURVES, PRESET
from locality.dashboard.specification import NOBODY
from locality.report import account, uplink

pytest.importorskip("wandb_workspaces")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server that answers, and credentials for it."""
    with serving(monkeypatch, tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training and a comparison."""
    root = tmp_path_factory.mktemp("push") / "runs"
    training(root), comparison(root)
    return root


@pytest.fixture
def folder(runs: Path, tmp_path: Path) -> Path:
    """Where the runs are, for one test alone."""
    return Path(shutil.copytree(runs, tmp_path / "runs", symlinks=True))


def sent(folder: Path, *more: str) -> None:
    """The command, with a push."""
    main([str(folder / "trained"), str(folder / "compared"), "--push", *more])


def failed(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, float]:
    """Exit code, the one line, and seconds, of a push that fails; the file is written all the same."""
    began = time.monotonic()
    with pytest.raises(SystemExit) as stop:
        sent(folder)
    (line,) = capsys.readouterr().err.splitlines()
    assert (folder / "dashboard.json").is_file()
    assert not (folder / "dashboard_pushed.json").exists()
    return int(stop.value.code or 0), line, time.monotonic() - began


def test_the_server_gets_what_the_file_says(server, folder, capsys) -> None:
    sent(folder)
    made = json.loads((folder / "dashboard.json").read_text().replace(NOBODY, "e"))
    report, workspace = server.objects.views.values()
    assert json.loads(report["spec"]) == made["report"]["spec"]
    assert json.loads(workspace["spec"]) == made["workspace"]["spec"]
    assert (report["type"], workspace["type"]) == ("runs", "project-view")
    for one in (report, workspace):
        assert (one["entityName"], one["projectName"]) == ("e", "mine")
    panels = workspace["spec"]
    for key in ("train/loss", "train/gradient_norm", "val/loss_t000_100", "images/samples/epoch_0001"):
        assert f'"{key}"' in panels
    assert '"compare/forward_r2/rows"' in report["spec"]
    assert f'"e/{PRESET}"' in report["spec"]
    (preset,) = server.objects.charts.values()
    assert json.loads(preset["spec"]) == CURVES
    assert server.objects.projects == ["mine"]
    printed = capsys.readouterr().out
    assert f"report: {server.url}/e/mine/reports/" in printed
    assert f"workspace: {server.url}/e/mine?nw=" in printed


def test_a_second_push_replaces_the_first_and_says_that_the_preset_stays(server, folder, capsys) -> None:
    sent(folder)
    first = dict(server.objects.views)
    sent(folder)
    assert server.objects.views.keys() == first.keys()
    assert [one["name"] for one in server.objects.views.values()][1:] == [
        one["name"] for one in first.values()
    ][1:]
    assert "note: the charts' preset of an earlier push stays" in capsys.readouterr().out
    sent(folder, "--entity", "team")  # is another place
    assert len(server.objects.views) == 4


def test_nobody_logged_in(server, folder, monkeypatch, capsys) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    code, line, _ = failed(folder, capsys)
    assert code == 2
    assert "wandb login" in line
    assert server.objects.views == {}


def test_a_mode_that_is_offline_is_no_obstacle_to_what_is_asked_for(server, folder, monkeypatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    uplink.abandon()
    sent(folder)
    assert len(server.objects.views) == 2


@pytest.mark.parametrize("operation", ["upsertView", "UpsertView2", "GetProjects"])
def test_a_server_that_refuses(operation, server, folder, capsys) -> None:
    server.refuses[operation] = "permission denied for this project"
    code, line, _ = failed(folder, capsys)
    assert code == 1
    assert f"{server.url} refused" in line
    assert "permission denied" in line


def test_no_network(server, folder, monkeypatch, capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("WANDB_BASE_URL", url)
    uplink.abandon()
    code, line, seconds = failed(folder, capsys)
    assert code == 1
    assert f"{url} cannot be reached" in line
    assert seconds < 30


def test_a_server_that_never_answers_is_waited_for_no_longer_than_said(
    server, folder, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(account.pushed, "__defaults__", (5.0,))
    from locality.dashboard import push

    monkeypatch.setattr(push.push, "__defaults__", (5.0,))
    server.hang()
    code, line, seconds = failed(folder, capsys)
    assert code == 1
    assert "no answer from" in line
    assert seconds < 5 + uplink.GRACE + 20
