"""From a run folder or a checkpoint file back to a denoiser."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from hydra.utils import get_class

from locality import build
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import fitted
from locality.past_runs import training_run
from locality.statistics import GaussianStats

CHECKPOINT = Path("checkpoints") / "last.ckpt"


def load(
    path: str | Path,  # runs/<run>, or a .ckpt file
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
    return fitted(module.fit, bank, lambda: GaussianStats.measured(bank, cache)).eval()  # type: ignore[arg-type]


def read(path: str | Path) -> dict[str, Any]:
    """The checkpoint of a run folder, or of a file, as plain containers and tensors.

    The folder of an evaluation stands for the run that it evaluated. Raises UsageError.
    """
    path = training_run(Path(path))
    file = path / CHECKPOINT if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"checkpoint={path}: no checkpoint there; want runs/<run> or a .ckpt file")
    try:
        content: Any = torch.load(file, map_location="cpu", weights_only=True)
        content["hyper_parameters"]["image_shape"]
    except (UnpicklingError, RuntimeError, EOFError, OSError, KeyError, TypeError, IndexError) as error:
        raise UsageError(f"checkpoint={path}: not a checkpoint of train.py, or damaged") from error
    return content
