"""The networks that an evaluation is about: named, found among the run folders, or shipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from locality import build
from locality.build import plain
from locality.checkpoints.reading import read, rebuilt, sound
from locality.checkpoints.trained import Trained
from locality.config import NAME, UsageError, of_images
from locality.data import ImageDataModule
from locality.data.subset import HALVES
from locality.denoisers.base import Denoiser
from locality.disk import first_rank
from locality.runs.files import CHECKPOINT, RECIPE, shipped
from locality.runs.finding import Past, answers, networks_in, training_run

ATTENTION = {"none": "unet_conv", "middle": "unet", "all": "unet_attention"}
TWIN = "NN2"  # what a second network is called
Found = dict[str, Path]


def networks(cfg: DictConfig) -> dict[str, Trained]:
    """The networks of `networks=`, loaded, by name; what has been found is written into the config.

    A mapping names run folders, `.ckpt` files, or folders of shipped weights; a list leaves the names to us.
    `sweep`: runs that differ in gamma and seed alone, the shipped ones if there are none; `models`: runs that
    differ in the model alone; `halves`: two that learned from disjoint halves of the same images, the shipped
    ones if there are none. All the newest such, and with `unfinished=true` also those still in training.
    `twin` is for `twin`: it asks which network is compared.
    """
    asked = plain(cfg.networks) if isinstance(cfg.networks, DictConfig) else cfg.networks
    if asked == "sweep":
        asked = newest_sweep(Path(cfg.runs), cfg.unfinished, cfg.trust)
    elif asked == "models":
        asked = newest_models(Path(cfg.runs), cfg.unfinished, cfg.gamma, cfg.trust)
    elif asked == "halves":
        asked = newest_halves(Path(cfg.runs), cfg.unfinished, cfg.gamma, cfg.trust)
    data = cache(lambda text: build.datamodule(json.loads(text)))
    if asked is None:
        return {}
    if isinstance(asked, Mapping):
        for name in asked:
            if not NAME.fullmatch(str(name)):
                raise UsageError(f"networks.{name}: want a name of letters, digits, - and _")
        found = {str(name): _trained(path, data, cfg) for name, path in asked.items()}
    else:
        found = {}
        for one in (_trained(path, data, cfg) for path in asked):
            name = f"{one.model}_gamma{one.gamma:g}_seed{one.seed}".replace(".", "p")
            found[name if name not in found else f"{name}_{len(found)}"] = one
    cfg.networks = {name: str(one.path) for name, one in found.items()}
    return found


def twin(cfg: DictConfig, path: Path, checkpoint: Mapping[str, Any]) -> dict[str, Trained]:
    """`networks=twin`: the newest network that differs from this one in the seed alone, as NN2.

    It has seen as many training steps. What has been found is written into the config.
    """

    def alike(recipe: Mapping[str, Any]) -> Any:
        model = {key: value for key, value in recipe["model"].items() if key != "seed"}
        return model, of_images(recipe["data"])

    own = checkpoint["hyper_parameters"]
    others: list[Path] = []
    if own["data"] is not None:  # a foreign network does not say
        images = of_images(own["data"])
        runs = _runs(Path(cfg.runs), unfinished=False)
        same = answers(runs, lambda run: of_images(run["data"]) == images)
        others = [run.folder for run, good in same if good] + shipped()

    def fits(folder: Path) -> bool:
        other = read(folder, cfg.trust)
        recipe = other["hyper_parameters"]
        unlike = recipe["model"]["seed"] != own["model"]["seed"] and folder.resolve() != path.resolve()
        return unlike and alike(recipe) == alike(own) and steps_of(other) == steps_of(checkpoint)

    for folder in others:
        if sound(folder, fits):
            cfg.networks = {TWIN: str(folder)}
            return networks(cfg)
    if first_rank():
        print("networks=twin: no second network of another seed, so no ceiling in the table", flush=True)
    cfg.networks = None
    return {}


def newest_sweep(root: Path, unfinished: bool, trust: bool = False) -> list[Path]:
    """The runs of the newest sweep over the strength of a pattern, gamma = 0 first; else those that ship."""

    def alike(run: Mapping[str, Any]) -> Any:
        model, data = run["model"], run["data"]
        if data["pattern"] is None:
            return None
        ignored = ("seed", "gamma")
        recipe = [{k: v for k, v in part.items() if k not in ignored} for part in (model, data)]
        return [*recipe, run.get("step")]  # what ships says how long it was trained, and has no trainer

    def enough(group: Mapping[tuple[float, int], Any]) -> bool:
        gammas = {gamma for gamma, _ in group}
        return 0.0 in gammas and len(gammas) > 1

    def tell(run: Mapping[str, Any]) -> tuple[float, int]:
        return float(run["data"]["gamma"]), int(run["seed"])

    for runs in (_runs(root, unfinished), _ships()):
        group = _newest_group(runs, alike, tell, enough, trust)
        if group:
            return [group[key] for key in sorted(group)]
    raise UsageError(
        f"networks=sweep: no {_kind(unfinished)} training runs in {root}/ that differ in gamma alone, "
        "gamma=0 among them, and none ship; "
        "train some: python train.py -m data=photos_pattern gamma=0,0.1,0.5"
    )


def newest_models(root: Path, unfinished: bool, gamma: float | None, trust: bool = False) -> Found:
    """The newest runs of different models on the same images."""

    def alike(run: Mapping[str, Any]) -> Any:
        if gamma is not None and run["data"]["gamma"] != gamma:
            return None
        return {key: value for key, value in run["data"].items() if key != "seed"}

    def tell(run: Mapping[str, Any]) -> str:
        return model_name(run["model"])

    group = _newest_group(_runs(root, unfinished), alike, tell, lambda group: len(group) > 1, trust)
    if group:
        return {name: group[name] for name in sorted(group)}
    raise UsageError(
        f"networks=models: no {_kind(unfinished)} training runs in {root}/ of different models on the same "
        "images; train some: python train.py -m model=unet,dit,mlp"
    )


def newest_halves(root: Path, unfinished: bool, gamma: float | None, trust: bool = False) -> Found:
    """The newest two runs that differ in nothing but the half of the images that they learned from."""

    def alike(run: Mapping[str, Any]) -> Any:
        if run["data"]["subset_draw"] not in HALVES or gamma not in (None, run["data"]["gamma"]):
            return None
        data = {key: value for key, value in run["data"].items() if key != "subset_draw"}
        return run["model"], data

    def tell(run: Mapping[str, Any]) -> str:
        return str(run["data"]["subset_draw"])

    for runs in (_runs(root, unfinished), _ships()):
        group = _newest_group(runs, alike, tell, lambda group: set(group) == set(HALVES), trust)
        if group:
            return {half.replace(":", ""): group[half] for half in HALVES}
    command = "python train.py data=photos data.subset_draw"
    raise UsageError(
        f"networks=halves: no {_kind(unfinished)} training runs in {root}/ on disjoint halves of the same "
        f"images, and none ship; train two: {command}=half:0 and {command}=half:1"
    )


def model_name(model: Mapping[str, Any]) -> str:
    """The name that a model config has in configs/model, as near as its content tells."""
    if "network" not in model:
        return "analytic"
    name = str(model["network"]["_target_"]).rsplit(".", 1)[-1]
    return ATTENTION[model["network"]["attention"]] if name == "unet" else name


def _newest_group(
    runs: Iterable[Past],  # newest first
    alike: Callable[[Mapping[str, Any]], Any],  # equal for runs of one group; None for runs of none
    tell: Callable[[Mapping[str, Any]], Any],  # what tells the runs of a group apart
    enough: Callable[[Mapping[Any, Any]], bool],  # of a group, by what tells its runs apart
    trust: bool,
) -> dict[Any, Path]:
    """The newest group of training runs that is enough, the newest readable one of each kind; or none."""

    def question(run: Mapping[str, Any]) -> tuple[str, Any] | None:
        key = alike(run)
        # An exported network has no trainer.
        return None if key is None else (json.dumps([key, run.get("trainer")], sort_keys=True), tell(run))

    groups: dict[str, dict[Any, list[Path]]] = {}
    readable = partial(read, trust=trust)
    for run, answer in answers(runs, question):
        if answer is not None:
            groups.setdefault(answer[0], {}).setdefault(answer[1], []).append(run.folder)
    for group in filter(enough, groups.values()):
        newest = {
            part: next((one for one in paths if sound(one, readable)), None) for part, paths in group.items()
        }
        found = {part: one for part, one in newest.items() if one is not None}
        if enough(found):
            return found
    return {}


def _ships() -> list[Past]:  # by name
    return [Past(folder, folder / RECIPE) for folder in shipped()]


def _runs(root: Path, unfinished: bool) -> list[Past]:  # newest first
    return networks_in(root, unfinished)[::-1]


def _trained(path: str | Path, data: Callable[[str], ImageDataModule], cfg: DictConfig) -> Trained:
    path, cache = training_run(Path(path)), cfg.cache
    checkpoint = read(path, cfg.trust)
    recipe = checkpoint["hyper_parameters"]
    return Trained(
        path, rebuilt(checkpoint, path, cache), model_name(recipe["model"]), recipe["data"],
        int(recipe["model"]["seed"]), steps_of(checkpoint),
        partial(data, json.dumps(recipe["data"], sort_keys=True)), partial(_youth, path, cache, cfg.trust),
    )  # fmt: skip


def steps_of(checkpoint: Mapping[str, Any]) -> int | None:
    """How many optimiser steps a network was trained, where its checkpoint says."""
    step = checkpoint.get("global_step", checkpoint["hyper_parameters"].get("step"))
    return None if step is None else int(step)


def _youth(path: Path, cache: str | None, trust: bool) -> dict[int, Denoiser]:
    files = sorted((path / CHECKPOINT.parent).glob("step*.ckpt")) if path.is_dir() else []
    read_ = [(file, read(file, trust)) for file in files]
    return {int(content["global_step"]): rebuilt(content, file, cache) for file, content in read_}


def _kind(unfinished: bool) -> str:
    return "finished or unfinished" if unfinished else "finished"
