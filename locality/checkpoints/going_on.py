"""A training that goes on from the weights of another network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from locality.checkpoints.reading import load
from locality.config import UsageError
from locality.denoisers.base import Denoiser
from locality.denoisers.network import NetworkDenoiser
from locality.modules import DDPMModule
from locality.modules.base import DenoiserModule
from locality.networks.foreign import is_foreign


def go_on_from(
    module: DenoiserModule,
    path: str | Path,  # whatever `load` takes
    trust: bool = False,  # as in `load`
) -> None:
    """Puts the weights of a network, averaged ones where it has them, in place of the random ones.

    Nothing else is taken over: optimiser, learning rate and steps begin anew, and a Wiener filter below the
    network (`wiener_residual`) is that of the run's own images. Raises UsageError for a network that is built
    otherwise, is for other images, puts out something else, or has other noise levels.
    """
    if not isinstance(module, DDPMModule):
        raise UsageError(f"pretrained={path}: want a model that is trained, got one that is fitted")
    if is_foreign(path):
        raise UsageError(f"pretrained={path}: give model=hub, too, which goes on from what diffusers saved")
    mine, other = module.denoiser, _loaded(path, trust)
    if not isinstance(other, NetworkDenoiser):
        raise UsageError(f"pretrained={path}: want a network, got {type(other).__name__}")
    if other.image_shape not in (None, mine.image_shape):
        wanted, got = tuple(mine.image_shape or ()), tuple(other.image_shape or ())
        raise UsageError(f"pretrained={path}: for images {got}, and the data have {wanted}")
    weights = other.net.state_dict()
    if _shapes(weights) != _shapes(mine.net.state_dict()):
        raise UsageError(
            f"pretrained={path}: its network is not built as the model; give the model and the sizes of its "
            "config.yaml"
        )
    if mine.prediction != other.prediction:
        raise UsageError(
            f"pretrained={path}: its network puts out {other.prediction}, and the model {mine.prediction}; "
            f"give model.prediction={other.prediction}"
        )
    if not torch.equal(mine.schedule.alpha_bars, other.schedule.alpha_bars):
        raise UsageError(
            f"pretrained={path}: its network has other noise levels; give the schedule of its config.yaml"
        )
    mine.net.load_state_dict(weights)


def _loaded(path: str | Path, trust: bool) -> Denoiser:
    try:
        return load(path, trust=trust)
    except UsageError as error:
        said = str(error).removeprefix(f"checkpoint={path}: ").removeprefix(f"pretrained={path}: ")
        raise UsageError(f"pretrained={path}: {said}") from error


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}
