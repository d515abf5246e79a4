"""Outside Hydra: our modules with a Trainer and loaders of one's own, as a Lightning user types it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from tiny_runs import NETWORK, TINY, trained_in
from torch.utils.data import DataLoader, TensorDataset

import locality
from locality import GaussianStats, ImageBank
from locality.at_rest import to_float
from locality.callbacks import progress
from locality.config import UsageError
from locality.data import ImageDataModule, digits
from locality.data.batch import as_batch
from locality.denoisers import Denoiser, LocalScore, Optimal, Wiener
from locality.denoisers.fitting import ByConstructor
from locality.modules import AnalyticModule, DDPMModule
from locality.networks import unet
from locality.trust import Untrusted

IMAGES = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
X = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
SHAPE = (1, 8, 8)


def trainer(folder: Path, **more) -> L.Trainer:
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return L.Trainer(accelerator="cpu", default_root_dir=folder, **quiet, **more)


class Labelled(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return IMAGES[i], i % 10


LOADERS = {
    "tensors": lambda: DataLoader(IMAGES, batch_size=6),
    "alone": lambda: DataLoader(TensorDataset(IMAGES), batch_size=6),
    "pairs": lambda: DataLoader(Labelled(), batch_size=6),
}


@pytest.mark.parametrize("fit", [Wiener.fit, Optimal.fit, partial(LocalScore.fit, patch_size=3)])
def test_an_analytical_module_takes_the_data_module_and_stops_after_one_pass(fit, tmp_path):
    data = ImageDataModule(source=digits, subset=40, flip=True)
    module = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    own = trainer(tmp_path)  # Lightning's own 1,000 epochs
    own.fit(module, datamodule=data)
    assert own.current_epoch <= 1
    assert torch.allclose(module.denoiser(X, 1.0), fit(data.bank("train"))(X, 1.0), atol=1e-5)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("fit", [Wiener.fit, partial(Optimal.fit, chunk_size=7)])
def test_a_plain_loader_fits_and_the_checkpoint_loads(fit, loader, tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    own = trainer(tmp_path, max_epochs=3)
    own.fit(module, LOADERS[loader]())
    expected = fit(ImageBank(IMAGES))(X, 1.0)
    assert torch.allclose(module.denoiser(X, 1.0), expected, atol=1e-5)
    own.save_checkpoint(tmp_path / "last.ckpt")
    assert torch.allclose(locality.load(tmp_path / "last.ckpt")(X, 1.0), expected, atol=1e-5)


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(IMAGES)


def test_a_fit_to_a_loader_without_a_length_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    own = L.Trainer(
        accelerator="cpu", default_root_dir=tmp_path, logger=False, max_epochs=1,
        enable_model_summary=False, callbacks=[progress.ProgressBar()],
    )  # fmt: skip
    module = AnalyticModule(image_shape=SHAPE, denoiser=Wiener.fit)
    own.fit(module, DataLoader(Stream(), batch_size=6))
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("batch ")]
    assert told == [f"batch {k}, epoch 1" for k in (1, 2, 3, 4)]
    assert torch.allclose(module.denoiser(X, 1.0), Wiener.fit(ImageBank(IMAGES))(X, 1.0), atol=1e-5)


@pytest.mark.parametrize("loader", LOADERS)
def test_a_network_trains_tests_and_predicts_on_a_plain_loader_and_its_checkpoint_loads(loader, tmp_path):
    network = partial(unet, channels=[8, 16], layers=1, attention="none", groups=4)
    module = DDPMModule(image_shape=SHAPE, network=network, ema_decay=0.0)
    own = trainer(tmp_path, max_epochs=1)
    own.fit(module, LOADERS[loader](), LOADERS[loader]())
    own.test(module, LOADERS[loader](), verbose=False)
    samples = torch.cat(own.predict(module, LOADERS[loader]()))
    assert samples.shape == IMAGES.shape
    assert not torch.equal(samples[0], samples[6])  # each place has noise of its own
    own.save_checkpoint(tmp_path / "last.ckpt")
    again = locality.load(tmp_path / "last.ckpt")
    assert torch.allclose(again(X, 1.0), module.denoiser.eval()(X, 1.0), atol=1e-6)


def test_the_index_of_an_image_is_its_place():
    batch = as_batch([IMAGES[:3], torch.zeros(3)], first=6)
    assert batch.index.tolist() == [6, 7, 8]
    assert batch.weight.tolist() == [1, 1, 1]
    assert as_batch(batch, first=99) is batch
    assert as_batch((IMAGES[:3] * 127.5 + 127.5).round().to(torch.uint8)).images.abs().max() <= 1


@pytest.mark.parametrize("bad", [{"image": IMAGES}, IMAGES[0], [IMAGES, 1, 2], "images", []])
def test_a_batch_of_something_else_is_named(bad):
    with pytest.raises(ValueError, match="batch: want images"):
        as_batch(bad)


def test_stats_of_a_plain_pass_are_those_of_the_images(tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=Wiener.fit)
    trainer(tmp_path).fit(module, DataLoader(IMAGES, batch_size=6, shuffle=True))
    direct = GaussianStats.from_bank(ImageBank(IMAGES))
    assert torch.allclose(module.denoiser.mean, direct.mean, atol=1e-9)


def small_network() -> DDPMModule:
    network = partial(unet, channels=[8, 16], layers=1, attention="none", groups=4)
    return DDPMModule(image_shape=SHAPE, network=network, learning_rate=3e-4, prediction="v_prediction")


def test_lightning_loads_a_network_from_its_checkpoint_alone(tmp_path):
    module = small_network()
    own = trainer(tmp_path, max_epochs=1, callbacks=[ModelCheckpoint(dirpath=tmp_path, filename="best")])
    own.fit(module, LOADERS["tensors"](), LOADERS["tensors"]())
    again = DDPMModule.load_from_checkpoint(tmp_path / "best.ckpt")
    averaged = locality.load(tmp_path / "best.ckpt")
    assert (again.learning_rate, again.denoiser.prediction) == (3e-4, "v_prediction")
    assert torch.equal(again.denoiser.eval()(X, 1.0), averaged(X, 1.0))
    assert (
        DDPMModule.load_from_checkpoint(str(tmp_path / "best.ckpt"), learning_rate=1e-5).learning_rate == 1e-5
    )
    trainer(tmp_path, max_epochs=2).fit(again, LOADERS["tensors"](), ckpt_path=tmp_path / "best.ckpt")
    assert again.trainer.global_step == 8


@pytest.mark.parametrize(
    "fit", [Wiener.fit, partial(Optimal.fit, chunk_size=7), partial(LocalScore.fit, patch_size=3)]
)
def test_lightning_loads_a_fitted_denoiser_from_its_checkpoint_alone(fit, tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    own = trainer(tmp_path, max_epochs=1)
    own.fit(module, LOADERS["tensors"]())
    own.save_checkpoint(tmp_path / "last.ckpt")
    expected = module.denoiser(X, 1.0)
    again = AnalyticModule.load_from_checkpoint(tmp_path / "last.ckpt")
    assert torch.allclose(again(X, 1.0), expected, atol=1e-5)
    fresh = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    trainer(tmp_path).test(fresh, LOADERS["tensors"](), ckpt_path=tmp_path / "last.ckpt", verbose=False)
    assert torch.allclose(fresh(X, 1.0), expected, atol=1e-5)


class Gray(Denoiser):
    """A denoiser of one's own, whose constructor takes the images, and which is kept as one number."""

    limits = frozenset()
    level: torch.Tensor
    fit = ByConstructor()

    def __init__(self, bank: ImageBank) -> None:
        super().__init__()
        self.register_buffer("level", to_float(bank.images).mean())
        self.image_shape = bank.image_shape

    @classmethod
    def from_state(cls, state: dict[str, torch.Tensor], image_shape: torch.Size) -> Gray:
        gray = cls.__new__(cls)
        Denoiser.__init__(gray)
        gray.register_buffer("level", state["level"])
        gray.image_shape = image_shape
        return gray

    def estimate(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return self.level.expand_as(x)


@pytest.mark.parametrize("fit", [Gray, Gray.fit, partial(Gray.fit)])
def test_a_denoiser_of_ones_own_goes_on_from_its_checkpoint(fit, tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    own = trainer(tmp_path, max_epochs=1)
    own.fit(module, LOADERS["tensors"]())
    own.save_checkpoint(tmp_path / "last.ckpt")
    fresh = AnalyticModule(image_shape=SHAPE, denoiser=fit)
    trainer(tmp_path).test(fresh, LOADERS["tensors"](), ckpt_path=tmp_path / "last.ckpt", verbose=False)
    assert torch.equal(fresh(X, 1.0), module.denoiser(X, 1.0))


@pytest.mark.parametrize("model", [["model=wiener"], ["model=analytic", "denoiser=nearest"], NETWORK])
def test_lightning_loads_the_checkpoint_of_a_run(model, tmp_path):
    run = trained_in(tmp_path, *TINY, *model)
    kind = DDPMModule if model is NETWORK else AnalyticModule
    again = kind.load_from_checkpoint(run / "checkpoints" / "last.ckpt")
    assert torch.allclose(again.eval()(X, torch.ones(2)), locality.load(run)(X, 1.0), atol=1e-6)


def test_a_checkpoint_of_another_module_is_told_in_a_line(tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=Wiener.fit)
    own = trainer(tmp_path, max_epochs=1)
    own.fit(module, LOADERS["tensors"]())
    own.save_checkpoint(tmp_path / "last.ckpt")
    with pytest.raises(UsageError, match="want a checkpoint of a DDPMModule, got one of"):
        DDPMModule.load_from_checkpoint(tmp_path / "last.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "none.ckpt")
    with pytest.raises(UsageError, match="want a checkpoint of a DDPMModule, got something else"):
        DDPMModule.load_from_checkpoint(tmp_path / "none.ckpt")


def test_a_recipe_that_names_what_no_file_may_name_builds_nothing(tmp_path):
    module = AnalyticModule(image_shape=SHAPE, denoiser=Wiener.fit)
    own = trainer(tmp_path, max_epochs=1)
    own.fit(module, LOADERS["tensors"]())
    own.save_checkpoint(tmp_path / "last.ckpt")
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    content["hyper_parameters"]["model"]["denoiser"] = {
        "_target_": "os.mkdir",
        "_args_": [str(tmp_path / "x")],
    }
    torch.save(content, tmp_path / "evil.ckpt")
    with pytest.raises(Untrusted, match="not on the list"):
        AnalyticModule.load_from_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "x").exists()
