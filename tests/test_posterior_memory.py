"""The memory that a bank denoiser takes above its bank stays within the budget that it was given."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from locality import ImageBank
from locality.denoisers import EquivariantLocalScore, LocalScore, Optimal, PatchComposite, PrecisionDenoiser

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")
BUDGET = 2**26  # 64 MiB
SLACK = 2**25  # what the allocator and the threads keep for themselves

pytestmark = pytest.mark.skipif(not RESET.exists(), reason="reads the high-water mark that Linux keeps")


def high_water() -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def peak_above(denoiser: Callable[..., torch.Tensor], x: torch.Tensor, sigma: float) -> int:
    denoiser(x[:1], sigma)  # compiles, plans, and keeps what it keeps
    gc.collect()
    RESET.write_text("5")
    before = high_water()
    denoiser(x, sigma)
    return high_water() - before


@pytest.mark.parametrize("sigma", [0.3, 3.0, 60.0])
@pytest.mark.parametrize(
    "make",
    [
        Optimal.fit,
        lambda bank, **limits: LocalScore.fit(bank, 5, **limits),
        lambda bank, **limits: PatchComposite.fit(bank, 5, **limits),
        lambda bank, **limits: PrecisionDenoiser(bank, lambda s: torch.rand(784, 784) < 0.3, **limits),
    ],
    ids=["optimal", "local score", "patch composite", "a speckled mask"],
)
def test_the_memory_above_the_bank_stays_within_the_budget(make, sigma):
    bank = ImageBank(torch.randint(0, 256, (6000, 1, 28, 28), dtype=torch.uint8))
    x = torch.randn(32, 1, 28, 28)
    # All distances at once would be 6,000 x 32 x 784 numbers: 1.2 GB in float64, 18 times the budget.
    assert peak_above(make(bank, memory_budget=BUDGET), x, sigma) <= BUDGET + SLACK


def test_every_patch_at_every_location_stays_within_the_budget():
    bank = ImageBank(torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8))
    x = torch.randn(4, 1, 28, 28)
    # All patches unfolded would be 20 x 784 x 81 numbers, and their distances 20 x 784 x 784 x 4 of them.
    denoiser = EquivariantLocalScore.fit(bank, 9, memory_budget=BUDGET)
    assert peak_above(denoiser, x, 1.0) <= BUDGET + SLACK


def test_so_does_its_gradient_on_large_images():
    bank = ImageBank(torch.randint(0, 256, (48, 1, 192, 192), dtype=torch.uint8))
    denoiser = EquivariantLocalScore.fit(bank, 181, "broken", memory_budget=BUDGET)

    def slope(x: torch.Tensor, sigma: float) -> torch.Tensor:
        x = x.requires_grad_()
        return torch.autograd.grad(denoiser(x, sigma).sum(), x)[0]

    assert peak_above(slope, torch.randn(1, 1, 192, 192, dtype=torch.float64), 0.5) <= BUDGET + SLACK
