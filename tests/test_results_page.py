"""docs/results.md: only what was measured appears, and what was not is listed so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.answers import EXACT, OWN, against, heldout_verdict, order_verdict, own_verdict, top
from benchmarks.questions import QUESTIONS
from benchmarks.results import DATA, TARGET, page, tables


def write_run(
    root: Path,
    name: str,
    state: str = "finished",
    gamma: float = 0.0,
    target: str = TARGET,
    section: str = "paper",
    count: int = 128,
) -> None:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "status.json").write_text(json.dumps({"task": "evaluate", "network": False, "state": state}))
    source = {"_target_": "locality.data.photos", "size": 16}
    compare = {"_target_": target, "section": section, "count": count}
    data = {"source": source, "subset": None}
    cfg = {"task": "evaluate", "compare": compare, "data": data, "gamma": gamma}
    OmegaConf.save(OmegaConf.create(cfg), folder / "config.yaml")


def test_the_newest_finished_table_of_unedited_data_counts(tmp_path: Path) -> None:
    write_run(tmp_path, "20260102-table")
    write_run(tmp_path, "20260101-table")
    write_run(tmp_path, "20260103-broken", state="failed")
    write_run(tmp_path, "20260104-pattern", gamma=0.5)
    write_run(tmp_path, "20260105-other", target="locality.compare.analytic_vs_nn")
    write_run(tmp_path, "20260106-variants", section="variants", count=64)
    write_run(tmp_path, "20260107-trial", count=10)
    (tmp_path / "latest").symlink_to(tmp_path / "20260103-broken")
    found = list(tables(tmp_path))
    assert [part[:2] for part in found] == [
        ("paper", "photos16"),
        ("paper", "photos16"),
        ("variants", "photos16"),
    ]
    assert found[1][2].name == "20260102-table"


def measured(section: str, nn2: bool = False) -> dict[str, Any]:
    """What a comparison leaves, with numbers that are planted: r2 of a row is its place, in tenths."""
    names = [
        "optimal",
        "equivariant_local_score",
        "wiener",
        "pca_locality",
        "golden_subset",
        "stacked_mixtures",
    ]
    if section == "variants":
        names += [f"wssm_{n}" for n in (128, 512, 2048)] + ["float32", "float32_wssm_512", "axis_row"]
        names += [
            "threshold_row",
            "both_row",
            *(f"tau_{t}" for t in ("002", "005", "02", "05", "2", "5")),
        ]
    names = (["nn2"] if nn2 else []) + names
    scalars: dict[str, float] = {}
    for place, name in enumerate(names):
        scalars |= {f"{section}/r2/{name}": place / 10, f"{section}/r2_over_pca_locality/{name}": place - 3}
        scalars |= {f"{section}/r2_over_pca_locality_{end}/{name}": place - 3 for end in ("low", "high")}
        for t in (100, 300):
            scalars[f"{section}/step_r2/{name}/t{t}"] = 0.99 if name == "nn2" else t / 1000
            scalars |= {f"{section}/heldout_ratio_{end}/{name}/t{t}": t / 200 for end in ("low", "high")}
    rows = [[name, 0.51234, 0.3] for name in names]
    heads = {"samples": ["r2", "MSE"], "step_r2": ["1.24", "0.342"], "heldout": ["1.24", "0.342"]}
    tables = {
        f"{section}/{key}": {"columns": ["denoiser", *head], "rows": rows} for key, head in heads.items()
    }
    run = {"command": "python evaluate.py", "commit": "abc", "started": "today"}
    return {"run": run, "folder": "f", "scalars": scalars, "tables": tables}


def test_a_data_set_without_a_run_is_said_to_be_unmeasured() -> None:
    text = page({"paper": {"photos16": measured("paper")}, "variants": {}, "networks": {}})
    unanswered = [question for question in QUESTIONS if question.section != "paper"]
    assert text.count("Not measured.") == len(DATA) - 1 + len(unanswered)
    assert "| wiener | 0.512 |" in text
    assert "the ceiling): not measured" in text
    assert "there is no second network" in text


def test_questions_are_answered_from_the_numbers() -> None:
    found = {"paper": {"photos16": measured("paper", nn2=True)}, "variants": {"cifar": measured("variants")}}
    text = page({**found, "networks": {}})
    assert "`wssm_128` higher (mean +3 [+3, +3])" in text
    assert "less error than Wiener at sigma 0.342; more at 1.24" in text
    assert "widest at sigma 0.342 (0.89)" in text
    order = "optimal, equivariant_local_score, wiener, pca_locality, golden_subset"
    assert f"here by the mean: {order}." in text
    assert all(question.text in text for question in QUESTIONS)


@pytest.mark.parametrize(
    ("mean", "median", "word"),
    [
        ((0.1, 0.05, 0.2), None, "higher"),
        ((-0.1, -0.2, -0.05), (-0.1, -0.2, -0.01), "lower"),
        ((0.1, -0.05, 0.2), (0.0, -0.1, 0.1), "not different"),
        ((0.1, 0.05, 0.2), (0.1, -0.1, 0.2), "not clearly different"),  # a few seeds make the mean
    ],
)
def test_a_difference_is_told_where_the_intervals_of_mean_and_median_agree(mean, median, word) -> None:
    scalars = {}
    for key, ends in (("r2_over_wiener", mean), ("median_r2_over_wiener", median)):
        for end, value in zip(("", "_low", "_high"), ends or (), strict=False):
            scalars[f"paper/{key}{end}/stacked_mixtures"] = value
    said = against({"scalars": scalars}, "stacked_mixtures", "paper", "wiener")
    assert said.startswith(f"`stacked_mixtures` {word} (")


def test_rows_that_were_not_measured_are_not_ranked() -> None:
    scalars = {"paper/r2/optimal": -1.2, "paper/r2/wiener": -0.3}
    tables = {"paper/samples": {"rows": [["optimal"], ["wiener"], ["equivariant_local_score"]]}}
    assert order_verdict({"scalars": scalars, "tables": tables}).endswith("here by the mean: optimal, wiener")
    few = {"paper/r2/equivariant_local_score": 0.5, "paper/samples/equivariant_local_score": 8}
    few |= {f"paper/samples/{name}": 128 for name in ("optimal", "wiener")}
    assert order_verdict({"scalars": scalars | few, "tables": tables}).endswith("the mean: optimal, wiener")
    assert heldout_verdict({"scalars": {}}) == "; ".join(f"`{name}` not measured" for name in (EXACT, *OWN))
    assert against({"scalars": {}}, "wssm_128") == "`wssm_128` not measured"


def test_rows_with_few_seeds_are_not_the_best() -> None:
    found = measured("paper")
    found["scalars"] |= {f"paper/samples/{row[0]}": 128.0 for row in found["tables"]["paper/samples"]["rows"]}
    found["scalars"] |= {"paper/samples/optimal": 16.0, "paper/step_r2/optimal/t300": 0.999}
    assert top(found, 300)[0] != "optimal"


def test_the_aim_is_reached_by_a_mean_or_by_a_whole_interval() -> None:
    name, scalars = OWN[0], {}
    for t, ends in ((100, (0.7, 0.8, 0.84)), (200, (0.8, 0.84, 0.88)), (300, (1.1, 1.2, 1.3))):
        for end, value in zip(("_low", "", "_high"), ends, strict=True):
            scalars[f"paper/heldout_over_pca_locality{end}/{name}/t{t}"] = value
    said = own_verdict({"scalars": scalars})
    assert "at sigma 0.342, 0.724, 1.24: 0.80 [0.70, 0.84], 0.84 [0.80, 0.88], 1.20 [1.10, 1.30]" in said
    assert "reached by the mean at 0.342, 0.724, by the whole interval at 0.342" in said
    assert "more error than `pca_locality` at 1.24" in said


def test_a_page_tells_how_its_rows_were_calibrated() -> None:
    found = {"paper": {"photos16": measured("paper")}, "networks": {}}
    text = page({**found, "calibrations": {"photos16": [["pca_locality", "tau", 64, "16,000"]]}})
    assert "| pca_locality | tau | 64 | 16,000 |" in text
