"""How good a network is to begin with: its error on held-out images over the Wiener filter's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from locality.bank import to_float
from locality.compare.summary import BAND, Quantity, ratio_in_band
from locality.denoisers.base import Denoiser
from locality.heldout import errors
from locality.modules.base import PROTOCOL_STEPS
from locality.schedule import NoiseSchedule

IMAGES = 32  # test images that networks are judged by, at most


@torch.no_grad()
def beside_wiener(
    denoisers: Mapping[str, Denoiser],
    wiener: Denoiser,
    images: Tensor,  # [N, C, H, W] uint8 or float, held out
    seed: int,  # of the noise, which is that of the comparison's tables
    device: torch.device,
) -> dict[str, Quantity]:
    """The error of each over Wiener's at the noise levels of `BAND`, on the same images and noise."""
    clean = to_float(images[:IMAGES], torch.float32).to(device)
    levels = NoiseSchedule.ddpm().leading(PROTOCOL_STEPS).tolist()
    sigmas = [sigma for sigma in levels if BAND[0] <= sigma <= BAND[1]]

    def found(which: Mapping[str, Denoiser]) -> dict[str, list[Tensor]]:
        there = {name: denoiser.to(device) for name, denoiser in which.items()}
        return errors(there, clean, sigmas, (seed, "test"))

    floor = found({"wiener": wiener})["wiener"]
    return {name: ratio_in_band(values, floor, sigmas) for name, values in found(denoisers).items()}
