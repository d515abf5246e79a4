"""The schedule against diffusers' schedulers."""

from __future__ import annotations

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, EDMEulerScheduler

from locality import NoiseSchedule, edm_sigmas

SCHEDULE = NoiseSchedule.ddpm()


def test_alpha_bars_equal_those_of_diffusers_ddpm():
    theirs = DDPMScheduler(num_train_timesteps=1000).alphas_cumprod.double()
    assert torch.allclose(SCHEDULE.alpha_bars, theirs, rtol=0, atol=1e-6)


def test_noising_in_our_coordinates_is_diffusers_add_noise_up_to_scale():
    x0, noise = torch.randn(2, 1000, 3, 2, 2, generator=torch.Generator().manual_seed(0)).unbind()
    t = torch.arange(1000)
    sigma = SCHEDULE.sigma(t)[:, None, None, None]
    ours = (x0 + sigma * noise) * SCHEDULE.alpha_bar(sigma).sqrt()
    theirs = DDPMScheduler(num_train_timesteps=1000).add_noise(x0, noise, t)
    assert torch.allclose(ours, theirs, atol=2e-5)


def test_sigma_matches_the_published_values():
    expected = [0.0100, 0.342, 0.724, 1.24, 2.04, 3.44, 6.17, 12.0, 25.7, 60.8, 157.0]
    got = SCHEDULE.sigma([*range(0, 1000, 100), 999]).tolist()
    assert all(math.isclose(a, b, rel_tol=5e-3) for a, b in zip(got, expected, strict=True))


def test_timestep_inverts_sigma_and_rounds_in_log_sigma():
    t = torch.arange(1000)
    assert torch.equal(SCHEDULE.timestep(SCHEDULE.sigma(t)), t)
    between = (SCHEDULE.sigmas[400] * SCHEDULE.sigmas[401]).sqrt()
    assert SCHEDULE.timestep(between * 1.0001) == 401
    assert SCHEDULE.timestep(between * 0.9999) == 400
    assert SCHEDULE.timestep(torch.tensor([1e-9, 1e9])).tolist() == [0, 999]


def test_alpha_bar_inverts_the_definition_of_sigma():
    assert torch.allclose(SCHEDULE.alpha_bar(SCHEDULE.sigmas), SCHEDULE.alpha_bars, rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 7, 10, 50, 1000])
def test_leading_spacing_equals_diffusers(steps):
    scheduler = DDIMScheduler(num_train_timesteps=1000, timestep_spacing="leading")
    scheduler.set_timesteps(steps)
    assert SCHEDULE.leading_timesteps(steps) == scheduler.timesteps.tolist()
    assert torch.equal(SCHEDULE.leading(steps), SCHEDULE.sigma(scheduler.timesteps))


@pytest.mark.parametrize("length", [37, 1000])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_every_spacing_of_every_length_is_that_of_diffusers(spacing, length):
    schedule = NoiseSchedule.ddpm(length)
    scheduler = DDIMScheduler(num_train_timesteps=length, timestep_spacing=spacing)
    for steps in range(1, length + 1, 1 if length < 100 else 7):
        scheduler.set_timesteps(steps)
        ours = getattr(schedule, f"{spacing}_timesteps")(steps)
        assert ours == scheduler.timesteps.tolist()[:steps]  # theirs may go on to -1
        assert torch.equal(getattr(schedule, spacing)(steps), schedule.sigma(ours))


@pytest.mark.parametrize("steps", [0, 1001])
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_a_spacing_wants_no_more_steps_than_there_are(spacing, steps):
    with pytest.raises(ValueError, match=f"steps: want 1 to 1000, got {steps}"):
        getattr(SCHEDULE, spacing)(steps)


def test_the_noise_levels_of_edm_are_its_equation_5_and_those_of_diffusers():
    sigmas = edm_sigmas(18)
    low, high, rho = 0.002, 80.0, 7.0
    for i in range(18):
        by_hand = (high ** (1 / rho) + i / 17 * (low ** (1 / rho) - high ** (1 / rho))) ** rho
        assert sigmas[i].item() == pytest.approx(by_hand, rel=1e-6)
    scheduler = EDMEulerScheduler()
    scheduler.set_timesteps(18)
    assert torch.allclose(sigmas, scheduler.sigmas[:-1], rtol=1e-5)


def test_rho_of_one_is_even_spacing_and_one_step_starts_at_the_top():
    assert torch.allclose(edm_sigmas(5, 1, 3, rho=1), torch.tensor([3, 2.5, 2, 1.5, 1]))
    assert edm_sigmas(1).tolist() == [80.0]


@pytest.mark.parametrize(
    "bad", [{"steps": 0}, {"lowest": 0}, {"lowest": 90}, {"rho": 0}, {"highest": math.nan}]
)
def test_noise_levels_of_edm_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="edm_sigmas: want steps from 1"):
        edm_sigmas(**{"steps": 5, **bad})


@pytest.mark.parametrize("bad", [-1, 1000, 2.5])
def test_a_time_step_off_the_schedule_is_named(bad):
    with pytest.raises(ValueError, match="t: want whole time-steps from 0 to 999"):
        SCHEDULE.sigma(bad)


def test_a_schedule_must_decrease():
    with pytest.raises(ValueError, match="alpha_bars"):
        NoiseSchedule(torch.tensor([0.5, 0.6]))
