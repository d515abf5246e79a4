"""Our denoisers in other people's packages: each test runs where its package is installed, and all in CI."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest
import torch
from torch import Tensor

from locality import Denoiser, ImageBank, edm_sigmas, in_unit_range, trajectory
from locality.denoisers import Optimal, Wiener

SHAPE = (1, 8, 8)
IMAGES = torch.rand(60, *SHAPE, generator=torch.Generator().manual_seed(0)).cumsum(-1) / 4 - 1
NOISE = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(1))
MAKERS = {"wiener": Wiener.fit, "optimal": Optimal.fit}


def package(name: str) -> ModuleType:
    """One of tests/clients.txt, or a skip where there is none."""
    if os.environ.get("LOCALITY_CLIENTS"):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason="not there: make clients", exc_type=ImportError)


@pytest.fixture(params=MAKERS)
def denoiser(request: pytest.FixtureRequest) -> Denoiser:
    return MAKERS[request.param](ImageBank(IMAGES))


@pytest.mark.parametrize(("theirs", "ours"), [("euler", "ddim"), ("heun", "heun"), ("dpmpp_2m", "dpm2m")])
def test_k_diffusion_samples_with_a_denoiser_and_comes_to_our_samples(denoiser, theirs, ours):
    k_diffusion = package("k_diffusion")
    sigmas = edm_sigmas(10, 0.05, 20)
    x = 20 * NOISE
    found = getattr(k_diffusion.sampling, f"sample_{theirs}")(
        denoiser, x, torch.cat([sigmas, torch.zeros(1)]), disable=True
    )
    *_, last = trajectory(denoiser, x, sigmas, clip=False, sampler=ours)
    assert (found - last.x0).norm() <= 1e-4 * found.norm()


def test_deepinv_restores_by_plug_and_play(denoiser):
    deepinv = package("deepinv")
    clean = (IMAGES[:2] + 1) / 2
    mask = (torch.rand(SHAPE, generator=torch.Generator().manual_seed(2)) > 0.4).float()
    physics = deepinv.physics.Inpainting(img_size=SHAPE, mask=mask)
    measured = physics(clean)
    solver = deepinv.optim.optim_builder(
        iteration="PGD",
        prior=deepinv.optim.PnP(denoiser=in_unit_range(denoiser)),
        data_fidelity=deepinv.optim.L2(),
        max_iter=30,
        params_algo={"stepsize": 1.0, "g_param": 0.1},
    )
    restored = solver(measured, physics)
    assert (restored - clean).norm() < 0.7 * (measured - clean).norm()


def test_smalldiffusion_samples_with_a_denoiser_and_comes_to_our_samples(denoiser):
    theirs = package("smalldiffusion")

    class Model(torch.nn.Module, theirs.ModelMixin):  # type: ignore[name-defined]
        """Their models put out the noise."""

        def forward(self, x: Tensor, sigma: Tensor, cond: None = None) -> Tensor:
            return (x - denoiser(x, sigma)) / sigma

        def rand_input(self, batchsize: int) -> Tensor:
            return torch.zeros(batchsize, *SHAPE)  # asked for even where it counts for nothing

    sigmas = edm_sigmas(10, 0.05, 20)
    *_, found = theirs.samples(Model(), torch.cat([sigmas, torch.zeros(1)]), xt=20 * NOISE)
    *_, last = trajectory(denoiser, 20 * NOISE, sigmas, clip=False)
    assert (found.cpu() - last.x0).norm() <= 1e-4 * found.norm()
