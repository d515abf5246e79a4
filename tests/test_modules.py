"""The Lightning modules: training, fitting, comparing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_runs import NETWORK, TINY, assert_same, config, latest, weights
from wandb_reader import read_finished

import locality
from locality import GaussianStats, app, build
from locality.checkpoints.reading import read
from locality.noise import ImageDraws
from locality.runs.checkpoint_file import write_checkpoint


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    app.run(config(folder, *TINY, *NETWORK, "model.network.dropout=0.1", "snapshots=[5,14]"))
    return latest(folder)


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


@pytest.mark.slow
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
    rows = [row[0].split(" (")[0] for row in table["data"]]  # "(64 images)" where that is not all
    assert rows == ["network", *config(tmp_path, task="evaluate").candidates]
    assert (run.folder / "files" / run.last("images/compare/samples")["path"]).is_file()


def trained_in(tmp_path: Path) -> Path:
    (folder,) = (p for p in (tmp_path / "runs").glob("*unet*"))
    return folder


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_loss_is_the_squared_error_of_the_output_in_ddpm_coordinates(tmp_path, prediction):
    cfg = config(tmp_path, *TINY, *NETWORK, f"model.prediction={prediction}")
    data, module = build.datamodule(cfg.data), build.module(cfg.model, (1, 8, 8))
    batch = next(iter(data.val_dataloader()))
    losses, t = module._losses(batch, "validation")
    eps = ImageDraws(batch.index, module.seed, "validation", "noise").normal(batch.images.shape[1:])
    ab = module.schedule.alpha_bars[t].float()[:, None, None, None]
    x_vp = ab.sqrt() * batch.images + (1 - ab).sqrt() * eps
    v = ab.sqrt() * eps - (1 - ab).sqrt() * batch.images  # Salimans and Ho 2022
    wanted = {"epsilon": eps, "v_prediction": v}[prediction]
    expected = (module.denoiser.net(x_vp, t).sample - wanted).square().mean((1, 2, 3))
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


def test_what_takes_long_to_fit_is_kept_in_the_cache_and_found_there(tmp_path, monkeypatch):
    asked = ["model=analytic", "denoiser=local_mixture", "denoiser.components=2", "denoiser.window=4"]
    app.run(config(tmp_path, *TINY, *asked, f"cache={tmp_path / 'cache'}"))
    (kept,) = (tmp_path / "cache").glob("mixture-*.safetensors")
    written = kept.stat().st_mtime_ns
    monkeypatch.setattr("locality.denoisers.mixture_settings.fit_mixture", None)  # nothing is fitted again
    assert locality.load(latest(tmp_path), tmp_path / "cache").image_shape == (1, 8, 8)
    assert kept.stat().st_mtime_ns == written


def test_images_that_changed_since_the_fit_are_refused(tmp_path):
    app.run(config(tmp_path, *TINY, "model=analytic", "denoiser=optimal"))
    path = latest(tmp_path) / "checkpoints" / "last.ckpt"
    checkpoint = read(path)
    checkpoint["denoiser"]["fingerprint"] = "0" * 32
    write_checkpoint(checkpoint, path)
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
        numbers["compare/heldout_mse/wiener_reference"], rel=1e-6
    )
