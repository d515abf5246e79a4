"""Runs of a second or two, for the tests: their configs, their folders, their weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import Tensor

from locality import app
from locality.checkpoints.reading import read

ROOT = CONFIGS.parent
TINY = [
    "data=digits", "data.subset=103", "data.batch_size=16", "logger=none", "trainer.accelerator=cpu",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "trainer.max_epochs=2",
    "samples.count=2", "samples.steps=2",
]  # fmt: skip
NETWORK = ["model.network.channels=[32]", "model.network.layers=1", "model.network.attention=none"]


def config(tmp_path: Path, *overrides: str, task: str = "train") -> DictConfig:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(task, [*overrides, f"runs={tmp_path / 'runs'}", f"cache={tmp_path / 'cache'}"])


def latest(tmp_path: Path) -> Path:
    return (tmp_path / "runs" / "latest").resolve()


def trained_in(place: Path, *overrides: str) -> Path:
    """The run folder of a training that ended."""
    app.run(config(place, *overrides))
    return latest(place)


def weights(folder: Path) -> dict[str, Tensor]:
    return read(folder)["state_dict"]


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor], tolerance: float = 0.0) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.allclose(a[name], b[name], rtol=0, atol=tolerance), name


def started(command: str, *overrides: str, cwd: Path) -> subprocess.Popen[str]:
    """A script of the project in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCALITY_RUN")}
    environment |= {"OMP_NUM_THREADS": "1", "LOCALITY_CACHE": str(cwd / "cache")}
    return subprocess.Popen(
        [sys.executable, str(ROOT / command), *overrides],
        cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(command: str, *overrides: str, cwd: Path) -> str:
    """What it prints, once it has ended well."""
    process = started(command, *overrides, cwd=cwd)
    printed, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors[-3000:]
    return printed
