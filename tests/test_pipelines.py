"""Our denoisers under diffusers' schedulers: the samples, and what is kept in a folder."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
from diffusers import (
    DDIMPipeline,
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from torch import Tensor

import locality
from locality import ImageBank, NoiseSchedule, sample
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser, Optimal, Wiener
from locality.networks import save_pipeline, unet
from locality.pipelines import DenoiserPipeline
from locality.runs.checkpoint_file import read_checkpoint, write_checkpoint
from locality.trust import Untrusted

SHAPE = (1, 8, 8)
NOISE = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
BETAS = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear", "timestep_spacing": "leading"}
KINDS = {
    "ddim": lambda **more: DDIMScheduler(clip_sample=False, **BETAS, **more),
    "heun": lambda **more: HeunDiscreteScheduler(**BETAS, **more),
    "euler": lambda **more: EulerDiscreteScheduler(**BETAS, **more),
    "dpm": lambda **more: DPMSolverMultistepScheduler(
        final_sigmas_type="zero", lower_order_final=False, **BETAS, **more
    ),
    "ddpm": lambda **more: DDPMScheduler(clip_sample=False, **BETAS, **more),
}
OURS = {"ddim": "ddim", "euler": "ddim", "heun": "heun", "dpm": "dpm2m"}


def wiener() -> Wiener:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(300, *SHAPE, generator=generator).cumsum(-1) / 4 - 1
    return Wiener.fit(ImageBank(images))


def network() -> NetworkDenoiser:
    torch.manual_seed(0)
    net = unet(SHAPE, channels=[8, 16], layers=1, attention="none", groups=4).eval()
    return NetworkDenoiser(net, image_shape=SHAPE)


@torch.no_grad()
def by_diffusers(net: torch.nn.Module, scheduler, steps: int) -> Tensor:
    """What diffusers does with a noise-predicting network of its own."""
    scheduler.set_timesteps(steps)
    x, generator = NOISE * scheduler.init_noise_sigma, torch.Generator().manual_seed(5)
    draws = {} if isinstance(scheduler, HeunDiscreteScheduler) else {"generator": generator}
    for t in scheduler.timesteps:
        eps = net(scheduler.scale_model_input(x, t), t).sample
        x = scheduler.step(eps, t, x, **draws).prev_sample
    return x


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_samples_as_it_does_in_diffusers(kind):
    denoiser = network()
    theirs = by_diffusers(denoiser.net, KINDS[kind](), 8)
    pipeline = DenoiserPipeline(denoiser, KINDS[kind]())
    generator = torch.Generator().manual_seed(5)
    ours = pipeline(num_inference_steps=8, noise=NOISE, generator=generator, output_type="latent").images
    assert (ours - theirs).norm() <= 2e-5 * theirs.norm()


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_an_analytical_denoiser_samples_as_it_does_here_whatever_the_scheduler_asks_for(kind, prediction):
    if kind in ("euler", "heun") and prediction == "sample":
        pytest.skip("diffusers has not implemented it")
    pipeline = DenoiserPipeline(wiener(), KINDS[kind](prediction_type=prediction))
    ours = pipeline(num_inference_steps=8, noise=NOISE, output_type="latent").images
    sigmas = NoiseSchedule.ddpm().leading(8)
    if kind != "ddim":
        sigmas = NoiseSchedule.ddpm().sigma(pipeline.scheduler.timesteps.long().unique().flip(0))
    expected = sample(wiener(), NOISE, sigmas, clip=False, sampler=OURS[kind])
    assert (ours - expected).norm() <= 1e-4 * expected.norm()


def test_noise_levels_between_time_steps_reach_the_denoiser_as_they_are():
    seen = []

    class Spy(locality.Denoiser):
        def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
            seen.append(sigma[0].item())
            return x / 2

    scheduler = EulerDiscreteScheduler(use_karras_sigmas=True, **BETAS)
    DenoiserPipeline(Spy(), scheduler, SHAPE)(num_inference_steps=7)
    assert seen == pytest.approx(scheduler.sigmas[:-1].tolist())


def test_a_scheduler_of_none_is_ddim_as_here_and_images_come_as_asked():
    pipeline = DenoiserPipeline(wiener())
    ours = pipeline(num_inference_steps=10, noise=NOISE, output_type="pt").images
    expected = sample(wiener(), NOISE, NoiseSchedule.ddpm().leading(10)).clamp(-1, 1)
    assert (ours - (expected + 1) / 2).abs().max() < 1e-4
    images = pipeline(batch_size=2, num_inference_steps=3).images
    assert [image.size for image in images] == [(8, 8), (8, 8)]
    drawn = [pipeline(2, 3, torch.Generator().manual_seed(4), "pt").images for _ in range(2)]
    assert torch.equal(*drawn)


@pytest.mark.parametrize("make", [wiener, network])
@pytest.mark.parametrize("kind", KINDS)
def test_a_pipeline_comes_back_from_its_folder(make, kind, tmp_path):
    pipeline = DenoiserPipeline(make(), KINDS[kind](prediction_type="epsilon"))
    pipeline.save_pretrained(tmp_path / "kept")
    again = DenoiserPipeline.from_pretrained(tmp_path / "kept")
    assert type(again.scheduler) is type(pipeline.scheduler)
    before, after = (
        {key: value for key, value in one.scheduler.config.items() if not key.startswith("_")}
        for one in (pipeline, again)
    )
    assert before == after
    before, after = (
        one(
            num_inference_steps=4,
            noise=NOISE,
            output_type="latent",
            generator=torch.Generator().manual_seed(1),
        )
        for one in (pipeline, again)
    )
    assert torch.allclose(before.images, after.images, rtol=1e-4, atol=1e-4)
    assert again.image_shape == SHAPE


def test_diffusers_reads_the_network_of_a_saved_pipeline(tmp_path):
    DenoiserPipeline(network()).save_pretrained(tmp_path / "kept")
    theirs = DDIMPipeline.from_pretrained(tmp_path / "kept" / "denoiser")
    own, x = network().net, torch.zeros(1, *SHAPE)
    for name, weight in own.state_dict().items():
        assert torch.equal(theirs.unet.state_dict()[name], weight)
    # Some processors round by where weights lie in memory.
    torch.testing.assert_close(theirs.unet(x, 3).sample, own(x, 3).sample)


def test_what_load_takes_makes_a_pipeline(tmp_path):
    save_pipeline(network(), tmp_path / "diffusers")
    pipeline = DenoiserPipeline.from_pretrained(tmp_path / "diffusers")
    assert isinstance(pipeline.scheduler, DDIMScheduler)
    own = DenoiserPipeline.from_pretrained(tmp_path / "diffusers", scheduler=KINDS["heun"]())
    assert isinstance(own.scheduler, HeunDiscreteScheduler)


def test_a_denoiser_that_is_made_of_its_images_is_not_saved():
    with pytest.raises(ValueError, match="save_pretrained: a Optimal is made of its training images"):
        DenoiserPipeline(Optimal.fit(ImageBank(torch.rand(5, *SHAPE)))).save_pretrained("nowhere")
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("name", ["PNDMScheduler", "os.system", 3, None])
def test_a_scheduler_that_is_not_listed_is_not_built(name, tmp_path):
    DenoiserPipeline(wiener()).save_pretrained(tmp_path)
    path = tmp_path / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "_class_name": name}))
    with pytest.raises(UsageError, match="want a scheduler among DDIMScheduler"):
        DenoiserPipeline.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"_class_name": "DDIMScheduler", "trained_betas": "x"})]
)
def test_a_broken_scheduler_is_one_line(text, tmp_path):
    DenoiserPipeline(wiener()).save_pretrained(tmp_path)
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(text)
    with pytest.raises(UsageError) as caught, warnings.catch_warnings(action="ignore"):
        DenoiserPipeline.from_pretrained(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_that_names_another_class_is_not_trusted(tmp_path):
    DenoiserPipeline(wiener()).save_pretrained(tmp_path)
    content = read_checkpoint(tmp_path / "denoiser.ckpt")
    content["denoiser"] = {"class": "subprocess.Popen"}
    write_checkpoint(content, tmp_path / "denoiser.ckpt")
    with pytest.raises(Untrusted, match="Popen"):
        DenoiserPipeline.from_pretrained(tmp_path)


def test_what_is_no_scheduler_of_the_list_is_refused():
    for bad in (FlowMatchEulerDiscreteScheduler(), object()):
        with pytest.raises(ValueError, match="scheduler: want one of diffusers' DDIMScheduler"):
            DenoiserPipeline(wiener(), bad)
    with pytest.raises(ValueError, match="image_shape: want"):
        DenoiserPipeline(NetworkDenoiser(network().net))


@pytest.mark.parametrize(
    ("schedule", "keys"),
    [
        (NoiseSchedule.ddpm(), {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}),
        (NoiseSchedule.ddpm(100, 1e-3, 0.1), {"beta_start": 1e-3, "beta_end": 0.1, "trained_betas": None}),
        (NoiseSchedule.ddpm(10), {"beta_start": 1e-4, "beta_end": 0.02}),
    ],
)
def test_betas_on_a_line_are_two_numbers(schedule, keys, tmp_path):
    torch.manual_seed(0)
    save_pipeline(NetworkDenoiser(network().net, schedule), tmp_path / "saved")
    written = json.loads((tmp_path / "saved" / "scheduler" / "scheduler_config.json").read_text())
    assert written.items() >= keys.items()
    back = DDIMScheduler.from_pretrained(tmp_path / "saved" / "scheduler").alphas_cumprod
    assert torch.allclose(back.double(), schedule.alpha_bars, rtol=2e-5, atol=0)
    assert torch.allclose(
        locality.load(tmp_path / "saved").schedule.alpha_bars, schedule.alpha_bars, rtol=2e-5
    )


def test_other_betas_are_written_one_by_one(tmp_path):
    betas = torch.linspace(0.01, 0.14, 50, dtype=torch.float64) ** 2
    save_pipeline(NetworkDenoiser(network().net, NoiseSchedule.from_betas(betas)), tmp_path / "saved")
    written = json.loads((tmp_path / "saved" / "scheduler" / "scheduler_config.json").read_text())
    assert written["trained_betas"] == pytest.approx(betas.tolist())
