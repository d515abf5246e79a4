"""Two processes give the numbers of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_runs import NETWORK, TINY, assert_same, finished, weights
from torch import Tensor


def filter_of(folder: Path) -> dict[str, Tensor]:
    """A fitted Wiener filter; its covariance, as eigenvectors of equal eigenvalues may turn."""
    state = weights(folder)
    basis, values = state["eigenvectors"], state["eigenvalues"]
    return {"mean": state["mean"], "covariance": basis * values @ basis.T}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["network", "wiener"])
def test_two_processes_give_the_numbers_of_one(model, tmp_path):
    # Double precision: Adam divides by the gradient's size, and in single makes steps of rounding errors.
    overrides = [*TINY, "seed=3", "trainer.precision=64-true", "trainer.max_epochs=1"]
    # With 701 images the filter is smaller than its bank, so that it is what the checkpoint holds.
    overrides += NETWORK if model == "network" else ["model=wiener", "data.subset=701"]
    found = []
    for ranks in (["trainer=default"], ["trainer=ddp", "trainer.devices=2"]):
        folder = tmp_path / f"ranks{len(ranks)}"
        folder.mkdir()
        finished("train.py", *overrides, *ranks, cwd=folder)
        assert len([p for p in (folder / "runs").iterdir() if not p.is_symlink()]) == 1
        run = (folder / "runs" / "latest").resolve()
        compare = [
            "compare=quick",
            "compare.count=13",
            "+compare.metrics.l1={_target_: torchmetrics.MeanAbsoluteError}",  # scored apart on each rank
            "data=digits",
            "data.subset=103",
            "logger=none",
            "trainer.accelerator=cpu",
        ]
        finished("evaluate.py", *compare, *ranks, f"checkpoint={run}", cwd=folder)
        comparison = (folder / "runs" / "latest").resolve()
        found.append(
            (
                weights(run) if model == "network" else filter_of(run),
                *(json.loads((f / "metrics.json").read_text()) for f in (run, comparison)),
            )
        )
    (one, train_one, compare_one), (two, train_two, compare_two) = found
    assert_same(one, two, 1e-6 if model == "network" else 1e-12)
    for a, b in ((train_one, train_two), (compare_one, compare_two)):
        assert a["scalars"].keys() == b["scalars"].keys()
        for name, value in a["scalars"].items():
            if "seconds" not in name and name != "epoch":
                assert value == pytest.approx(b["scalars"][name], rel=2e-3, abs=1e-4), name
