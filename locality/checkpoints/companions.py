"""The networks that stand beside the one that is evaluated: its twin, others of its images, a control."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from locality.checkpoints.exported import began_with
from locality.checkpoints.networks import Paths, in_turn
from locality.checkpoints.reading import sound
from locality.checkpoints.shelf import Shelf
from locality.checkpoints.trained import model_name, recipe_of, steps_of
from locality.config import of_images
from locality.ranks import say
from locality.runs.files import shipped
from locality.runs.finding import answers, networks_in, training_run

TWIN = "NN2"  # what a second network is called
CONTROL = "control"  # what a network of other images is called


def twin(cfg: DictConfig, path: Path, shelf: Shelf) -> Paths | None:
    """`networks=twin`: the newest network that differs from this one in the seed alone, as NN2.

    It has seen as many training steps, and so had the weights that it began with, if any. None where there is
    none, which is told.
    """

    checkpoint = shelf.read(path)
    own = checkpoint["hyper_parameters"]
    before = began_with(training_run(path))
    others: list[Path] = []
    if own["data"] is not None:  # a foreign network does not say
        images = of_images(own["data"])
        runs = networks_in(Path(cfg.runs))[::-1]
        same = answers(runs, lambda run: of_images(run["data"]) == images)
        others = [run.folder for run, good in same if good] + shipped()

    def fits(folder: Path) -> bool:
        other = shelf.read(folder)
        recipe = other["hyper_parameters"]
        unlike = recipe["model"]["seed"] != own["model"]["seed"] and folder.resolve() != path.resolve()
        alike = recipe_of(recipe) == recipe_of(own) and steps_of(other) == steps_of(checkpoint)
        return unlike and alike and began_with(training_run(folder)) == before

    for folder in others:
        if sound(folder, fits):
            return {TWIN: training_run(folder)}
        if folder.resolve() != path.resolve():
            shelf.forget(folder)
    say("networks=twin: no second network of another seed, so no ceiling in the table")
    return None


def others(cfg: DictConfig, path: Path, shelf: Shelf) -> Paths:
    """`networks=others`: the newest network of each other model on the same images, and a control.

    The control learned from other images of the same shape, without a pattern. It has the same model. A
    missing control is told.
    """
    own = shelf.read(path)["hyper_parameters"]
    found: Paths = {}

    def fits(folder: Path) -> bool:
        shape = shelf.read(folder)["hyper_parameters"]["image_shape"]
        return list(shape) == list(own["image_shape"]) and folder.resolve() != path.resolve()

    for runs in in_turn(Path(cfg.runs)) if own["data"] is not None else ():  # a foreign network does not say
        for run, name in answers(runs, lambda other: _named_beside(own, other)):
            if name is None or name in found:
                continue
            if sound(run.folder, fits):
                found[name] = training_run(run.folder)
            elif run.folder.resolve() != path.resolve():
                shelf.forget(run.folder)
    if CONTROL not in found:
        say("networks=others: no network of other images of this shape, so no control")
    return {name: found[name] for name in sorted(found, key=lambda name: (name == CONTROL, name))}


def _named_beside(own: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """What another network is called beside this one, by its config; None where it does not belong there."""
    if other["data"] is None or "network" not in other["model"]:
        return None
    model, images = model_name(other["model"]), of_images(other["data"])
    if images == of_images(own["data"]):
        return model if model != model_name(own["model"]) else None
    unlike = images["source"]["_target_"] != own["data"]["source"]["_target_"]
    return CONTROL if model == model_name(own["model"]) and unlike and not images["gamma"] else None
