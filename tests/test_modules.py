"""The Lightning modules: training, resuming, ranks, fitting, comparing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from torch import Tensor
from wandb_reader import read_finished

import locality
from locality import GaussianStats, app, build
from locality.checkpoint import read
from locality.modules import DDPMModule

ROOT = CONFIGS.parent
TINY = [
    "data=digits", "data.subset=103", "data.batch_size=16", "logger=none", "trainer.accelerator=cpu",
    "trainer.limit_val_batches=1", "trainer.limit_test_batches=1", "trainer.max_epochs=2",
    "samples.count=2", "samples.steps=2",
]  # fmt: skip
NETWORK = ["model.network.channels=[32]", "model.network.layers=1", "model.network.attention=none"]


def config(tmp_path: Path, *overrides: str, task: str = "train") -> DictConfig:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(task, [*overrides, f"runs={tmp_path / 'runs'}"])


def latest(tmp_path: Path) -> Path:
    return (tmp_path / "runs" / "latest").resolve()


def weights(folder: Path) -> dict[str, Tensor]:
    return read(folder)["state_dict"]


def assert_same(a: dict[str, Tensor], b: dict[str, Tensor], tolerance: float = 0.0) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert torch.allclose(a[name], b[name], rtol=0, atol=tolerance), name


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    app.run(config(folder, *TINY, *NETWORK, "model.network.dropout=0.1", "snapshots=[5,14]"))
    return latest(folder)


def at_step(monkeypatch: pytest.MonkeyPatch, hook: str, condition: object, act: object) -> None:
    original = getattr(DDPMModule, hook)

    def wrapped(self: DDPMModule, *args: object, **kwargs: object) -> object:
        if condition(self):  # type: ignore[operator]
            act()  # type: ignore[operator]
        return original(self, *args, **kwargs)

    monkeypatch.setattr(DDPMModule, hook, wrapped)


def fail() -> None:
    raise RuntimeError("out of luck")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("hook", "condition", "act", "state"),
    [
        ("on_train_batch_start", lambda m: m.global_step == 10, fail, "failed"),
        ("on_train_batch_start", lambda m: m.global_step == 10, interrupt, "interrupted"),
        ("validation_step", lambda m: m.current_epoch == 0, interrupt, "interrupted"),
    ],
    ids=["killed in the second epoch", "stopped within the second epoch", "stopped after the first epoch"],
)
def test_a_resumed_run_ends_with_the_weights_of_the_uninterrupted_one(
    hook, condition, act, state, uninterrupted, tmp_path, monkeypatch
):
    asked = [*TINY, *NETWORK, "model.network.dropout=0.1"]
    with monkeypatch.context() as patch:
        at_step(patch, hook, condition, act)
        with pytest.raises((app.RunFailed, KeyboardInterrupt)):
            app.run(config(tmp_path, *asked))
    folder = latest(tmp_path)
    assert json.loads((folder / "status.json").read_text())["state"] == state
    assert (folder / "error.txt").exists() == (state == "failed")
    stopped_at = {fail: 7, interrupt: 11 if hook == "on_train_batch_start" else 7}[act]
    assert read(folder)["global_step"] == stopped_at
    app.run(config(tmp_path, *asked, f"resume={folder}"))
    assert latest(tmp_path) == folder
    assert_same(weights(folder), weights(uninterrupted))
    assert_same(read(folder)["current_model_state"], read(uninterrupted)["current_model_state"])


def test_the_checkpoint_gives_back_the_averaged_weights_and_a_denoiser(uninterrupted):
    checkpoint = read(uninterrupted)
    denoiser = locality.load(uninterrupted)
    assert_same({f"denoiser.{k}": v for k, v in denoiser.state_dict().items()}, checkpoint["state_dict"])
    raw = checkpoint["current_model_state"]
    assert any(not torch.equal(raw[name], checkpoint["state_dict"][name]) for name in raw)
    assert denoiser(torch.zeros(2, 1, 8, 8), 1.0).shape == (2, 1, 8, 8)
    assert not denoiser.training


def test_snapshots_hold_the_averaged_weights_of_their_step(uninterrupted):
    early, end = (read(uninterrupted / "checkpoints" / f"step{step:06d}.ckpt") for step in (5, 14))
    assert early["global_step"] == 5
    assert_same(end["state_dict"], weights(uninterrupted))
    moved = [not torch.equal(early["state_dict"][name], value) for name, value in end["state_dict"].items()]
    assert any(moved)


def test_every_logged_number_is_in_the_run_folder(uninterrupted):
    scalars = json.loads((uninterrupted / "metrics.json").read_text())["scalars"]
    history = (uninterrupted / "history.csv").read_text()
    assert {"train/loss", "val/loss", "test/mse/t000", "test/mse/t900"} <= scalars.keys()
    assert "train/loss" in history
    assert "val/loss_t300_500" in history
    assert (uninterrupted / "report.html").stat().st_size > 1000
    assert list((uninterrupted / "images" / "samples").glob("*.png"))


def test_the_wandb_run_has_the_numbers_of_the_run_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    quiet = [option for option in TINY if option != "logger=none"]
    app.run(config(tmp_path, *quiet, *NETWORK))
    compared = app.run(
        config(
            tmp_path,
            "trainer.accelerator=cpu",
            "compare.count=8",
            "data=digits",
            "data.subset=103",
            task="evaluate",
        )
    )
    for folder, names in (
        (trained_in(tmp_path), ["val/loss", "test/mse/t500"]),
        (latest(tmp_path), [*compared]),
    ):
        (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
        run = read_finished(file)
        scalars = json.loads((folder / "metrics.json").read_text())["scalars"]
        for name in names:
            assert run.summary[name] == pytest.approx(scalars[name], rel=1e-6), name
    table = run.table("compare/summary")
    rows = [row[0] for row in table["data"]]
    assert rows == ["network", *config(tmp_path, task="evaluate").candidates]
    assert (run.folder / "files" / run.last("images/compare/samples")["path"]).is_file()


def trained_in(tmp_path: Path) -> Path:
    (folder,) = (p for p in (tmp_path / "runs").glob("*unet*"))
    return folder


def test_the_loss_is_the_squared_error_of_the_noise_in_ddpm_coordinates(tmp_path):
    cfg = config(tmp_path, *TINY, *NETWORK)
    data, module = build.datamodule(cfg.data), build.module(cfg.model, (1, 8, 8))
    batch = next(iter(data.val_dataloader()))
    losses, t = module._losses(batch, "validation")
    draws = [module._draw(int(i), "validation") for i in batch.index]
    eps = torch.stack([noise for _, noise in draws])
    ab = module.schedule.alpha_bars[t].float()[:, None, None, None]
    x_vp = ab.sqrt() * batch.images + (1 - ab).sqrt() * eps
    expected = (module.denoiser.net(x_vp, t).sample - eps).square().mean((1, 2, 3))
    assert torch.allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("flip", [False, True])
def test_the_moments_pass_is_the_covariance_of_the_bank(flip, tmp_path):
    cfg = config(tmp_path, *TINY, "model=wiener", f"data.flip={str(flip).lower()}")
    numbers = app.run(cfg)
    bank = build.datamodule(cfg.data).bank("train")
    assert len(bank) == (206 if flip else 103) == numbers["train/images"]
    direct = locality.GaussianStats.from_bank(bank)
    wiener = locality.load(latest(tmp_path))
    rebuilt = (wiener.eigenvectors * wiener.eigenvalues) @ wiener.eigenvectors.T
    assert torch.allclose(wiener.mean, direct.mean, atol=1e-12)
    assert torch.allclose(rebuilt, direct.covariance, atol=1e-12)


@pytest.mark.parametrize("name", ["wiener", "optimal"])
def test_a_reloaded_analytical_denoiser_gives_the_same_answers(name, tmp_path):
    cfg = config(tmp_path, *TINY, "model=analytic", f"denoiser={name}")
    app.run(cfg)
    bank = build.datamodule(cfg.data).bank("train")
    made = build.fit(cfg.denoiser)(bank)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(locality.load(latest(tmp_path))(x, 1.0), made(x, 1.0), atol=1e-6)
    # The smaller of the two is kept: the filter's own state, or nothing but the fingerprint of the images.
    kept = read(latest(tmp_path))["denoiser"]
    assert ("class" in kept) == (
        name == "wiener" and GaussianStats.from_bank(bank).covariance.numel() * 8 < 103 * 64
    )


def test_images_that_changed_since_the_fit_are_refused(tmp_path):
    app.run(config(tmp_path, *TINY, "model=analytic", "denoiser=optimal"))
    path = latest(tmp_path) / "checkpoints" / "last.ckpt"
    checkpoint = read(path)
    checkpoint["denoiser"]["fingerprint"] = "0" * 32
    torch.save(checkpoint, path)
    with pytest.raises(locality.app.UsageError, match="images have changed"):
        locality.load(latest(tmp_path))


def test_the_comparison_finds_the_reference_identical_to_itself(uninterrupted, tmp_path):
    app.run(config(tmp_path, *TINY, "model=wiener"))
    asked = ["compare=quick", "compare.count=20", f"checkpoint={latest(tmp_path)}", "trainer.accelerator=cpu"]
    asked += ["logger=none"]
    numbers = app.run(config(tmp_path, *asked, task="evaluate"))
    # The reference is Wiener, and so is one candidate.
    assert numbers["compare/sample_r2/wiener"] == pytest.approx(1, abs=1e-6)
    assert numbers["compare/sample_mse/wiener"] == pytest.approx(0, abs=1e-8)
    assert numbers["compare/sample_r2/optimal"] < 1
    assert numbers["compare/heldout_mse/wiener"] == pytest.approx(
        numbers["compare/heldout_mse/network"], rel=1e-6
    )


def run_process(command: str, *overrides: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LOCALITY_RUN")}
    environment |= {"OMP_NUM_THREADS": "1", "LOCALITY_CACHE": str(cwd / "cache")}
    line = [sys.executable, str(ROOT / command), *overrides]
    done = subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    return done


def filter_of(folder: Path) -> dict[str, Tensor]:
    """A fitted Wiener filter; its covariance, as eigenvectors of equal eigenvalues may turn."""
    state = weights(folder)
    basis, values = state["eigenvectors"], state["eigenvalues"]
    return {"mean": state["mean"], "covariance": basis * values @ basis.T}


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
        run_process("train.py", *overrides, *ranks, cwd=folder)
        assert len([p for p in (folder / "runs").iterdir() if not p.is_symlink()]) == 1
        run = (folder / "runs" / "latest").resolve()
        compare = [
            "compare=quick",
            "compare.count=13",
            "data=digits",
            "data.subset=103",
            "logger=none",
            "trainer.accelerator=cpu",
        ]
        run_process("evaluate.py", *compare, *ranks, f"checkpoint={run}", cwd=folder)
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
