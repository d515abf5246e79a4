"""Denoisers whose sensitivity is known: what tests of fields measure."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from locality import Denoiser
from locality.denoisers import NetworkDenoiser

KERNEL = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Planted(Denoiser):
    """A linear convolution with a known kernel."""

    def __init__(self, kernel: Tensor = KERNEL, circular: bool = False) -> None:
        super().__init__()
        self.mode = "circular" if circular else "constant"
        self.register_buffer("kernel", kernel)
        self.batches: list[int] = []

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.batches.append(len(x))
        padded = nn.functional.pad(x, (1, 1, 1, 1), mode=self.mode)
        return nn.functional.conv2d(padded, self.kernel.to(x))


class WithoutClosedForm(Denoiser):
    """Another denoiser, its closed form hidden."""

    def __init__(self, inner: Denoiser) -> None:
        super().__init__()
        self.inner = inner

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return self.inner(x, sigma)


class Net(nn.Module):
    """A small network without symmetry: two convolutions and a dense layer."""

    def __init__(self, channels: int = 3, size: int = 6) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(channels, 8, 3, padding=1), nn.Conv2d(8, channels, 3, padding=1)
        self.dense = nn.Linear(channels * size * size, channels * size * size)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        local = self.last(torch.tanh(self.first(x) + t[:, None, None, None] / 1000))
        return local + 0.1 * torch.tanh(self.dense(x.flatten(1))).reshape(x.shape)


def network(channels: int = 3, size: int = 6, seed: int = 0) -> NetworkDenoiser:
    """The small network in double precision, as a denoiser."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return NetworkDenoiser(Net(channels, size).double(), image_shape=(channels, size, size)).eval()
