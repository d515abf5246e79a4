"""The samplers against diffusers, against k-diffusion's formulae, and against the ODE that they solve."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler, HeunDiscreteScheduler
from torch import Tensor, nn

from locality import Denoiser, GaussianStats, NoiseSchedule, edm_sigmas, sample, trajectory
from locality.denoisers import NetworkDenoiser, Wiener
from locality.sampling import start

SCHEDULE = NoiseSchedule.ddpm()
SAMPLERS = ["ddim", "heun", "dpm2m"]
NOISE = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Contraction(nn.Module):
    """A nonlinear noise predictor, tame enough that rounding is not amplified from step to step."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return 0.9 * x + 0.1 * torch.sin(3 * x.roll(1, -1)) * (t[:, None, None, None] / 1000)


class Bent(Denoiser):
    """A smooth denoiser that is not linear, and leaves [-1, 1]."""

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        s = sigma[:, None, None, None]
        return 1.3 * torch.tanh(x / (1 + s)) + 0.2 * torch.sin(x.roll(1, -1)) / (1 + s)


def gaussian(sigma_data: float = 0.6) -> Wiener:
    """Wiener of a Gaussian with eigenvalues from sigma_data^2 down to 1 / 30 of it."""
    basis = torch.linalg.qr(
        torch.randn(16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    )
    lam = sigma_data**2 * torch.logspace(0, -1.5, 16, dtype=torch.float64)
    mean = torch.linspace(-0.3, 0.3, 16, dtype=torch.float64)
    return Wiener(GaussianStats(mean, (basis.Q * lam) @ basis.Q.T, torch.Size([1, 4, 4])))


def exact(wiener: Wiener, x: Tensor, above: float, below: float) -> Tensor:
    """The ODE solved: each principal component goes as sqrt(lam + sigma^2)."""
    lam, basis = wiener.eigenvalues, wiener.eigenvectors
    factor = ((lam + below**2) / (lam + above**2)).sqrt()
    flat = (x.flatten(1) - wiener.mean) @ basis
    return (wiener.mean + (flat * factor) @ basis.T).reshape(x.shape)


def by_diffusers(scheduler, net: nn.Module, noise: Tensor, timesteps: list[int]) -> Tensor:
    """Sample of a network by a scheduler of diffusers, which scales and steps as it likes."""
    scheduler.set_timesteps(timesteps=timesteps)
    x = noise * scheduler.init_noise_sigma if scheduler.init_noise_sigma > 1.5 else noise
    for t in scheduler.timesteps:
        eps = net(scheduler.scale_model_input(x, t), t.expand(len(x)).long())
        x = scheduler.step(eps, t, x).prev_sample
    return x


@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize(
    ("sampler", "kind", "own", "clipping"),
    [
        ("heun", HeunDiscreteScheduler, {}, {"clip_sample": True}),
        ("dpm2m", DPMSolverMultistepScheduler, {"final_sigmas_type": "zero", "lower_order_final": False},
         {"thresholding": True, "sample_max_value": 1.0}),
        ("ddim", EulerDiscreteScheduler, {}, None),
    ],
)  # fmt: skip
def test_a_sampler_equals_the_scheduler_of_diffusers(sampler, kind, own, clipping, clip, spacing):
    if clip and clipping is None:
        pytest.skip("Euler of diffusers clips nothing")
    timesteps = getattr(SCHEDULE, f"{spacing}_timesteps")(12)
    betas = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
    # With "leading" spacing they start from sqrt(1 + sigma^2) noise, as DDIM; the time-steps are given.
    scheduler = kind(**betas, timestep_spacing="leading", **own, **(clipping if clip else {}))
    theirs = by_diffusers(scheduler, Contraction(), NOISE, timesteps)
    sigmas = SCHEDULE.sigma(timesteps)
    ours = sample(NetworkDenoiser(Contraction()), NOISE, sigmas, clip, sampler)
    ours = ours.clamp(-1, 1) if clip else ours
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


def k_heun(denoiser: Denoiser, x: Tensor, sigmas: list[float]) -> Tensor:
    """sample_heun of k-diffusion, without churn; the last noise level is 0."""
    for here, there in pairwise(sigmas):
        d = (x - denoiser(x, here)) / here
        if there == 0:
            x = x + d * (there - here)
        else:
            guess = x + d * (there - here)
            d_2 = (guess - denoiser(guess, there)) / there
            x = x + (d + d_2) / 2 * (there - here)
    return x


def k_dpmpp_2m(denoiser: Denoiser, x: Tensor, sigmas: list[float]) -> Tensor:
    """sample_dpmpp_2m of k-diffusion; the last noise level is 0."""
    old = None
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        if sigmas[i + 1] == 0:
            return denoised
        t, t_next = -math.log(sigmas[i]), -math.log(sigmas[i + 1])
        h = t_next - t
        d = denoised
        if old is not None:
            r = (t + math.log(sigmas[i - 1])) / h
            d = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old
        x = (sigmas[i + 1] / sigmas[i]) * x - math.expm1(-h) * d
        old = denoised
    return x


def k_euler(denoiser: Denoiser, x: Tensor, sigmas: list[float]) -> Tensor:
    """sample_euler of k-diffusion, without churn."""
    for here, there in pairwise(sigmas):
        x = x + (x - denoiser(x, here)) / here * (there - here)
    return x


@pytest.mark.parametrize("levels", [[9.0, 7.5, 1.1, 1.0, 0.2], edm_sigmas(18).tolist(), [3.0]])
@pytest.mark.parametrize(("sampler", "theirs"), [("heun", k_heun), ("dpm2m", k_dpmpp_2m), ("ddim", k_euler)])
def test_a_sampler_equals_the_formulae_of_k_diffusion_on_any_noise_levels(sampler, theirs, levels):
    x = levels[0] * NOISE.double()
    *_, last = trajectory(Bent(), x, levels, clip=False, sampler=sampler)
    expected = theirs(Bent(), x, [*levels, 0.0])
    assert (last.x0 - expected).norm() <= 1e-6 * expected.norm()  # the levels are float32


def error(sampler: str, steps: int) -> float:
    """Against the ODE's own solution, at the last noise level."""
    wiener = gaussian()
    sigmas = edm_sigmas(steps, 0.05, 20.0).double()
    x = 20.0 * torch.randn(4, 1, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    *_, last = trajectory(wiener, x, sigmas, clip=False, sampler=sampler)
    truth = exact(wiener, x, sigmas[0].item(), sigmas[-1].item())
    return float((last.x - truth).norm() / truth.norm())


@pytest.mark.parametrize(("sampler", "order"), [("ddim", 1), ("heun", 2), ("dpm2m", 2)])
def test_on_gaussian_data_the_error_falls_with_the_order_of_the_sampler(sampler, order):
    errors = [error(sampler, steps) for steps in (81, 161, 321)]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize(("sampler", "calls"), [("ddim", 10), ("heun", 19), ("dpm2m", 10)])
def test_a_sampler_calls_the_denoiser_as_often_as_it_says(sampler, calls):
    seen = []

    class Counting(Denoiser):
        def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
            seen.append(sigma[0].item())
            return x / 2

    sample(Counting(), NOISE, SCHEDULE.leading(10), sampler=sampler)
    assert len(seen) == calls


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_trajectory_keeps_the_type_of_x_and_lists_are_noise_levels_too(sampler, dtype):
    steps = list(trajectory(Bent(), NOISE.to(dtype), [3, 2, 1], sampler=sampler))
    assert [step.sigma.item() for step in steps] == [3, 2, 1]
    assert {part.dtype for step in steps for part in (step.x, step.x0)} == {dtype}
    assert all(torch.equal(step.x0, Bent()(step.x, step.sigma)) for step in steps)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_image_does_not_depend_on_the_batch(sampler):
    both = sample(Bent(), NOISE, SCHEDULE.leading(10), sampler=sampler)
    assert torch.equal(both[1:2], sample(Bent(), NOISE[1:2], SCHEDULE.leading(10), sampler=sampler))


def test_ddim_is_the_default_and_its_numbers_are_those_of_its_one_line():
    sigmas = SCHEDULE.leading(10)
    x = start(NOISE, sigmas[0])
    for here, there in pairwise(sigmas):
        x0 = Bent()(x, here)
        x = x0.clamp(-1, 1) + (there / here) * (x - x0)
    assert torch.equal(sample(Bent(), NOISE, sigmas), Bent()(x, sigmas[-1]))


def test_an_unknown_sampler_is_named():
    with pytest.raises(ValueError, match="sampler: want one of ddim, heun, dpm2m, got 'euler'"):
        sample(Bent(), NOISE, SCHEDULE.leading(10), sampler="euler")


@pytest.mark.parametrize("call", [sample, lambda *args, **kw: next(trajectory(*args, **kw))])
@pytest.mark.parametrize(
    ("bad", "want"),
    [([2.0, 1.0, 0.0], "leave it out"), ([2.0, math.nan], "strictly decreasing"), ([-1.0], "leave it out"),
     ([], "strictly decreasing"), (3.0, "strictly decreasing")],
)  # fmt: skip
def test_noise_levels_that_end_at_zero_or_do_not_fall_are_refused_before_any_call(call, bad, want):
    class Never(Denoiser):
        def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
            raise AssertionError

    with pytest.raises(ValueError, match=want):
        call(Never(), NOISE, bad)
