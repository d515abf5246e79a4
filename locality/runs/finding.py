"""Runs of the past: the newest network, and the training behind an evaluation."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from locality.config import UsageError, of_images
from locality.disk import first_rank
from locality.runs.files import CONFIG, RECIPE, STATUS, generations, read_config, shipped


def training_run(path: Path) -> Path:
    """The folder of a training run; for that of an evaluation, the training run that it evaluated.

    So `runs/latest` can be loaded, resumed and evaluated, whatever ran last. Anything else
    comes back as it is.
    """
    if path.is_symlink():  # runs/latest will soon point elsewhere
        path = path.parent / path.readlink()
    if not (path / CONFIG).is_file():
        return path
    cfg = read_config(path / CONFIG)
    if cfg.get("task") != "evaluate":
        return path
    if not isinstance(cfg.get("checkpoint"), str):
        raise UsageError(f"{path / CONFIG}: an evaluation that does not say which checkpoint it evaluated")
    source = Path(cfg["checkpoint"])
    # An evaluation of another working directory: its training run is beside it.
    return source if source.exists() else path.resolve().parent / source.name


def newest_network(root: Path, data: Any, gamma: float | None, skip: Collection[Path] = ()) -> Path:
    """The newest finished run that trained a network, on this data if it is given; else one that ships.

    Some are left out, and by name those whose config cannot be read. Raises UsageError, naming the command
    that trains one, if there is none.
    """
    wanted_data: Any = OmegaConf.to_container(data, resolve=True) if isinstance(data, DictConfig) else data

    def fits(config: Path) -> bool:
        if wanted_data is None:
            return True
        try:
            trained_on = read_config(config).get("data")
        except UsageError as error:
            tell_skipped("checkpoint=auto", config.parent, error)
            return False
        known = gamma is not None or wanted_data["pattern"] is None
        if not isinstance(trained_on, dict):
            return False
        theirs, ours = (of_images(one, known) for one in (trained_on, wanted_data))
        return theirs == ours

    found = [
        # Runs of before the time was noted are older than any that has one.
        (facts.get("time", ""), folder.name, folder)
        for folder, facts in runs_in(root)
        if facts["task"] == "train" and facts["state"] == "finished" and facts["network"]
        if generations(folder)  # weights may have been removed to make room
    ]
    configs = [folder / CONFIG for _, _, folder in sorted(found, reverse=True)]
    for config in [*configs, *(folder / RECIPE for folder in shipped())]:
        if config.parent not in skip and fits(config):
            return config.parent
    wanted = "" if data is None else " on this data"
    raise UsageError(
        f"checkpoint=auto: no finished training run{wanted} in {root}/, and none ships; train one: "
        "python train.py data=..."
    )


def tell_skipped(asked: str, folder: Path, reason: Exception) -> None:
    """Names a run folder that a search leaves out, and why."""
    if first_rank():
        print(f"{asked}: skipped {folder}: {reason}", flush=True)


def runs_in(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The run folders with their status, in the order of their names: the oldest first."""
    return [
        (path.parent, json.loads(path.read_text()))
        for path in sorted(root.glob(f"*/{STATUS}"))
        if not path.parent.is_symlink() and (path.parent / CONFIG).is_file()
    ]
