"""A trained network written as a folder that plain diffusers loads and samples from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from locality.denoisers.network import NetworkDenoiser
from locality.sums import write_sums


def save_pipeline(denoiser: NetworkDenoiser, folder: str | Path) -> None:
    """Write a `DDIMPipeline`: `DDIMPipeline.from_pretrained(folder)(num_inference_steps=10, eta=0.0)`.

    Its samples are those of `locality.sample` from the same noise, clipped to [-1, 1]: "leading" time-steps,
    the estimate clipped inside a step. Raises ValueError for a network that is no U-Net of diffusers.
    """
    from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

    net = denoiser.net
    if not isinstance(net, UNet2DModel):
        raise ValueError(f"format=diffusers: want a U-Net of diffusers, got {type(net).__name__}")
    bars = denoiser.schedule.alpha_bars
    betas = 1 - bars / torch.cat([bars.new_ones(1), bars[:-1]])
    scheduler = DDIMScheduler(
        num_train_timesteps=len(bars),
        trained_betas=betas.tolist(),
        prediction_type=denoiser.prediction,
        timestep_spacing="leading",
        clip_sample=True,
        set_alpha_to_one=True,
    )
    pipeline: Any = DDIMPipeline(net, scheduler)
    pipeline.save_pretrained(str(folder))
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    write_sums(Path(folder), [path.relative_to(folder).as_posix() for path in files])
