"""Runs whose ranks share the bank, and runs whose bank lies in a file, give the numbers of one process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import ROOT, TINY, config, finished, trained_in

from locality import app

FIT = [*TINY, "model=analytic", "denoiser=local_score", "seed=3", "trainer.precision=64-true"]
COMPARE = [
    "compare=quick", "compare.count=12", "data=digits", "data.subset=103", "logger=none",
    "trainer.accelerator=cpu", "+denoiser@candidates.local=local_score",
    "+denoiser@candidates.pca=pca_locality",
]  # fmt: skip


def scalars(folder: Path) -> dict[str, float]:
    found = json.loads((folder / "runs" / "latest" / "metrics.json").read_text())["scalars"]
    return {name: value for name, value in found.items() if "seconds" not in name and name != "epoch"}


def same(one: dict[str, float], other: dict[str, float]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert value == pytest.approx(other[name], rel=2e-3, abs=1e-4), name


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> tuple[Path, dict[str, float], dict[str, float]]:
    """The run of one process, its numbers, and those of a comparison with it."""
    folder = tmp_path_factory.mktemp("alone")
    run = trained_in(folder, *FIT)
    fitted = scalars(folder)
    app.run(config(folder, *COMPARE, f"checkpoint={run}", task="evaluate"))
    return run, fitted, scalars(folder)


@pytest.mark.slow
def test_two_ranks_that_share_the_bank_are_fitted_as_one(alone, tmp_path):
    _, fitted, _ = alone
    finished("train.py", *FIT, "trainer=ddp", "trainer.devices=2", "bank=sharded", cwd=tmp_path)
    same(scalars(tmp_path), fitted)


@pytest.mark.slow
def test_two_nodes_that_share_the_bank_compare_as_one(alone, tmp_path):
    """As torchrun starts them: a process on each of two nodes, which know of each other by an address."""
    run, _, compared = alone
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        *COMPARE,
        "trainer=ddp",
        "trainer.devices=1",
        "trainer.num_nodes=2",
        "bank=sharded",
        f"checkpoint={run}",
    ]
    nodes = []
    for node in range(2):
        told = {"RANK": node, "LOCAL_RANK": 0, "GROUP_RANK": node, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 1}
        told |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "two"}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "LOCALITY_CACHE": str(tmp_path / f"cache{node}")}
        environment |= {name: str(value) for name, value in told.items()}
        nodes.append(
            subprocess.Popen(
                [sys.executable, str(ROOT / "evaluate.py"), *words],
                cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    for node in nodes:
        _, errors = node.communicate(timeout=400)
        assert node.returncode == 0, errors[-3000:]
    same(scalars(tmp_path), compared)
