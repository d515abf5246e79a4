"""Networks that diffusers has saved: a folder or an id at the hub, read with their own noise schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from locality.denoisers.network import Prediction
from locality.schedule import NoiseSchedule

PREFIX = "hub:"  # of an id where a path would do as well
_HOME = "locality.networks.foreign"


def hub(
    image_shape: Sequence[int],  # (C, H, W)
    pretrained: str,  # a folder of a DDPMPipeline or a UNet2DModel, or an id at the hub
) -> nn.Module:
    """The network with its weights: `net(x_vp, t).sample`. Raises ValueError for one that cannot be read.

    A network of another number of channels, or of another size of images than it was saved for, is refused.
    """
    from diffusers import UNet2DModel

    folder = _unet(_found(pretrained))
    wanted = shape_of(_config(folder))
    if wanted != tuple(image_shape):
        raise ValueError(
            f"pretrained={pretrained}: for images {wanted}, and the data have {tuple(image_shape)}"
        )
    return cast(nn.Module, UNet2DModel.from_pretrained(folder, low_cpu_mem_usage=False))


def hub_schedule(pretrained: str) -> NoiseSchedule:
    """The noise levels of its own scheduler; DDPM's for a network that was saved without one."""
    return scheduled(_scheduler(_found(pretrained)))


def hub_prediction(pretrained: str) -> Prediction:
    """What the network puts out, as its scheduler says; the noise, for a network saved without one."""
    return cast(Prediction, _scheduler(_found(pretrained)).get("prediction_type", "epsilon"))


def configured(
    image_shape: Sequence[int],  # (C, H, W)
    config: Mapping[str, Any],  # of a UNet2DModel
) -> nn.Module:
    """The network of a config, with random weights."""
    from diffusers import UNet2DModel

    if shape_of(config) != tuple(image_shape):
        raise ValueError(f"config: for images {shape_of(config)}, and the data have {tuple(image_shape)}")
    return cast(nn.Module, UNet2DModel.from_config(dict(config)))


def scheduled(
    config: Mapping[str, Any],  # of a scheduler of diffusers, its betas in whatever form; empty: DDPM's
) -> NoiseSchedule:
    """The noise levels of a scheduler, by diffusers' own arithmetic."""
    from diffusers import DDPMScheduler

    if not config:
        return NoiseSchedule.ddpm()
    if "beta_schedule" not in config:
        raise ValueError(f"want a scheduler with betas, got {config.get('_class_name')}")
    if config.get("rescale_betas_zero_snr"):
        raise ValueError("a scheduler that ends without signal has no finite noise level; want one that does")
    known = {key: value for key, value in config.items() if not key.startswith("_")}
    return NoiseSchedule(cast(torch.Tensor, DDPMScheduler.from_config(known).alphas_cumprod))


def settled(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model config that names a foreign network, as one that needs no folder but this config's own weights.

    Any other comes back as it is.
    """
    pretrained = model.get("network", {}).get("pretrained")
    if pretrained is None:
        return dict(model)
    found, plain = _found(pretrained), {"_convert_": "all"}
    network = {"_target_": f"{_HOME}.configured", **plain, "_partial_": True, "config": _config(_unet(found))}
    schedule = {"_target_": f"{_HOME}.scheduled", **plain, "config": _scheduler(found)}
    return {**model, "network": network, "schedule": schedule, "prediction": hub_prediction(pretrained)}


def is_foreign(path: str | Path) -> bool:
    """Whether this is a folder that diffusers saved, or `hub:<id>`."""
    folder = Path(path)
    return str(path).startswith(PREFIX) or any(
        (folder / name).is_file() and "_class_name" in json.loads((folder / name).read_text())
        for name in ("model_index.json", "config.json")
    )


def image_shape_of(pretrained: str | Path) -> tuple[int, int, int]:
    """(C, H, W) of the images that a foreign network is for."""
    return shape_of(_config(_unet(_found(pretrained))))


def shape_of(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """(C, H, W), of a UNet2DModel's config."""
    size = config["sample_size"]
    if size is None:
        raise ValueError("a network that does not say its sample_size; set it in its config.json")
    height, width = (size, size) if isinstance(size, int) else size
    return int(config["in_channels"]), int(height), int(width)


def _found(pretrained: str | Path | None) -> Path:
    """The folder, fetched from the hub if need be."""
    if not pretrained:
        raise ValueError("give pretrained=<a folder that diffusers saved, or an id at the hub>")
    name = str(pretrained).removeprefix(PREFIX)
    if Path(name).is_dir():
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.bin"]))
    except (OSError, ValueError) as error:  # no network, no such id, no right to it; no id at all
        raise ValueError(
            f"pretrained={name}: no folder here, and not to be had from the hub "
            f"({type(error).__name__}); give a folder that diffusers saved"
        ) from error


def _unet(folder: Path) -> Path:
    return folder / "unet" if (folder / "unet").is_dir() else folder  # older pipelines lie flat


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    config: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    if config.get("_class_name") != "UNet2DModel":
        raise ValueError(f"{folder}: want a UNet2DModel of diffusers, got {config.get('_class_name')}")
    if config.get("class_embed_type") or config.get("num_class_embeds"):
        raise ValueError(f"{folder}: a network of classes; want one that takes images and time-steps only")
    if config["in_channels"] != config["out_channels"]:
        raise ValueError(f"{folder}: puts out {config['out_channels']} channels for {config['in_channels']}")
    return config


def _scheduler(folder: Path) -> dict[str, Any]:
    for path in (folder / "scheduler" / "scheduler_config.json", folder / "scheduler_config.json"):
        if path.is_file():
            content: dict[str, Any] = json.loads(path.read_text())
            return content
    return {}
