"""The networks that an evaluation is about: named, found among the run folders, or shipped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from locality.checkpoints.exported import began_with
from locality.checkpoints.reading import sound
from locality.checkpoints.shelf import Shelf
from locality.checkpoints.trained import Trained, model_name, recipe_of, steps_of
from locality.config import NAME, UsageError
from locality.data.subset import HALVES
from locality.making import plain
from locality.runs.files import RECIPE, shipped
from locality.runs.finding import Past, answers, networks_in, runs_in, training_run
from locality.runs.resuming import of_numbers
from locality.shipped import command

Paths = dict[str, Path]  # of networks, by name


def networks(cfg: DictConfig, shelf: Shelf | None = None) -> dict[str, Trained]:
    """The networks that `named` names, built."""
    shelf = shelf or Shelf(cfg.trust, cfg.cache)
    return {name: shelf.trained(path) for name, path in (named(cfg, shelf) or {}).items()}


def named(cfg: DictConfig, shelf: Shelf) -> Paths | None:
    """The networks of `networks=` by name; None where none are asked for.

    A mapping names run folders, `.ckpt` files, or folders of shipped weights. A list leaves the names to us.
    A word asks for the newest networks of a kind:

    - `sweep`: the runs differ in gamma and seed alone.
    - `models`: the runs differ in the model alone.
    - `halves`: the two networks learned from disjoint halves of the same images. Two networks of all the
      images come with them where there are such, of different seeds.
    - `jobs`: one command trained them with `-m`. They may differ in anything, and all are finished.

    With `unfinished=true` the first three also take networks in training. Where there is no run, `sweep` and
    `halves` take networks that ship; trials (`trainer=smoke`) come after these. `twin` and `others` need to
    know which network is compared (`companions`).
    """
    asked = plain(cfg.networks) if isinstance(cfg.networks, DictConfig) else cfg.networks
    if asked == "sweep":
        asked = newest_sweep(Path(cfg.runs), cfg.unfinished, shelf)
    elif asked == "models":
        asked = newest_models(Path(cfg.runs), cfg.unfinished, cfg.gamma, shelf)
    elif asked == "halves":
        asked = newest_halves(Path(cfg.runs), cfg.unfinished, cfg.gamma, shelf)
        asked |= two_seeds(Path(cfg.runs), cfg.unfinished, asked["half0"], shelf)
    elif asked == "jobs":
        asked = newest_jobs(Path(cfg.runs))
    if asked is None:
        return None
    if isinstance(asked, Mapping):
        for name in asked:
            if not NAME.fullmatch(str(name)):
                raise UsageError(f"networks.{name}: want a name of letters, digits, - and _")
        return {str(name): training_run(Path(path)) for name, path in asked.items()}
    found: Paths = {}
    for one in map(shelf.trained, asked):
        name = f"{one.model}_gamma{one.gamma:g}_seed{one.seed}".replace(".", "p")
        found[name if name not in found else f"{name}_{len(found)}"] = one.path
    return found


def newest_sweep(root: Path, unfinished: bool, shelf: Shelf | None = None) -> list[Path]:
    """The runs of the newest sweep over the strength of a pattern, gamma = 0 first; else those that ship.

    One network that saw the pattern is the least that a sweep has.
    """

    def alike(run: Mapping[str, Any]) -> Any:
        model, data = run["model"], run["data"]
        if data["pattern"] is None:
            return None
        ignored = ("seed", "gamma")
        recipe = [{k: v for k, v in part.items() if k not in ignored} for part in (model, data)]
        return [*recipe, run.get("step")]  # what ships says how long it was trained, and has no trainer

    def enough(group: Mapping[tuple[float, int], Any]) -> bool:
        return any(gamma > 0 for gamma, _ in group)

    def tell(run: Mapping[str, Any]) -> tuple[float, int]:
        return float(run["data"]["gamma"]), int(run["seed"])

    for runs in in_turn(root, unfinished):
        group = _newest_group(runs, alike, tell, enough, shelf)
        if group:
            return [group[key] for key in sorted(group)]
    raise UsageError(
        f"networks=sweep: no {_kind(unfinished)} training runs in {root}/ on data with a pattern, "
        "and none ship; "
        f"train some: {command('train')} -m data=photos_pattern gamma=0,0.1,0.5"
    )


def newest_models(root: Path, unfinished: bool, gamma: float | None, shelf: Shelf | None = None) -> Paths:
    """The newest runs of different models on the same images."""

    def alike(run: Mapping[str, Any]) -> Any:
        if gamma is not None and run["data"]["gamma"] != gamma:
            return None
        return {key: value for key, value in run["data"].items() if key != "seed"}

    def tell(run: Mapping[str, Any]) -> str:
        return model_name(run["model"])

    group = _newest_group(_runs(root, unfinished), alike, tell, lambda group: len(group) > 1, shelf)
    if group:
        return {name: group[name] for name in sorted(group)}
    raise UsageError(
        f"networks=models: no {_kind(unfinished)} training runs in {root}/ of different models on the same "
        f"images; train some: {command('train')} -m model=unet,dit,mlp"
    )


def newest_halves(root: Path, unfinished: bool, gamma: float | None, shelf: Shelf | None = None) -> Paths:
    """The newest two runs that differ in nothing but the half of the images that they learned from."""

    def alike(run: Mapping[str, Any]) -> Any:
        if run["data"]["subset_draw"] not in HALVES or gamma not in (None, run["data"]["gamma"]):
            return None
        data = {key: value for key, value in run["data"].items() if key != "subset_draw"}
        return run["model"], data

    def tell(run: Mapping[str, Any]) -> str:
        return str(run["data"]["subset_draw"])

    for runs in in_turn(root, unfinished):
        group = _newest_group(runs, alike, tell, lambda group: set(group) == set(HALVES), shelf)
        if group:
            return {half.replace(":", ""): group[half] for half in HALVES}
    training = f"{command('train')} data=photos data.subset_draw"
    raise UsageError(
        f"networks=halves: no {_kind(unfinished)} training runs in {root}/ on disjoint halves of the same "
        f"images, and none ship; train two: {training}=half:0 and {training}=half:1"
    )


def two_seeds(root: Path, unfinished: bool, half: Path, shelf: Shelf) -> Paths:
    """The newest two networks of all images of which this one had a half; none, if there are no two.

    They have its recipe and differ in the seed. They were trained for as many steps or more, up to twice as
    many: an epoch of all images has twice those of a half.
    """

    def whole(run: Mapping[str, Any]) -> Any:
        model, images = recipe_of(run)
        return model, {**images, "subset_draw": None}

    own = shelf.read(half)
    wanted, steps = whole(own["hyper_parameters"]), steps_of(own) or 0

    def as_long(folder: Path) -> bool:
        own_start = began_with(training_run(folder)) == 0  # else its seed did not make its first weights
        return own_start and steps <= (steps_of(shelf.read(folder)) or 0) <= 2 * steps

    def alike(run: Mapping[str, Any]) -> int | None:
        if run["data"] is None or run["data"]["subset_draw"] in HALVES or whole(run) != wanted:
            return None
        return int(run["model"]["seed"])

    found: dict[int, Path] = {}
    for runs in in_turn(root, unfinished):
        for run, seed in answers(runs, alike):
            if seed is None or seed in found or len(found) == 2:
                continue
            if sound(run.folder, as_long):
                found[seed] = run.folder
            else:
                shelf.forget(run.folder)
    return {f"seed{seed}": found[seed] for seed in sorted(found)} if len(found) == 2 else {}


def newest_jobs(root: Path) -> Paths:
    """The finished networks of the newest sweep, each once, in the order of their making."""
    runs = {run.folder: run for run in networks_in(root)}
    sweeps = {folder: facts.get("sweep") for folder, facts in runs_in(root) if folder in runs}
    newest = max((folder for folder in runs if sweeps[folder]), key=lambda one: runs[one].time, default=None)
    if newest is None:
        raise UsageError(
            f"networks=jobs: no finished networks of a sweep in {root}/; train some: "
            f"{command('train')} -m model.learning_rate=1e-4,1e-3; or give networks=[runs/<run>, runs/<run>]"
        )
    own = [run for folder, run in runs.items() if sweeps[folder] == sweeps[newest]]
    once = {json.dumps(of_numbers(config), sort_keys=True): run for run, config in answers(own, dict)}
    return {f"job{k}": run.folder for k, run in enumerate(once.values())}


def _newest_group(
    runs: Iterable[Past],  # newest first
    alike: Callable[[Mapping[str, Any]], Any],  # equal for runs of one group; None for runs of none
    tell: Callable[[Mapping[str, Any]], Any],  # what tells the runs of a group apart
    enough: Callable[[Mapping[Any, Any]], bool],  # of a group, by what tells its runs apart
    shelf: Shelf | None,  # where they are read; None: a new one
) -> dict[Any, Path]:
    """The newest group of training runs that is enough, the newest readable one of each kind; or none."""

    def question(run: Mapping[str, Any]) -> tuple[str, Any] | None:
        key = alike(run)
        # An exported network has no trainer.
        return None if key is None else (json.dumps([key, run.get("trainer")], sort_keys=True), tell(run))

    groups: dict[str, dict[Any, list[Path]]] = {}
    readable = (shelf or Shelf()).read
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


def in_turn(root: Path, unfinished: bool = False) -> Iterator[list[Past]]:
    """Where networks are looked for: runs, then what ships, then runs that were trials."""
    runs = _runs(root, unfinished)
    trials = {run.folder for run, trial in answers(runs, _is_trial) if trial}
    yield [run for run in runs if run.folder not in trials]
    yield [Past(folder, folder / RECIPE) for folder in shipped()]
    yield [run for run in runs if run.folder in trials]


def _is_trial(run: Mapping[str, Any]) -> bool:
    """Whether a run had one batch an epoch, as with trainer=smoke: it says that all works, and no more."""
    batches = (run.get("trainer") or {}).get("limit_train_batches")
    return type(batches) is int and batches == 1


def _runs(root: Path, unfinished: bool) -> list[Past]:  # newest first
    return networks_in(root, unfinished)[::-1]


def _kind(unfinished: bool) -> str:
    return "finished or unfinished" if unfinished else "finished"
