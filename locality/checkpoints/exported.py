"""A trained network as a small folder that ships: weights, recipe, calibrations, card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor

from locality.config import UsageError
from locality.disk import write_atomically
from locality.networks.weights import read_weights
from locality.runs.files import CONFIG, RECIPE, WEIGHTS, is_exported, read_config, wherever
from locality.shipped import command
from locality.sums import check_sums, write_sums

BEFORE = "before.json"  # in a run folder: the trainings of the weights that it began with
STAGE = ("command", "commit", "started", "step")  # what is told of each


def read_exported(path: Path) -> dict[str, Any]:
    """The checkpoint in it: `hyper_parameters` (the recipe) and `state_dict`, in single precision.

    Raises UsageError for a folder that is damaged.
    """
    check_sums(path, (RECIPE, WEIGHTS))
    recipe = read_config(path / RECIPE)
    if not {"model", "data", "image_shape"} <= recipe.keys():
        raise UsageError(f"{path / RECIPE}: want the recipe of a network: model, data and image_shape")
    weights = read_weights(path / WEIGHTS)
    return {"hyper_parameters": recipe, "state_dict": {name: one.float() for name, one in weights.items()}}


def write_exported(
    folder: Path,
    recipe: dict[str, Any],  # model, data, image_shape, and what else is to be remembered
    state: dict[str, Tensor],
    dtype: torch.dtype,  # of the weights at rest
) -> None:
    """Recipe, weights and the digests of both. A folder without weights is no exported network."""
    from safetensors.torch import save

    first = f"# A network of locality: {command('evaluate')} checkpoint={folder}\n"
    write_atomically(folder / RECIPE, first + OmegaConf.to_yaml(OmegaConf.create(recipe)))
    weights = {name: one.detach().cpu().to(dtype).contiguous() for name, one in state.items()}
    write_atomically(folder / WEIGHTS, save(weights, metadata={"format": "pt"}))
    write_sums(folder, (RECIPE, WEIGHTS))


def keep_trainings_before(run: Path, start: Path) -> None:
    """Note in a run folder what went before, if that is known: the folder of the first weights may go."""
    if not (run / BEFORE).exists() and (stages := _trainings_of(start)):
        write_atomically(run / BEFORE, json.dumps(stages, indent=1) + "\n")


def trainings_before(run: Path) -> list[dict[str, Any]]:
    """The trainings of the weights that a run began with, the first one first; none where nothing says so.

    The run may be an exported network. Raises UsageError where the note of them is damaged.
    """
    if is_exported(run):
        return list((read_config(run / RECIPE).get("run") or {}).get("before") or [])
    if (run / BEFORE).is_file():
        try:
            stages = json.loads((run / BEFORE).read_text())
            return [{key: stage[key] for key in STAGE} for stage in stages]
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{run / BEFORE}: want the trainings before, got a broken file") from error
    start = read_config(run / CONFIG).get("pretrained") if (run / CONFIG).is_file() else None
    return _trainings_of(Path(start)) if isinstance(start, str) else []


def began_with(path: Path) -> int | str:
    """How many steps the weights had seen that a network began with: 0 for those that its seed made.

    Their name, where it went on from weights of which nothing is known.
    """
    steps = sum(int(stage["step"]) for stage in trainings_before(path))
    origin = read_config(path / CONFIG).get("pretrained") if (path / CONFIG).is_file() else None
    return steps or (0 if origin is None else str(origin))


def _trainings_of(start: Path) -> list[dict[str, Any]]:
    """The trainings that an exported network tells of, its own last."""
    if not is_exported(wherever(start)):
        return []
    recipe = read_config(wherever(start) / RECIPE)
    origin = recipe.get("run") or {}
    last = {key: origin.get(key) for key in STAGE if key != "step"}
    return [*origin.get("before", []), {**last, "step": recipe.get("step") or 0}]


@contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """Make a folder that is not there yet. What breaks inside leaves neither it nor its new parents.

    Raises UsageError where it is there already, or cannot be made.
    """
    with ExitStack() as undo:
        try:
            for one in reversed([one for one in folder.parents if not one.exists()]):
                one.mkdir()
                undo.callback(_removed_if_empty, one)
            folder.parent.mkdir(exist_ok=True)  # raises for a file
            taken = folder.is_symlink() or folder.exists()
        except OSError as error:
            raise UsageError(
                f"{folder}: no folder can be made there ({error.strerror}); name another"
            ) from error
        if taken:
            raise UsageError(f"{folder}: is there already; choose another name")
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        yield
        undo.pop_all()


def _removed_if_empty(folder: Path) -> None:
    with suppress(OSError):  # somebody else has put something there
        folder.rmdir()
