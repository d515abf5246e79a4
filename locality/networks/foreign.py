"""Networks that diffusers has saved: a folder or an id at the hub, read with their own noise schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from locality.denoisers.network import Prediction
from locality.networks.weights import fill, read_weights, refuse_pointer, unwrapped
from locality.schedule import NoiseSchedule
from locality.sums import check_sums

PREFIX = "hub:"  # of an id where a path would do as well
SAVED, PICKLED = "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"
_HOME = "locality.networks.foreign"


def hub(
    image_shape: Sequence[int],  # (C, H, W)
    pretrained: str,  # a folder of a DDPMPipeline or a UNet2DModel, or an id at the hub
) -> nn.Module:
    """The network with its weights: `net(x_vp, t).sample`. Raises ValueError for one that cannot be read.

    A network of another number of channels, or of another size of images than it was saved for, is refused.
    """
    found = _found(pretrained)
    check_sums(found)  # where there are any: the folder was written here
    folder = _unet(found)
    config = _config(folder)
    wanted = shape_of(config)
    if wanted != tuple(image_shape):
        raise ValueError(
            f"pretrained={pretrained}: for images {wanted}, and the data have {tuple(image_shape)}"
        )
    net = configured(image_shape, config)
    state = unwrapped(_state(folder))
    # Weights of before diffusers renamed those of its attention; a method of every network of diffusers.
    net._fix_state_dict_keys_on_load(state)  # type: ignore[operator]
    fill(net, state, folder)
    return net.eval()


def hub_schedule(pretrained: str) -> NoiseSchedule:
    """The noise levels of its own scheduler; DDPM's for a network that was saved without one."""
    return scheduled(scheduler_config(_found(pretrained)))


def hub_prediction(pretrained: str) -> Prediction:
    """What the network puts out, as its scheduler says; the noise, for a network saved without one."""
    return cast(Prediction, scheduler_config(_found(pretrained)).get("prediction_type", "epsilon"))


def configured(
    image_shape: Sequence[int],  # (C, H, W)
    config: Mapping[str, Any],  # of a UNet2DModel
) -> nn.Module:
    """The network of a config, with random weights."""
    from diffusers import UNet2DModel

    if shape_of(config) != tuple(image_shape):
        raise ValueError(f"config: for images {shape_of(config)}, and the data have {tuple(image_shape)}")
    try:
        return cast(nn.Module, UNet2DModel.from_config(dict(config)))
    except Exception as error:  # diffusers checks little: whatever it stumbles over is in the config
        raise ValueError(f"config: no U-Net of diffusers can be made of it ({_reason(error)})") from error


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
    try:
        bars = cast(torch.Tensor, DDPMScheduler.from_config(known).alphas_cumprod)
    except Exception as error:  # as with networks
        raise ValueError(f"scheduler: no betas can be made of its config ({_reason(error)})") from error
    return NoiseSchedule(bars)


def settled(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model config that names a foreign network, as one that needs no folder but this config's own weights.

    Any other comes back as it is.
    """
    pretrained = model.get("network", {}).get("pretrained")
    if pretrained is None:
        return dict(model)
    found, plain = _found(pretrained), {"_convert_": "all"}
    network = {"_target_": f"{_HOME}.configured", **plain, "_partial_": True, "config": _config(_unet(found))}
    schedule = {"_target_": f"{_HOME}.scheduled", **plain, "config": scheduler_config(found)}
    return {**model, "network": network, "schedule": schedule, "prediction": hub_prediction(pretrained)}


def is_foreign(path: str | Path) -> bool:
    """Whether this is a folder that diffusers saved, sound or damaged, or `hub:<id>`."""
    return str(path).startswith(PREFIX) or any(
        (Path(path) / name).is_file() for name in ("model_index.json", "config.json")
    )


def image_shape_of(pretrained: str | Path) -> tuple[int, int, int]:
    """(C, H, W) of the images that a foreign network is for."""
    return shape_of(_config(_unet(_found(pretrained))))


def shape_of(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """(C, H, W), of a UNet2DModel's config."""
    missing = {"in_channels", "out_channels", "sample_size"} - config.keys()
    if missing:
        raise ValueError(f"a network's config that says no {', '.join(sorted(missing))}; get it again")
    count, size = config["in_channels"], config["sample_size"]
    if size is None:
        raise ValueError("a network that does not say its sample_size; set it in its config.json")
    shape = (count, *size) if isinstance(size, list | tuple) else (count, size, size)
    if len(shape) != 3 or not all(isinstance(side, int) and side > 0 for side in shape):
        raise ValueError(f"want in_channels and sample_size in whole numbers, got {count!r} and {size!r}")
    return shape


def _found(pretrained: str | Path | None) -> Path:
    """The folder, fetched from the hub if need be."""
    name = str(pretrained or "").removeprefix(PREFIX)
    if not name:
        raise ValueError(
            f"pretrained={pretrained}: want a folder that diffusers saved, or {PREFIX}<an id at the hub>"
        )
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
    if (folder / "model_index.json").is_file():
        _json(folder / "model_index.json")  # nothing of it is needed, but a broken one says that more may be
    return folder / "unet" if (folder / "unet").is_dir() else folder  # older pipelines lie flat


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    config = _json(path) if path.is_file() else {}
    if config.get("_class_name") != "UNet2DModel":
        raise ValueError(f"{folder}: want a UNet2DModel of diffusers, got {config.get('_class_name')}")
    if config.get("class_embed_type") or config.get("num_class_embeds"):
        raise ValueError(f"{folder}: a network of classes; want one that takes images and time-steps only")
    shape_of(config)
    if config["in_channels"] != config["out_channels"]:
        raise ValueError(f"{folder}: puts out {config['out_channels']} channels for {config['in_channels']}")
    return config


def scheduler_config(folder: Path) -> dict[str, Any]:
    """What a folder that diffusers saved says of its scheduler; empty where it says nothing."""
    for path in (folder / "scheduler" / "scheduler_config.json", folder / "scheduler_config.json"):
        if path.is_file():
            return _json(path)
    return {}


def _json(path: Path) -> dict[str, Any]:
    refuse_pointer(path)
    try:
        content = json.loads(path.read_text())
    except (ValueError, RecursionError) as error:  # JSON's own and that of bytes that are no text
        raise ValueError(f"{path}: want JSON, got a broken file ({_reason(error)}); get it again") from error
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{path}: want names and values in JSON, got {str(content)[:40]}; get it again")
    return content


def _state(folder: Path) -> dict[str, torch.Tensor]:
    """The weights of a network: in one file, or in several that an index lists."""
    for name in (SAVED, PICKLED):
        if (folder / name).is_file():
            return read_weights(folder / name)
    index = folder / f"{SAVED}.index.json"
    if not index.is_file():
        raise ValueError(f"{folder}: no weights there; want {SAVED} or {PICKLED}")
    places = _json(index).get("weight_map")
    files = sorted(set(map(str, places.values()))) if isinstance(places, dict) else []
    if not files or any(Path(name).name != name for name in files):
        raise ValueError(f"{index}: want a weight_map of files beside it; get it again")
    return {name: value for file in files for name, value in read_weights(folder / file).items()}


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
