"""Networks of EDM, of flow matching and of continuous time: linear ones, whose denoiser is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from locality import NoiseSchedule
from locality.denoisers import EDMDenoiser, FlowDenoiser, NetworkDenoiser

STD = 0.7  # of white Gaussian images: D(x, sigma) = STD^2 / (STD^2 + sigma^2) x
X = torch.randn(4, 2, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SIGMA = torch.tensor([0.011, 0.3, 2.0, 70.0], dtype=torch.float64)


def wide(value: Tensor) -> Tensor:
    return value[:, None, None, None]


def truth(x: Tensor, sigma: Tensor) -> Tensor:
    return STD**2 / (STD**2 + wide(sigma) ** 2) * x


class Linear(nn.Module):
    """A network that multiplies its input by a function of its time."""

    def __init__(self, factor) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        assert time.shape == (len(x),)
        return wide(self.factor(time)) * x


def test_edm_with_the_images_own_deviation_needs_no_network():
    denoiser = EDMDenoiser(Linear(torch.zeros_like), STD)
    assert torch.allclose(denoiser(X, SIGMA), truth(X, SIGMA), rtol=1e-12)


@pytest.mark.parametrize("sigma_data", [0.5, 1.0])
def test_edm_reads_the_network_that_is_best_for_another_deviation(sigma_data):
    # F's target at c_in x is (x0 - c_skip x) / c_out, linear in x; here in terms of sigma = exp(4 c_noise).
    def factor(c_noise: Tensor) -> Tensor:
        sigma = (4 * c_noise).exp()
        total = sigma**2 + sigma_data**2
        gain = STD**2 / (STD**2 + sigma**2)
        return (gain - sigma_data**2 / total) * total / (sigma * sigma_data)

    assert torch.allclose(EDMDenoiser(Linear(factor), sigma_data)(X, SIGMA), truth(X, SIGMA), rtol=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_flow_matching_reads_the_velocity_of_gaussian_data(scale):
    # u = E[noise - x0 | x_t] = (t - (1 - t) STD^2) / ((1 - t)^2 STD^2 + t^2) x_t
    def factor(time: Tensor) -> Tensor:
        t = time / scale
        return (t - (1 - t) * STD**2) / ((1 - t) ** 2 * STD**2 + t**2)

    assert torch.allclose(FlowDenoiser(Linear(factor), scale)(X, SIGMA), truth(X, SIGMA), rtol=1e-9)


def noise_network(schedule: NoiseSchedule) -> Linear:
    """The best noise estimate from x_vp, by whatever noise level the time stands for."""

    def factor(t: Tensor) -> Tensor:
        levels = np.interp(t.numpy(), range(len(schedule)), schedule.sigmas.log().numpy())
        sigma = torch.from_numpy(np.exp(levels))
        return sigma * (1 + sigma**2).sqrt() / (STD**2 + sigma**2)  # eps = sigma x / (STD^2 + sigma^2)

    return Linear(factor)


def test_a_continuous_network_is_exact_between_whole_steps_and_a_snapped_one_is_not():
    schedule = NoiseSchedule.ddpm(50, 1e-4, 0.3)
    between = (schedule.sigmas[[0, 10, 20, 40]] * schedule.sigmas[[1, 11, 21, 41]]).sqrt()
    net = noise_network(schedule)
    smooth = NetworkDenoiser(net, schedule, continuous=True)(X, between)
    assert torch.allclose(smooth, truth(X, between), rtol=1e-6)
    snapped = NetworkDenoiser(net, schedule)(X, between)
    assert (snapped - truth(X, between)).norm() > 1e-3 * smooth.norm()


def test_time_inverts_sigma_and_ends_at_the_ends():
    schedule = NoiseSchedule.ddpm()
    t = torch.arange(1000)
    assert torch.allclose(schedule.time(schedule.sigmas), t.double(), atol=1e-9)
    levels = torch.logspace(-3, 3, 50, dtype=torch.float64)
    expected = np.interp(levels.log().numpy(), schedule.sigmas.log().numpy(), t.numpy())
    assert np.allclose(schedule.time(levels).numpy(), expected, atol=1e-9)
    assert schedule.time(1.0).shape == ()
    assert NoiseSchedule.ddpm(1).time(torch.ones(2)).tolist() == [0, 0]


@pytest.mark.parametrize("make", [EDMDenoiser, FlowDenoiser])
def test_an_output_object_and_another_type_of_weights_are_taken(make):
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 1, dtype=torch.bfloat16)

        def forward(self, x: Tensor, time: Tensor) -> object:
            assert x.dtype == time.dtype == torch.bfloat16
            return type("Output", (), {"sample": self.conv(x)})

    denoiser = make(Half(), image_shape=(2, 3, 3))
    assert denoiser(X, 1.0).dtype == torch.float64
    with pytest.raises(ValueError, match="x: want images"):
        denoiser(X[:, :1], 1.0)
    with pytest.raises(ValueError, match="want a number above 0, got 0"):
        make(Half(), 0)
