"""Any denoiser of ours with the schedulers of diffusers: sampled, saved, and read again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from locality.checkpoints.reading import load
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.denoisers.network import NetworkDenoiser
from locality.denoisers.wiener import Wiener
from locality.modules import AnalyticModule
from locality.modules.naming import named, recipe
from locality.networks import save_pipeline
from locality.networks.diffusers_folder import ddim_scheduler
from locality.networks.foreign import scheduler_config
from locality.runs.checkpoint_file import write_checkpoint
from locality.schedule import NoiseSchedule
from locality.shipped import script
from locality.trust import check_recipe
from locality.trust.listed import FITTED

if TYPE_CHECKING:
    from diffusers import SchedulerMixin
    from diffusers.pipelines.pipeline_utils import ImagePipelineOutput

# The only ones that a file can have built; each has a test.
SCHEDULERS = (
    "DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler", "HeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
)  # fmt: skip
DETERMINISTIC = ("HeunDiscreteScheduler",)  # its step takes no generator
NETWORK, FIT, SCHEDULER = "denoiser", "denoiser.ckpt", "scheduler"  # where they lie in a folder


class DenoiserPipeline:
    """A denoiser and a scheduler of diffusers: `pipeline(batch_size=4, num_inference_steps=20).images`.

    It is called, saved and read as a pipeline of diffusers, and is none: those build whatever class a file
    names. A step hands the scheduler what it asks for (`prediction_type`), made of `D(x, sigma)` with
    `x = x_vp sqrt(1 + sigma^2)`. Noise levels between time-steps reach the denoiser as they are.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        scheduler: SchedulerMixin | None = None,  # one of SCHEDULERS; None: DDIM on the denoiser's own levels
        image_shape: Sequence[int] | None = None,  # (C, H, W), for a denoiser that takes any
    ) -> None:
        shape = image_shape or denoiser.image_shape
        if shape is None:
            raise ValueError("image_shape: want (C, H, W), as this denoiser takes images of any")
        self.image_shape = torch.Size(shape)
        self.denoiser = denoiser
        own = denoiser.schedule if isinstance(denoiser, NetworkDenoiser) else NoiseSchedule.ddpm()
        self.scheduler: Any = ddim_scheduler(own) if scheduler is None else scheduler
        _check(self.scheduler)

    @torch.no_grad()
    def __call__(
        self,
        batch_size: int = 1,
        num_inference_steps: int = 50,
        generator: torch.Generator | None = None,  # of the start noise, and of a scheduler that draws
        output_type: str = "pil",  # pil | np | pt, in [0, 1]; latent: as it comes, about [-1, 1]
        noise: Tensor | None = None,  # [B, C, H, W] standard normal, instead of drawing it
    ) -> ImagePipelineOutput:
        """New images, as `.images` of what comes back."""
        from diffusers.image_processor import VaeImageProcessor
        from diffusers.pipelines.pipeline_utils import ImagePipelineOutput

        if noise is None:
            place = None if generator is None else generator.device
            noise = torch.randn(batch_size, *self.image_shape, generator=generator, device=place)
        tensors = chain(self.denoiser.parameters(), self.denoiser.buffers())
        device = next(tensors, noise).device
        self.scheduler.set_timesteps(num_inference_steps, device=device)
        x = noise.to(device) * self.scheduler.init_noise_sigma
        for k, t in enumerate(self.scheduler.timesteps):
            scaled = self.scheduler.scale_model_input(x, t)
            output = self._output(scaled, self._sigma(k, t))
            draws = {} if type(self.scheduler).__name__ in DETERMINISTIC else {"generator": generator}
            x = self.scheduler.step(output, t, x, **draws).prev_sample
        return ImagePipelineOutput(VaeImageProcessor().postprocess(x, output_type))

    def _sigma(self, k: int, t: Tensor) -> Tensor:  # [] of step k, in our coordinates
        if hasattr(self.scheduler, "sigmas"):
            return self.scheduler.sigmas[k]
        signal = self.scheduler.alphas_cumprod[int(t)].double()
        return ((1 - signal) / signal).sqrt()

    def _output(self, x_vp: Tensor, sigma: Tensor) -> Tensor:
        sigma = sigma.to(x_vp)
        scale = (1 + sigma**2).sqrt()  # 1 / sqrt(ab)
        x = x_vp * scale
        x0 = self.denoiser(x, sigma)
        kind = self.scheduler.config.prediction_type
        if kind == "sample":
            return x0
        eps = (x - x0) / sigma
        return eps if kind == "epsilon" else (eps - sigma * x0) / scale

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the denoiser and the scheduler. Raises ValueError for a denoiser that is made of its images.

        A U-Net of diffusers becomes a pipeline that diffusers reads; a Wiener filter, its state.
        """
        folder = Path(folder)
        kind = f"{type(self.denoiser).__module__}.{type(self.denoiser).__qualname__}"
        if isinstance(self.denoiser, NetworkDenoiser):
            save_pipeline(self.denoiser, folder / NETWORK)
        elif kind in FITTED:
            made = recipe(AnalyticModule, self.image_shape, denoiser=named(Wiener.fit))
            content = {
                "hyper_parameters": made,
                "state_dict": self.denoiser.state_dict(),
                "denoiser": {"class": kind},
            }
            folder.mkdir(parents=True, exist_ok=True)
            check_recipe(folder, made, content["denoiser"])
            write_checkpoint(content, folder / FIT)
        else:
            raise ValueError(
                f"save_pretrained: a {type(self.denoiser).__name__} is made of its training images; "
                f"fit it with {script('train')}, and read its run folder with from_pretrained"
            )
        self.scheduler.save_pretrained(str(folder / SCHEDULER))

    @classmethod
    def from_pretrained(
        cls,
        folder: str | Path,  # of save_pretrained, or whatever else `locality.load` takes
        scheduler: SchedulerMixin | None = None,  # instead of the one in the folder
        trust: bool = False,  # true: whatever its recipe names is built, which may run code (docs/trust.md)
    ) -> DenoiserPipeline:
        """Read a pipeline. The scheduler is one of `SCHEDULERS`; where the folder has none, DDIM."""
        where = next(
            (Path(folder) / name for name in (NETWORK, FIT) if (Path(folder) / name).exists()), folder
        )
        denoiser = load(where, trust=trust)
        return cls(denoiser, scheduler or _read_scheduler(Path(folder)))


def _read_scheduler(folder: Path) -> Any:
    """The scheduler in a folder; None where there is none. Raises UsageError for one that is not listed."""
    import diffusers

    try:
        config = scheduler_config(folder)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if not config:
        return None
    name = config.get("_class_name")
    if name not in SCHEDULERS:
        raise UsageError(f"{folder}: want a scheduler among {', '.join(SCHEDULERS)}, got {name!r}")
    try:
        return getattr(diffusers, name).from_config(config)
    except Exception as error:  # diffusers checks little: whatever it stumbles over is in the config
        raise UsageError(f"{folder}: no {name} can be made of its config ({error})") from error


def _check(scheduler: Any) -> None:
    name = type(scheduler).__name__
    if name not in SCHEDULERS or not type(scheduler).__module__.startswith("diffusers."):
        raise ValueError(f"scheduler: want one of diffusers' {', '.join(SCHEDULERS)}, got {name}")
    kind = scheduler.config.prediction_type
    if kind not in ("epsilon", "sample", "v_prediction"):
        raise ValueError(f"scheduler: want prediction_type epsilon, sample or v_prediction, got {kind!r}")
