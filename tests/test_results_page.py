"""docs/results.md: only what was measured appears, and what was not is listed so."""

from __future__ import annotations

import json
from pathlib import Path

from omegaconf import OmegaConf

from benchmarks.results import DATA, TARGET, page, tables


def write_run(
    root: Path, name: str, state: str = "finished", gamma: float = 0.0, target: str = TARGET
) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"state": state}))
    source = {"_target_": "locality.data.photos", "size": 16}
    cfg = {"task": "evaluate", "compare": {"_target_": target}, "data": {"source": source}, "gamma": gamma}
    OmegaConf.save(OmegaConf.create(cfg), folder / "config.yaml")


def test_the_newest_finished_table_of_unedited_data_counts(tmp_path: Path) -> None:
    write_run(tmp_path, "20260102-table")
    write_run(tmp_path, "20260101-table")
    write_run(tmp_path, "20260103-broken", state="failed")
    write_run(tmp_path, "20260104-pattern", gamma=0.5)
    write_run(tmp_path, "20260105-other", target="locality.compare.analytic_vs_nn")
    (tmp_path / "latest").symlink_to(tmp_path / "20260103-broken")
    found = list(tables(tmp_path))
    assert [name for name, _ in found] == ["photos16", "photos16"]
    assert dict(found)["photos16"].name == "20260102-table"


def test_a_data_set_without_a_run_is_said_to_be_unmeasured() -> None:
    table = {"columns": ["denoiser", "r2"], "rows": [["wiener", 0.51234]]}
    run = {"command": "python evaluate.py", "commit": "abc", "started": "today"}
    found = {
        "run": run,
        "folder": "f",
        "scalars": {},
        "tables": {"paper/samples": table, "paper/step_r2": table},
    }
    text = page({"tables": {"photos16": found}, "networks": {}})
    assert text.count("Not measured.") == len(DATA) - 1
    assert "| wiener | 0.512 |" in text
    assert "the ceiling): not measured" in text
