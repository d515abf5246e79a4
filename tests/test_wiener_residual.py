"""Networks that correct a Wiener filter: where they start, what they learn, and that the filter is kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_runs import TINY, assert_same, config, latest, trained_in, weights
from torch import Tensor, nn

import locality
from locality import GaussianStats, ImageBank, app
from locality.bank import to_float
from locality.config import UsageError
from locality.data import ImageDataModule, digits
from locality.denoisers import NetworkDenoiser, Wiener
from locality.export import export
from locality.modules import DDPMModule
from locality.networks import mlp, save_pipeline, unet

pytestmark = pytest.mark.usefixtures("no_pictures")

SHAPE = torch.Size((1, 4, 4))
SMALL = [
    *TINY, "model=mlp", "model.network.width=16", "model.network.depth=1", "model.prediction=wiener_residual",
]  # fmt: skip


class Constant(nn.Module):
    """A network that says one number everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.value.expand_as(x)


def gaussian() -> GaussianStats:
    half = torch.randn(16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return GaussianStats(torch.linspace(-0.5, 0.5, 16).double(), half @ half.T / 16, SHAPE)


def residual(net: nn.Module) -> NetworkDenoiser:
    return NetworkDenoiser(net, None, SHAPE, "wiener_residual", floor=Wiener(gaussian()))


def noisy(count: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    stats = gaussian()
    root = torch.linalg.cholesky(stats.covariance + 1e-12 * torch.eye(16))
    clean = stats.mean + torch.randn(count, 16, generator=generator, dtype=torch.float64) @ root.T
    return clean.reshape(-1, *SHAPE), torch.randn(count, *SHAPE, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_a_network_that_says_nothing_is_the_filter(sigma):
    clean, noise = noisy(5)
    x = clean + sigma * noise
    assert torch.equal(residual(Constant(0.0))(x, sigma), Wiener(gaussian())(x, sigma))


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_the_target_read_back_is_the_clean_image(sigma):
    clean, noise = noisy(5)
    levels, denoiser = torch.full((5,), sigma, dtype=torch.float64), residual(Constant(0.0))
    found = denoiser.read(clean + sigma * noise, levels, denoiser.target(clean, noise, levels))
    torch.testing.assert_close(found, clean, rtol=0, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.05, 1.0, 20.0])
def test_on_gaussian_images_the_target_is_as_large_as_noise_at_every_level(sigma):
    clean, noise = noisy(20_000)
    target = residual(Constant(0.0)).target(clean, noise, torch.full((20_000,), sigma, dtype=torch.float64))
    assert target.square().mean().item() == pytest.approx(1, rel=0.02)
    assert target.mean().abs().item() < 0.02


@pytest.fixture(scope="module", name="run")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_in(tmp_path_factory.mktemp("residual"), *SMALL, "trainer.precision=bf16-mixed")


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_a_run_keeps_the_filter_of_its_training_images(run):
    denoiser = locality.load(run)
    wiener = Wiener.fit(ImageDataModule(digits, subset=103).bank("train"))
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for sigma in (0.1, 1.0, 10.0):
        torch.testing.assert_close(denoiser.floor(x, sigma), wiener(x, sigma), rtol=0, atol=1e-5)
        assert (denoiser(x, sigma) - wiener(x, sigma)).abs().max() > 0


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_a_run_that_is_taken_up_ends_as_one_that_was_not_cut(run, tmp_path, monkeypatch):
    original = DDPMModule.training_step

    def step(self: DDPMModule, *args: object) -> Tensor:
        if self.global_step == 10:
            raise RuntimeError("out of luck")
        return original(self, *args)  # type: ignore[arg-type]

    settings = [*SMALL, "trainer.precision=bf16-mixed"]
    with monkeypatch.context() as patch:
        patch.setattr(DDPMModule, "training_step", step)
        with pytest.raises(app.RunFailed):
            app.run(config(tmp_path, *settings))
    app.run(config(tmp_path, *settings, f"resume={latest(tmp_path)}"))
    assert_same(weights(latest(tmp_path)), weights(run))


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_an_exported_network_has_its_filter(run, tmp_path):
    folder = export(run, tmp_path / "kept", count=8)
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(locality.load(folder)(x, 1.0), locality.load(run)(x, 1.0), rtol=0, atol=2e-3)


def test_few_images_give_a_filter_that_holds_on_others():
    data = ImageDataModule(digits, subset=40)
    module = DDPMModule((1, 8, 8), partial(mlp, width=8, depth=1), prediction="wiener_residual")
    module.fit_floor(data.bank("train"), cache=None)
    clean = to_float(data.bank("test").images[:64])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    for sigma in (0.05, 0.2, 1.0, 5.0):
        target = module.denoiser.target(clean, noise, torch.full((len(clean),), sigma))
        assert target.square().mean() < 3  # without shrinkage 12 at the least of these levels


def test_what_lacks_its_filter_is_refused():
    with pytest.raises(ValueError, match="floor: want a Wiener filter for prediction=wiener_residual"):
        NetworkDenoiser(Constant(0.0), prediction="wiener_residual")
    with pytest.raises(ValueError, match="floor: want None for prediction=epsilon"):
        NetworkDenoiser(Constant(0.0), floor=Wiener(gaussian()))
    module = DDPMModule(SHAPE, partial(mlp, width=8, depth=1), prediction="wiener_residual")
    clean, noise = noisy(2)
    with pytest.raises(ValueError, match="want a fitted Wiener filter, got a blank one"):
        module.denoiser.target(clean, noise, torch.ones(2).double())
    with pytest.raises(ValueError, match="got a blank one"):
        module.denoiser(clean, 1.0)
    with pytest.raises(ValueError, match="of images that vary"):
        module.fit_floor(ImageBank(torch.zeros(3, *SHAPE)), cache=None)
    module.fit_floor(ImageBank(clean.float().clamp(-1, 1)), cache=None)
    assert module.denoiser.target(clean, noise, torch.ones(2).double()).isfinite().all()
    net = residual(unet(SHAPE, channels=[8, 8], layers=1, attention="none", groups=4))
    with pytest.raises(ValueError, match="want a prediction of epsilon, v_prediction, sample"):
        save_pipeline(net, "x")


def test_a_run_on_images_that_do_not_vary_is_refused_before_it_begins(tmp_path):
    with pytest.raises(UsageError, match="want a Wiener filter of images that vary"):
        app.run(config(tmp_path, *SMALL, "data.subset=1"))
    assert not (tmp_path / "runs").exists()
