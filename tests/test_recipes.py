"""The recipes of configs/experiment: each trains, on small data in the form of the real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import test_data_files
import test_data_folders
import torch
from conftest import CONFIGS
from test_modules import NETWORK, TINY, assert_same, config, latest, weights

from locality import app, build
from locality.data.places import VARIABLE

pytestmark = pytest.mark.usefixtures("no_pictures")

RECIPES = sorted(path.stem for path in (CONFIGS / "experiment").glob("*_*.yaml"))
TRAINED = [name for name in RECIPES if name.endswith(("_paper", "_cpu"))]
PARAMETERS = {"fashion_paper": 6.1e6, "cifar_paper": 80e6, "celeba_paper": 80e6, "afhq_paper": 80e6}
SHRUNKEN = [
    "model.network.channels=[8,8]", "model.network.layers=1", "model.network.groups=4", "trainer=default",
    "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.limit_train_batches=2",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "trainer.check_val_every_n_epoch=1",
    "data.batch_size=4", "data.eval_batch_size=4", "samples.count=2", "samples.steps=2", "logger=none",
]  # fmt: skip


@pytest.fixture
def small_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every data set that lies on a disk, small."""
    test_data_files.write_mnist(tmp_path / "data/FashionMNIST/raw")
    test_data_files.write_cifar(tmp_path / "data/cifar-10-batches-py")
    for name in ("celeba_hq", "afhq"):
        for split in ("train", "val", "test"):
            test_data_folders.write(tmp_path / "data" / name / split, 9, prefix=split)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))


@pytest.mark.parametrize("name", TRAINED)
def test_a_recipe_trains(name, small_data, tmp_path):
    few = ["data.source.train=9", "data.source.val=4", "data.source.test=4"] if "photos" in name else []
    with torch.compiler.set_stance("force_eager"):  # the compiler itself takes minutes
        numbers = app.run(config(tmp_path, f"experiment={name}", *SHRUNKEN, *few))
    assert {"train/loss", "val/loss", "test/mse/t500"} <= numbers.keys()
    assert (latest(tmp_path) / "checkpoints" / "last.ckpt").is_file()


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_networks_of_the_paper_have_its_size(name):
    cfg = config(Path("nowhere"), f"experiment={name}")
    shape = {"fashion_paper": (1, 28, 28), "cifar_paper": (3, 32, 32)}.get(name, (3, 64, 64))
    with torch.device("meta"):
        net = build.made(cfg.model.network)(shape)
    assert sum(parameter.numel() for parameter in net.parameters()) == pytest.approx(
        PARAMETERS[name], rel=0.01
    )


def test_a_fused_optimiser_takes_the_same_clipped_steps(tmp_path):
    found = []
    for fused in ("false", "true"):
        asked = ["trainer.max_epochs=1", "trainer.limit_train_batches=2", "trainer.gradient_clip_val=0.01"]
        asked += ["trainer.precision=bf16-mixed", f"+model.fused={fused}"]
        app.run(config(tmp_path / fused, *TINY, *NETWORK, *asked))
        found.append(weights(latest(tmp_path / fused)))
    assert_same(*found, 1e-5)
