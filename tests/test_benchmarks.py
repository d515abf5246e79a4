"""The benchmarks' own rules: which cases are measured, and what is taken up again."""

from __future__ import annotations

import json

import pytest

from benchmarks import denoisers


def run(tmp_path, monkeypatch, *arguments):
    measured = {}
    monkeypatch.setattr(denoisers, "measure", lambda name, path, rounds, rows: measured.update({name: rows}))
    monkeypatch.setattr("sys.argv", ["denoisers", "--output", str(tmp_path), *arguments])
    denoisers.main()
    return measured


def test_a_case_goes_on_only_under_the_conditions_in_which_it_began(tmp_path, monkeypatch):
    rows = [{"t": 900, "seconds": 1.0}]
    conditions = {"optimal": {}, "local-31": {"threads": 99}, "wiener": {"torch": "0.1"}}
    for name, other in conditions.items():
        saved = {"about": denoisers.about() | other, "complete": False, "rows": rows}
        (tmp_path / f"{name}.json").write_text(json.dumps(saved))
    measured = run(tmp_path, monkeypatch, "--only", *conditions)
    assert measured == {"optimal": rows, "local-31": [], "wiener": []}


def test_a_name_that_no_case_begins_with_is_an_error(tmp_path, monkeypatch, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(tmp_path, monkeypatch, "--only", "pcaa")
    assert stopped.value.code == 2
    assert "--only pcaa: no case begins so; there are pca-.05" in capsys.readouterr().err
