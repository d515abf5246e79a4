"""`locality.check` names what a denoiser of one's own breaks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import locality
from locality import Denoiser
from locality.denoisers import PCALocality, contract

SHAPE = torch.Size((1, 6, 6))


class Shrink(Denoiser):
    """One that keeps every rule; the others each break one."""

    image_shape = SHAPE

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x / (1 + sigma[:, None, None, None] ** 2)


class Flat(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x, sigma).flatten(1)


class Broadcast(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x * sigma


class Short(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x, sigma).float()


class Infinite(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x, sigma) / (sigma > 1)[:, None, None, None]


class Coarse(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x.half().to(x) if x.dtype == torch.float32 else x, sigma)


class Normalised(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x - x.mean(0), sigma)


class Detached(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return super().estimate(x.detach(), sigma)


class HalfDetached(Shrink):
    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        out = super().estimate(x, sigma)
        return out + out.detach()


class Forgetful(Shrink):
    """Its parameter counts in single precision alone."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((), 2.0))

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        out = super().estimate(x, sigma)
        return out * (self.scale if self.scale.dtype == torch.float32 else 1.0)


BROKEN = {
    Broadcast: "shape_and_type: want an estimate, got RuntimeError: ",
    Flat: "estimate: want torch.float32 (5, 1, 6, 6), as x has, got torch.float32 (5, 36)",
    Short: "estimate: want torch.float64 (5, 1, 6, 6), as x has, got torch.float32 (5, 1, 6, 6)",
    Infinite: "estimate: want finite numbers, got NaN or infinity at sigma 0.05",
    Coarse: "estimate: want float32 and float64 to agree",
    Normalised: "estimate: want an image alone and in a batch to agree",
    Detached: "estimate: want a gradient in x, got none",
    HalfDetached: "jacobian: want what finite differences give",
    Forgetful: "estimate: want a copy in float64 and the denoiser to agree",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_rule_is_named_in_one_line(kind):
    with pytest.raises(contract.ContractBroken) as told:
        locality.check(kind())
    assert str(told.value).startswith(BROKEN[kind])
    assert "\n" not in str(told.value)


def test_a_denoiser_that_keeps_the_contract_is_told_nothing(bank):
    assert locality.check(Shrink()) is None
    assert locality.check(PCALocality.fit(bank), next(bank.chunks(5))) is None


def test_what_is_no_denoiser_is_refused():
    with pytest.raises(ValueError, match="denoiser: want a Denoiser, got Linear"):
        locality.check(nn.Linear(2, 2))
