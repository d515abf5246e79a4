"""A trained network written as a folder that plain diffusers loads and samples from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from locality.denoisers.network import PLAIN, NetworkDenoiser, Prediction
from locality.schedule import NoiseSchedule
from locality.sums import write_sums


def save_pipeline(denoiser: NetworkDenoiser, folder: str | Path) -> None:
    """Write a `DDIMPipeline`: `DDIMPipeline.from_pretrained(folder)(num_inference_steps=10, eta=0.0)`.

    Its samples are those of `locality.sample` from the same noise, clipped to [-1, 1]: "leading" time-steps,
    the estimate clipped inside a step. Raises ValueError for a network that is no U-Net of diffusers.
    """
    from diffusers import DDIMPipeline, UNet2DModel

    net = denoiser.net
    if not isinstance(net, UNet2DModel):
        inner = type(getattr(net, "net", net)).__name__  # of what asks a network of classes for none
        raise ValueError(f"form=diffusers: want a U-Net of diffusers, got {inner}; form=locality takes any")
    if denoiser.prediction not in PLAIN:
        raise ValueError(
            f"format=diffusers: want a prediction of {', '.join(PLAIN)}, got {denoiser.prediction}"
        )
    scheduler = ddim_scheduler(denoiser.schedule, denoiser.prediction)
    pipeline: Any = DDIMPipeline(net, scheduler)
    pipeline.save_pretrained(str(folder))
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    write_sums(Path(folder), [path.relative_to(folder).as_posix() for path in files])


def ddim_scheduler(schedule: NoiseSchedule, prediction: Prediction = "epsilon") -> Any:
    """The `DDIMScheduler` whose samples are those of `locality.sample`, clipped: "leading" time-steps."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=len(schedule),
        **_betas(schedule),
        prediction_type=prediction,
        timestep_spacing="leading",
        clip_sample=True,
        set_alpha_to_one=True,
    )


def _betas(schedule: NoiseSchedule) -> dict[str, Any]:
    """Two numbers where the betas lie on a line, as DDPM's do; else all of them."""
    betas = schedule.betas
    first, last = (float(f"{beta:.12g}") for beta in (betas[0], betas[-1]))  # free of rounding
    line = torch.linspace(first, last, len(betas), dtype=torch.float64)
    if torch.allclose(betas, line, rtol=1e-9, atol=1e-12):
        return {"beta_schedule": "linear", "beta_start": first, "beta_end": last}
    return {"trained_betas": betas.tolist()}
