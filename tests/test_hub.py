"""Networks of diffusers: read exactly, tuned, and written back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler, UNet2DModel
from test_modules import TINY, config, latest

import locality
from locality import NoiseSchedule, app, sample
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser
from locality.export import export
from locality.networks import hub, unet

pytestmark = pytest.mark.usefixtures("no_pictures")

PREDICTIONS = ["epsilon", "v_prediction", "sample"]
SCHEDULES = {"epsilon": "linear", "v_prediction": "squaredcos_cap_v2", "sample": "scaled_linear"}


def network() -> UNet2DModel:
    torch.manual_seed(0)
    return unet((1, 8, 8), channels=[8, 16], layers=1, attention="none", groups=4).eval()


@pytest.fixture(params=PREDICTIONS)
def pipeline(request: pytest.FixtureRequest, tmp_path: Path) -> DDPMPipeline:
    """A pipeline of diffusers and, in tmp_path / "saved", the folder that it wrote."""
    kind = request.param
    scheduler = DDPMScheduler(prediction_type=kind, beta_schedule=SCHEDULES[kind])
    made = DDPMPipeline(network(), scheduler)
    made.save_pretrained(tmp_path / "saved")
    return made


@torch.no_grad()
def test_a_saved_pipeline_denoises_as_diffusers_own_scheduler_says(pipeline, tmp_path):
    denoiser = locality.load(tmp_path / "saved")
    images = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config, clip_sample=False)
    for t in (0, 40, 500, 900):
        step = scheduler.step(pipeline.unet(images, t).sample, t, images)
        signal = scheduler.alphas_cumprod[t]
        sigma = float(((1 - signal) / signal).sqrt())
        mine = denoiser(images / signal.sqrt(), sigma)
        expected = step.pred_original_sample
        assert (mine - expected).norm() / expected.norm() < 1e-5, t


def test_a_bare_network_has_the_schedule_of_ddpm(tmp_path):
    network().save_pretrained(tmp_path / "bare")
    denoiser = locality.load(tmp_path / "bare")
    assert torch.equal(denoiser.schedule.alpha_bars, NoiseSchedule.ddpm().alpha_bars)
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(denoiser(x, 1.0), NetworkDenoiser(network())(x, 1.0))


def test_a_tuned_network_needs_its_origin_no_more(pipeline, tmp_path):
    asked = [*TINY, "model=hub", f"pretrained={tmp_path / 'saved'}"]
    app.run(config(tmp_path, *asked))
    (tmp_path / "saved").rename(tmp_path / "gone")
    tuned = locality.load(latest(tmp_path))
    assert tuned.prediction == pipeline.scheduler.config.prediction_type
    assert torch.allclose(
        tuned.schedule.alpha_bars.float(), pipeline.scheduler.alphas_cumprod, rtol=1e-6, atol=0
    )
    before, after = pipeline.unet.state_dict(), tuned.net.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_loss_of_a_foreign_network_compares_what_it_puts_out():
    clean, noise = torch.randn(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    schedule = NoiseSchedule.ddpm()
    t = torch.tensor([3, 500, 990])
    own = DDPMScheduler()
    denoiser = NetworkDenoiser(network(), schedule, prediction="v_prediction")
    velocity = own.get_velocity(clean, noise, t)
    assert torch.allclose(denoiser.target(clean, noise, schedule.sigma(t)), velocity, atol=1e-5)


def test_an_evaluation_takes_a_saved_pipeline_as_its_reference(tmp_path):
    DDPMPipeline(network(), DDPMScheduler()).save_pretrained(tmp_path / "saved")
    asked = ["compare=quick", "compare.count=4", f"checkpoint={tmp_path / 'saved'}", "logger=none"]
    asked += ["trainer.accelerator=cpu"]
    with pytest.raises(UsageError, match="give data="):
        app.run(config(tmp_path, *asked, task="evaluate"))
    numbers = app.run(config(tmp_path, *asked, "data=digits", "data.subset=103", task="evaluate"))
    assert "compare/sample_r2/wiener" in numbers


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_size": 16}, "for images"),
        ({"num_class_embeds": 3}, "network of classes"),
        ({"out_channels": 2}, "puts out 2 channels"),
    ],
)
def test_a_network_of_another_kind_is_refused(change, message, tmp_path):
    kept = {k: v for k, v in network().config.items() if not k.startswith("_")}
    UNet2DModel(**{**kept, **change}).save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match=message):
        hub((1, 8, 8), str(tmp_path / "other"))


def test_a_scheduler_without_betas_is_refused(tmp_path):
    from diffusers import ScoreSdeVeScheduler

    DDPMPipeline(network(), DDPMScheduler()).save_pretrained(tmp_path / "saved")
    ScoreSdeVeScheduler().save_pretrained(tmp_path / "saved" / "scheduler")
    with pytest.raises(UsageError, match="ScoreSdeVeScheduler"):
        locality.load(tmp_path / "saved")


def test_what_is_nowhere_is_one_line(tmp_path, monkeypatch):
    import huggingface_hub

    def offline(*_: object, **__: object) -> None:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network\nand no copy")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    for pretrained in ("nobody/nothing", None):
        with pytest.raises(UsageError, match="a folder that diffusers saved") as caught:
            app.run(config(tmp_path, *TINY, "model=hub", f"pretrained={pretrained or 'null'}"))
        assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="hub:nobody/nothing"):
        read("hub:nobody/nothing")


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_plain_diffusers_samples_the_same_images_from_an_exported_network(prediction, tmp_path):
    saved = DDPMPipeline(network(), DDPMScheduler(prediction_type=prediction))
    saved.save_pretrained(tmp_path / "saved")
    export(tmp_path / "saved", tmp_path / "exported", form="diffusers")
    again = DDIMPipeline.from_pretrained(tmp_path / "exported")
    assert type(again.scheduler) is DDIMScheduler
    again.set_progress_bar_config(disable=True)
    noise = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(5))
    theirs = again(
        3, torch.Generator().manual_seed(5), eta=0.0, num_inference_steps=10, output_type="np"
    ).images
    mine = sample(locality.load(tmp_path / "exported"), noise, NoiseSchedule.ddpm().leading(10))
    shown = mine.detach().clamp(-1, 1).permute(0, 2, 3, 1) / 2 + 0.5
    assert (shown - torch.as_tensor(theirs)).abs().max() < 1e-4
    direct = NetworkDenoiser(network(), prediction=prediction)
    x = torch.randn(2, 1, 8, 8)
    assert torch.allclose(locality.load(tmp_path / "exported")(x, 1.0), direct(x, 1.0), rtol=1e-4, atol=1e-5)
