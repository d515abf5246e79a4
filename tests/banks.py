"""Banks of real images for tests: photographs and digits that come with the installed libraries."""

from __future__ import annotations

import functools

import skimage.data
import skimage.transform
import sklearn.datasets
import torch
from torch import Tensor

from locality import NoiseSchedule
from locality.bank import to_float

TIMESTEPS = [0, 20, 100, 300, 500, 700, 900, 999]


@functools.cache
def photographs(size: int = 16, count: int = 200, channels: int = 3) -> Tensor:
    """[count, channels, size, size] uint8: crops of photographs at half size, drawn with a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    crops = []
    pictures = [torch.as_tensor(getattr(skimage.data, name)()) for name in ("astronaut", "coffee", "chelsea")]
    for k in range(count):
        picture = pictures[k % len(pictures)][::2, ::2]
        top = int(torch.randint(picture.shape[0] - size, (), generator=generator))
        left = int(torch.randint(picture.shape[1] - size, (), generator=generator))
        crops.append(picture[top : top + size, left : left + size].permute(2, 0, 1))
    images = torch.stack(crops)
    return images if channels == 3 else images.float().mean(1, keepdim=True).round().to(torch.uint8)


@functools.cache
def digits(count: int = 300) -> Tensor:
    """[count, 1, 8, 8] float32 in [-1, 1]: many coordinates are nearly constant."""
    return torch.as_tensor(sklearn.datasets.load_digits().images[:count, None] / 8 - 1, dtype=torch.float32)


def with_near_duplicates(images: Tensor) -> Tensor:
    """The images (uint8), and copies that differ by one grey level at a few inputs."""
    copies = images[:20].clone().flatten(1)
    generator = torch.Generator().manual_seed(1)
    for row in copies:
        where = torch.randint(copies.shape[1], (5,), generator=generator)
        row[where] = torch.where(row[where] < 255, row[where] + 1, row[where] - 1)
    return torch.cat([images, copies.reshape(-1, *images.shape[1:])])


def crowded(copies: int) -> Tensor:
    """[15 copies, 3, 4, 4] float64: images so alike that several compete at any noise."""
    generator = torch.Generator().manual_seed(3)
    images = to_float(photographs(4, 15), torch.float64).repeat(copies, 1, 1, 1)
    return images + 0.02 * torch.randn(images.shape, generator=generator, dtype=torch.float64)


def noisy(images: Tensor, t: int, count: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The first images, float32, with the noise of a time-step: x [count, C, H, W], sigma [count]."""
    clean = images[:count].float()
    clean = clean / 127.5 - 1 if images.dtype == torch.uint8 else clean
    sigma = NoiseSchedule.ddpm().sigma(t).expand(count)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    return clean + sigma[:, None, None, None] * noise, sigma


def relative(a: Tensor, b: Tensor) -> float:
    """The distance of a from b over the length of b."""
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


BANKS = {
    "photographs": lambda: photographs(),
    "digits": lambda: digits(),
    "near-duplicates": lambda: with_near_duplicates(photographs(8)),
}
