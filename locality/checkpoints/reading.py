"""From a run folder, a checkpoint file, an exported network or a folder of diffusers to a denoiser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from hydra.utils import get_class
from safetensors import SafetensorError

from locality import build
from locality.checkpoints.exported import read_exported
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import fitted, keeping
from locality.networks.foreign import hub, image_shape_of, is_foreign, settled
from locality.runs.files import CHECKPOINT, is_exported
from locality.runs.finding import UNREADABLE, leave_out, training_run
from locality.statistics import GaussianStats


def load(
    path: str | Path,  # runs/<run>, pretrained/<name>, a .ckpt file, a folder of diffusers, or hub:<id>
    cache: str | Path | None = None,  # a folder for statistics, should they have to be measured again
) -> Denoiser:
    """The finished denoiser of a run, ready to use. A network comes with its averaged weights.

    Raises UsageError where there is no checkpoint, or where the images that a denoiser is rebuilt from have
    changed.
    """
    return rebuilt(read(path), path, cache)


def rebuilt(
    checkpoint: dict[str, Any],  # of `read`
    path: str | Path,  # where it is from, for messages
    cache: str | Path | None = None,
) -> Denoiser:
    """The denoiser of a checkpoint that has been read; the rest as in `load`."""
    recipe = checkpoint["hyper_parameters"]
    module = build.module(recipe["model"], tuple(recipe["image_shape"]))
    kept = checkpoint.get("denoiser")
    if kept is None:
        module.load_state_dict(checkpoint["state_dict"])
        return module.denoiser.eval()
    if "class" in kept:
        kind: Any = get_class(kept["class"])
        return kind.from_state(checkpoint["state_dict"], recipe["image_shape"]).eval()
    bank = build.datamodule(recipe["data"], ["train"]).bank("train")
    if bank.fingerprint != kept["fingerprint"]:
        raise UsageError(
            f"{path}: the images have changed since the fit (fingerprint {bank.fingerprint}, was "
            f"{kept['fingerprint']}); fit again with train.py"
        )
    fit = keeping(module.fit, cache)  # type: ignore[arg-type]
    return fitted(fit, bank, lambda: GaussianStats.measured(bank, cache)).eval()


def read(path: str | Path) -> dict[str, Any]:
    """The checkpoint of whatever `load` takes, as plain containers and tensors.

    `hyper_parameters` is the recipe: `model`, `data` (None for a foreign network) and `image_shape`.
    The folder of an evaluation stands for the run that it evaluated. Raises UsageError.
    """
    path = training_run(Path(path))
    if is_exported(path):
        return read_exported(path)
    if is_foreign(path):
        return _foreign(path)
    file = path / CHECKPOINT if path.is_dir() else path
    if not file.is_file():
        raise UsageError(
            f"checkpoint={path}: no checkpoint there; want runs/<run>, pretrained/<name>, a .ckpt file, "
            "a folder that diffusers saved, or hub:<id>"
        )
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
        content["hyper_parameters"]["image_shape"]
    except (UnpicklingError, RuntimeError, EOFError, OSError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"checkpoint={path}: not a checkpoint of train.py, or damaged") from error
    return content


def sound(path: Path, good: Callable[[Path], object] = read) -> bool:
    """Whether a network that nobody named can be read, and is a good one; the unreadable is told of once."""
    try:
        return bool(good(path))
    except (*UNREADABLE, SafetensorError, RuntimeError) as error:
        leave_out(path, error)
        return False


def calibrations(path: str | Path) -> Path:
    """The folder of what compare=calibrate finds for a checkpoint: beside it, or in an exported network's."""
    path = Path(path).resolve()
    if is_exported(path) or is_foreign(path):
        return path / "calibration"
    return (path / CHECKPOINT if path.is_dir() else path).with_suffix(".calibration")


def _foreign(path: Path) -> dict[str, Any]:
    model = {"_target_": "locality.modules.DDPMModule", "network": {"pretrained": str(path)}}
    try:
        image_shape = image_shape_of(path)
        weights = hub(image_shape, str(path)).state_dict()
        recipe = {"model": settled(model), "data": None, "image_shape": list(image_shape)}
    except ValueError as error:
        raise UsageError(f"checkpoint={path}: {error}") from error
    state = {f"denoiser.net.{name}": value for name, value in weights.items()}
    return {"hyper_parameters": recipe, "state_dict": state}
