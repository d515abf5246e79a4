"""Figure 4 of the paper: fields of a pixel of the hidden pattern, a row for each strength."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from locality.bank import to_float
from locality.compare.drawing import field_label, headings
from locality.compare.strengths import WIENER, Strength
from locality.denoisers.base import Denoiser
from locality.noise import image_noise
from locality.report import Report
from locality.report.heat import HeatRow, draw_heat
from locality.sampling import sample
from locality.schedule import NoiseSchedule

STEPS = 50  # of DDIM, for the samples
SHOWN = 0  # which sample, and which training image


def draw_figure(report: Report, found: Mapping[float, Strength], threshold: float, seed: int) -> None:
    """`pattern/figure4`: for each gamma a sample and the fields of the first seed, and below Wiener's."""
    rows: dict[str, HeatRow] = {}
    for gamma, one in found.items():
        name, network = next(iter(one.networks.items()))
        marked = (one.snr > threshold).tolist() if gamma > 0 else None
        notes = [f"SNR_W {value:.2g}" for value in one.snr.tolist()] if gamma > 0 else None
        pixel = one.fields[name].pixels[0]
        rows[f"gamma = {gamma:g}\nnetwork"] = HeatRow(
            one.fields[name].maps[:, 0], pixel, _sample(network.denoiser, seed), "a sample", notes, marked
        )
        image = one.data.bank("train").images[SHOWN : SHOWN + 1]
        rows[f"gamma = {gamma:g}\nWiener"] = HeatRow(
            one.fields[WIENER].maps[:, 0],
            pixel,
            to_float(image, torch.float32)[0],
            "a training image",
            notes,
            marked,
        )
    first = next(iter(found.values())).fields[WIENER]
    row, col = pixel
    signed = " with signs" if first.signed else ""
    figure = draw_heat(
        rows, headings(first.sigmas), "Fields of the network and of Wiener, by strength of the pattern",
        field_label(first),
        f"Fields of the pattern's pixel m (row {row}, column {col}), mean{signed} over "
        f"{first.about['count']} noised test images; "
        f"underlined: SNR_W = lam_W / sigma^2 > {threshold:g}.",
        log=True,
    )  # fmt: skip
    report.figure("pattern/figure4", figure)


@torch.no_grad()
def _sample(denoiser: Denoiser, seed: int) -> Tensor:  # [C, H, W]
    assert denoiser.image_shape is not None
    like = next(denoiser.parameters())
    noise = image_noise([SHOWN], denoiser.image_shape, seed, "sample").to(like.device)
    return sample(denoiser, noise, NoiseSchedule.ddpm().leading(STEPS).to(noise))[0]
