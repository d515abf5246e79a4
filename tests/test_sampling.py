"""Our DDIM against diffusers', and the network adapter against the scheduler's own arithmetic."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from locality import Denoiser, NoiseSchedule, sample, trajectory
from locality.denoisers import NetworkDenoiser
from locality.networks import unet
from locality.sampling import start

SCHEDULE = NoiseSchedule.ddpm()


class Contraction(nn.Module):
    """A nonlinear noise predictor, tame enough that rounding is not amplified from step to step."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return 0.9 * x + 0.1 * torch.sin(3 * x.roll(1, -1)) * (t[:, None, None, None] / 1000)


def with_diffusers(net: nn.Module, noise: Tensor, steps: int, clip: bool) -> tuple[list[Tensor], Tensor]:
    """Noisy images (variance-preserving) at each step, and the last step's estimate, by diffusers."""
    scheduler = DDIMScheduler(clip_sample=clip, set_alpha_to_one=True, timestep_spacing="leading")
    scheduler.set_timesteps(steps)
    x, states = noise, []
    for t in scheduler.timesteps:
        states.append(x)
        eps = net(x, t.expand(len(x)))
        out = scheduler.step(eps, t, x, eta=0.0)
        ab = scheduler.alphas_cumprod[t]
        x0 = (x - (1 - ab).sqrt() * eps) / ab.sqrt()
        x = out.prev_sample
    return states, x0


@pytest.mark.parametrize("steps", [10, 50])
@pytest.mark.parametrize("clip", [True, False])
def test_ddim_equals_diffusers(steps, clip):
    noise = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    denoiser = NetworkDenoiser(Contraction(), SCHEDULE)
    sigmas = SCHEDULE.leading(steps)
    states, x0 = with_diffusers(Contraction(), noise, steps, clip)
    ours = list(trajectory(denoiser, start(noise, sigmas[0]), sigmas, clip))
    for step, theirs in zip(ours, states, strict=True):
        mine = step.x * SCHEDULE.alpha_bar(step.sigma).sqrt()
        assert (mine - theirs).norm() <= 1e-5 * theirs.norm()
    assert (ours[-1].x0 - x0).norm() <= 1e-5 * x0.norm()
    assert torch.equal(sample(denoiser, noise, sigmas, clip), ours[-1].x0)


def test_a_unet_of_diffusers_is_read_as_its_scheduler_reads_it():
    torch.manual_seed(0)
    net = unet((3, 8, 8), channels=(32, 32)).eval()
    clean, noise = torch.randn(2, 4, 3, 8, 8).unbind()
    t = torch.tensor([0, 250, 600, 999])
    scheduler = DDIMScheduler(clip_sample=False)
    scheduler.set_timesteps(1000)
    x_vp = scheduler.add_noise(clean, noise, t)
    sigma = SCHEDULE.sigma(t)
    with torch.no_grad():
        ours = NetworkDenoiser(net, SCHEDULE)(
            x_vp / SCHEDULE.alpha_bar(sigma).sqrt()[:, None, None, None], sigma
        )
        eps = net(x_vp, t).sample
    theirs = torch.cat(
        [
            scheduler.step(e[None], int(k), x[None]).pred_original_sample
            for e, k, x in zip(eps, t, x_vp, strict=True)
        ]
    )
    assert (ours - theirs).norm() <= 1e-5 * theirs.norm()


class Shrink(Denoiser):
    """D = 0.5 x."""

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return 0.5 * x


def test_the_estimate_of_a_step_is_unclipped_and_the_next_state_uses_the_clipped_one():
    x = torch.full((1, 1, 1, 1), 6.0)
    first, second = trajectory(Shrink(), x, torch.tensor([2.0, 1.0]))
    assert first.x0.item() == 3.0
    # x' = clip(x0) + (sigma' / sigma) (x - x0) = 1 + 0.5 * 3
    assert second.x.item() == 2.5


def test_gradients_flow_through_a_trajectory():
    x = torch.ones(1, 1, 2, 2, requires_grad=True)
    *_, last = trajectory(Shrink(), x, torch.tensor([2.0, 1.0]), clip=False)
    # x' = 0.5 x + 0.5 (x - 0.5 x) = 0.75 x; D(x') = 0.375 x
    (gradient,) = torch.autograd.grad(last.x0.sum(), x)
    assert torch.allclose(gradient, torch.full_like(gradient, 0.375))


@pytest.mark.parametrize("bad", [[1.0, 2.0], [], [[2.0], [1.0]], [1.0, 1.0]])
def test_noise_levels_must_fall(bad):
    with pytest.raises(ValueError, match="sigmas"):
        next(trajectory(Shrink(), torch.zeros(1, 1, 2, 2), torch.tensor(bad)))


def test_a_unet_that_does_not_fit_the_image_says_so():
    with pytest.raises(ValueError, match="3 levels halve the image 2 times"):
        unet((1, 6, 6))
    with pytest.raises(ValueError, match="multiples of groups=32"):
        unet((1, 8, 8), channels=(48, 48))
