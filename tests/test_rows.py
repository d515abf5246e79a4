"""Comparisons that speak: each row is told and kept as it is finished, and a stopped one has what it had."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from tiny_runs import NETWORK, TINY, config, latest

from locality import app
from locality.denoisers import Nearest, Wiener
from locality.runs.status import read_status

QUICK = ["compare=quick", "compare.count=4", "networks=null", "trainer.accelerator=cpu", "logger=none"]
FIELDS = ["compare.count=2", "compare.sigmas=[2,1]", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained network in runs/."""
    folder = tmp_path_factory.mktemp("rows")
    app.run(config(folder, *TINY, *NETWORK))
    return folder


def kept(place: Path) -> dict[str, list[list[object]]]:
    """The tables of the newest run folder."""
    return {name: table["rows"] for name, table in whole(place)["tables"].items()}


def whole(place: Path) -> dict:
    return json.loads((latest(place) / "metrics.json").read_text())


def stops(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, number: int) -> None:
    """The first call of a method of a denoiser is where the signal arrives."""
    monkeypatch.setattr(kind, method, lambda *_, **__: os.kill(os.getpid(), number))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_stopped_has_the_rows_that_it_had(number, place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stops(patch, Nearest, "estimate", number)
        with pytest.raises(app.RunStopped) as stopped:
            app.run(config(place, *QUICK, task="evaluate"))
    assert stopped.value.code == 128 + number
    assert read_status(latest(place))["state"] == "interrupted"
    rows = kept(place)["compare/summary"]
    assert [row[0] for row in rows] == ["network", "wiener", "optimal", "nearest"]
    assert [row[1] == "not measured" for row in rows] == [False, False, False, True]
    scalars = whole(place)["scalars"]
    assert {"compare/sample_r2/optimal", "compare/heldout_ratio/network"} <= set(scalars)
    assert "compare/sample_r2/nearest" not in scalars
    said = capsys.readouterr().out
    assert "cut short: 3 of 4 rows" in said
    # What was kept is what a run that is not stopped has.
    app.run(config(place, *QUICK, task="evaluate"))
    for row, other in zip(rows[:3], kept(place)["compare/summary"], strict=False):
        assert row[:-2] == other[:-2]  # all but the milliseconds


def test_each_row_is_told_and_kept_while_the_others_are_still_to_come(place, monkeypatch, capsys):
    seen: list[tuple[list[object], str]] = []

    def look(self: Nearest, *_: object) -> None:
        seen.append((kept(place)["compare/summary"], capsys.readouterr().out))
        raise RuntimeError("enough")

    monkeypatch.setattr(Nearest, "estimate", look)
    with pytest.raises(app.RunFailed):
        app.run(config(place, *QUICK, task="evaluate"))
    rows, said = seen[0]
    assert [row[1] == "not measured" for row in rows] == [False, False, False, True]
    for name in ("network", "wiener", "optimal"):
        assert any(line.startswith(f"  {name} ") for line in said.splitlines())


@pytest.mark.parametrize("compare", ["sensitivity", "mirror"])
def test_fields_that_are_measured_are_kept(compare, place, monkeypatch):
    asked = [f"compare={compare}", *FIELDS, *(["compare.pixels={a: [2, 2]}", "compare.radius=1"]
             if compare == "mirror" else [])]  # fmt: skip
    with monkeypatch.context() as patch:
        stops(patch, Wiener, "closed_form_jacobian", signal.SIGTERM)
        with pytest.raises(app.RunStopped):
            app.run(config(place, *asked, task="evaluate"))
    folder = latest(place)
    assert read_status(folder)["state"] == "interrupted"
    assert (folder / "fields" / "network.safetensors").is_file()
    name = "sensitivity/radius" if compare == "sensitivity" else "mirror/ratio"
    rows = kept(place)[name]
    assert "network" in rows[0]
    assert isinstance(rows[0][-1], float | str)
    left = [row for row in rows if "not measured" in row]
    assert {"wiener", "pca_locality"} <= {cell for row in left for cell in row}
