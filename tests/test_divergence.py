"""A training whose numbers are no longer finite stops, says so, and loses nothing."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision
from planted_files import DATA, MODEL
from safetensors.torch import load_file, save_file
from tiny_runs import NETWORK, TINY, assert_same, config, latest, trained_in, weights
from torch import Tensor

import locality
from locality import app, build
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.export import export
from locality.metrics.noise_bands import NoiseBands
from locality.modules import DDPMModule
from locality.modules.ddpm import Diverged
from locality.report.history import read_history
from locality.runs.checkpoint_file import write_checkpoint
from locality.runs.resuming import resumed

pytestmark = pytest.mark.usefixtures("no_pictures")

ASKED = [*TINY, *NETWORK]


def status(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "status.json").read_text())
    return content


def spoil(monkeypatch: pytest.MonkeyPatch, at: int, act: object, stream: str = "train/") -> None:
    """Changes the losses of step `at`: `act(losses)`."""
    original = DDPMModule._losses

    def wrapped(self: DDPMModule, batch: object, name: str) -> tuple[Tensor, Tensor]:
        losses, steps = original(self, batch, name)  # type: ignore[arg-type]
        wanted = name.startswith(stream) and self.global_step >= at
        return (act(losses) if wanted else losses), steps  # type: ignore[operator]

    monkeypatch.setattr(DDPMModule, "_losses", wrapped)


@pytest.mark.parametrize("model", ["mlp", "unet"])
def test_a_learning_rate_that_is_far_too_large_ends_in_one_line_and_can_be_mended(model, tmp_path):
    asked = [*TINY, *(NETWORK if model == "unet" else []), f"model={model}", "model.learning_rate=1e30"]
    message = r"Diverged: at step \d+, learning rate \d.*e\+\d+, .*not finite"
    with pytest.raises(app.RunFailed, match=message) as failed:
        app.run(config(tmp_path, *asked))
    folder = latest(tmp_path)
    assert (status(folder)["state"], status(folder)["diverged"]) == ("failed", True)
    assert "not finite" in str(status(folder)["reason"])
    assert f"resume={folder} model.learning_rate=<less than 1e+30>" in str(failed.value)
    with pytest.raises(UsageError, match="checkpoint=auto: no finished training run"):
        app.run(config(tmp_path, "compare=quick", "logger=none", task="evaluate"))
    asked[-1] = "model.learning_rate=1e-3"
    numbers = app.run(config(tmp_path, *asked, f"resume={folder}"))
    assert status(folder)["state"] == "finished"
    assert all(math.isfinite(value) for value in numbers.values())
    assert read(folder)["hyper_parameters"]["model"]["learning_rate"] == 1e-3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing disturbed."""
    return trained_in(tmp_path_factory.mktemp("whole"), *ASKED)


LOSSES = {
    "not a number": lambda losses: losses * torch.nan,
    "infinite": lambda losses: losses * torch.inf,
    "infinite, with a finite gradient": lambda losses: losses + torch.inf,
    "of one image": lambda losses: torch.cat([losses[:1] * torch.nan, losses[1:]]),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_no_step_is_taken_and_nothing_is_saved_after_a_loss_that_is_not_finite(
    kind, whole, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        spoil(patch, 10, LOSSES[kind])
        with pytest.raises(app.RunFailed, match=r"Diverged: at step 10, .* is not finite"):
            app.run(config(tmp_path, *ASKED))
    folder = latest(tmp_path)
    kept = read(folder)
    assert kept["global_step"] == 7
    assert all(bool(tensor.isfinite().all()) for tensor in kept["state_dict"].values())
    app.run(config(tmp_path, *ASKED, f"resume={folder}"))
    assert_same(weights(folder), weights(whole))


def test_only_a_run_that_diverged_goes_on_with_another_learning_rate(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        spoil(patch, 10, LOSSES["infinite"])
        with pytest.raises(app.RunFailed):
            app.run(config(tmp_path, *ASKED, "trainer.log_every_n_steps=1"))
    folder = latest(tmp_path)
    change = ["model.learning_rate=1e-5", f"resume={folder}"]
    app.run(resumed(config(tmp_path, *change), change))
    rates = read(folder)["optimizer_states"][0]["param_groups"]
    assert [group["initial_lr"] for group in rates] == [1e-5]
    assert [state["base_lrs"] for state in read(folder)["lr_schedulers"]] == [[1e-5]]
    losses = dict(read_history(folder / "history.csv")["train/loss"])
    assert sorted(losses) == list(range(14))
    content = status(folder) | {"state": "failed"}
    content.pop("diverged")
    (folder / "status.json").write_text(json.dumps(content))
    change[0] = "model.learning_rate=1e-4"
    with pytest.raises(UsageError, match=r"has model.learning_rate=1e-05, which makes its numbers"):
        resumed(config(tmp_path, *change), change)


def test_weights_that_are_not_finite_are_never_saved(tmp_path, monkeypatch):
    """Of the last step of an epoch no loss tells; the checkpoint is written right after it."""
    original = DDPMModule.on_train_epoch_end

    def spoiled(self: DDPMModule) -> None:
        original(self)
        if self.current_epoch == 1:
            next(self.denoiser.parameters()).data[0] = torch.nan

    monkeypatch.setattr(DDPMModule, "on_train_epoch_end", spoiled)
    with pytest.raises(app.RunFailed, match="the norm of the weights is not finite"):
        app.run(config(tmp_path, *ASKED))
    assert read(latest(tmp_path))["global_step"] == 7


def test_a_validation_loss_that_is_not_finite_stops_the_run(tmp_path, monkeypatch):
    spoil(monkeypatch, 10, LOSSES["not a number"], stream="validation")
    with pytest.raises(app.RunFailed, match=r"the validation loss \(time-steps \d+ to \d+\) is not finite"):
        app.run(config(tmp_path, *ASKED))
    assert read(latest(tmp_path))["global_step"] == 7


def test_bands_without_images_are_left_out_of_the_mean_and_no_other(tmp_path):
    bands = NoiseBands([(0, 10), (10, 20), (20, 30)])
    losses, steps = torch.tensor([1.0, 3.0, 8.0, 99.0]), torch.tensor([0, 9, 25, 15])
    bands.update(losses[:2], steps[:2], torch.ones(2))
    bands.update(losses[2:], steps[2:], torch.tensor([1.0, 0.0]))
    assert {band: float(mean) for band, mean in bands.compute().items()} == {(0, 10): 2.0, (20, 30): 8.0}
    bands.update(torch.tensor([torch.nan]), torch.tensor([12]), torch.ones(1))
    assert math.isnan(bands.compute()[10, 20])


def test_the_validation_loss_is_the_mean_over_the_bands_that_have_images(tmp_path):
    numbers = app.run(config(tmp_path, *ASKED, "data.eval_batch_size=2", "trainer.max_epochs=1"))
    widths = {(0, 100): 100, (100, 300): 200, (300, 500): 200, (500, 700): 200, (700, 1000): 300}
    found = {
        width: numbers[f"val/loss_t{low:03d}_{high:03d}"]
        for (low, high), width in widths.items()
        if f"val/loss_t{low:03d}_{high:03d}" in numbers
    }
    assert 1 <= len(found) <= 2  # of two images
    mean = sum(width * loss for width, loss in found.items()) / sum(found)
    assert numbers["val/loss"] == pytest.approx(mean, rel=1e-6)


def test_checkpoints_are_of_the_module_that_wrote_them(tmp_path):
    """Loading goes on with the module's own learning rate, wherever in its course the rate is."""
    module = build.module(config(tmp_path, *ASKED, "model.learning_rate=1e-4").model, (1, 8, 8))
    checkpoint = {
        "lr_schedulers": [{"base_lrs": [1e-2]}],
        "optimizer_states": [{"param_groups": [{"lr": 5e-3, "initial_lr": 1e-2}]}],
    }
    module.on_load_checkpoint(checkpoint)
    assert checkpoint["lr_schedulers"][0]["base_lrs"] == [1e-4]
    (group,) = checkpoint["optimizer_states"][0]["param_groups"]
    assert group == {"lr": pytest.approx(5e-5), "initial_lr": 1e-4}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose checkpoint has one set of weights."""
    asked = [*ASKED, "model.ema_decay=0", "trainer.max_epochs=1"]
    return trained_in(tmp_path_factory.mktemp("sound"), *asked)


@pytest.mark.parametrize("form", ["run", "ckpt", "export", "diffusers"])
def test_a_network_with_weights_that_are_not_finite_is_refused_by_name(form, sound, tmp_path):
    shutil.copytree(sound.parent, tmp_path / "runs", symlinks=True)
    run = latest(tmp_path)
    place = {"run": run, "ckpt": run / "checkpoints" / "last.ckpt"}.get(form, tmp_path / form)
    if form in ("export", "diffusers"):
        export(run, place, form="locality" if form == "export" else form, count=4)
        file = next(iter(sorted(place.rglob("*.safetensors"))))
        tensors = load_file(file)
        next(iter(tensors.values()))[:] = torch.nan
        save_file(tensors, file, {"format": "pt"})
        (place / "SHA256SUMS").unlink()
    else:
        for file in (run / "checkpoints").glob("*.ckpt"):
            content = torch.load(file, weights_only=True)
            next(iter(content["state_dict"].values()))[:] = torch.inf
            write_checkpoint(content, file)
    with pytest.raises(UsageError, match="weights that are not finite"):
        locality.load(place)
    cfg = config(
        tmp_path, "compare=quick", "data=digits", "logger=none", f"checkpoint={place}", task="evaluate"
    )
    with pytest.raises(UsageError, match=f"{place.name}.*weights that are not finite"):
        app.run(cfg)
    assert latest(tmp_path) == run  # no folder was left


class NoGradient(torch.autograd.Function):
    """The identity, with a gradient that overflows."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * math.inf


def test_a_scaler_of_16_bit_floats_does_not_leave_out_every_step(monkeypatch):
    spoil(monkeypatch, 3, NoGradient.apply)
    trainer = Trainer(
        accelerator="cpu", plugins=[MixedPrecision("16-mixed", "cpu")], max_epochs=50,
        logger=False, enable_checkpointing=False, enable_progress_bar=False, limit_val_batches=0,
    )  # fmt: skip
    data = build.datamodule({**DATA, "subset": 64}, ["train"])
    with pytest.raises(Diverged, match="norm of the gradient is not finite"):
        trainer.fit(build.module(MODEL, (1, 8, 8)), data)
    assert 30 < trainer.fit_loop.total_batch_idx < 50
