"""What an evaluation is about, once all that has to be looked for is found."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from locality.checkpoints.companions import others, twin
from locality.checkpoints.networks import named
from locality.checkpoints.reading import sound
from locality.checkpoints.shelf import Shelf
from locality.config import UsageError
from locality.making import plain
from locality.ranks import say
from locality.runs.finding import newest_networks, none_found, training_run

BESIDE = {"twin": twin, "others": others}  # words that need to know which network is compared


def resolve(cfg: DictConfig, shelf: Shelf) -> DictConfig:
    """The config with the checkpoint, the networks by name, the data and gamma that it stands for.

    So config.yaml names what was evaluated, and on which images. The config that is given stays as it is.
    What is resolved resolves to itself. Raises UsageError where there is nothing of what was asked for.
    """
    beside = BESIDE.get(cfg.networks) if isinstance(cfg.networks, str) else None
    networks = None if beside else named(cfg, shelf)
    path = source(cfg, networks or {}, shelf)
    if beside:
        if path is None:
            raise UsageError(f"networks={cfg.networks}: want a network to stand beside, got checkpoint=null")
        networks = beside(cfg, path, shelf)
    found = copy.deepcopy(cfg)
    found.networks = None if networks is None else {name: str(one) for name, one in networks.items()}
    found.checkpoint = None if path is None else str(path)
    found.data = _data(cfg, None if path is None else shelf.read(path)["hyper_parameters"]["data"])
    found.gamma = found.data.gamma
    return found


def source(cfg: DictConfig, networks: Mapping[str, Path], shelf: Shelf) -> Path | None:
    """What is evaluated; for `auto` the newest network that can be read. Raises UsageError for none.

    `null` is the first of `networks`, and without these nothing.
    """
    if cfg.checkpoint is None:
        return next(iter(networks.values()), None)
    if cfg.checkpoint != "auto":
        return training_run(Path(cfg.checkpoint))
    runs = Path(cfg.runs)
    found = next((one for one in newest_networks(runs, cfg.data, cfg.gamma) if sound(one, shelf.read)), None)
    if found is None:
        raise UsageError(none_found(runs, cfg.data, cfg.get("first")))
    say(f"checkpoint=auto: {found}")
    return found


def _data(cfg: DictConfig, trained_on: dict[str, Any] | None) -> dict[str, Any]:
    """The data that were asked for, else the run's own data. Where no gamma was asked for, the run's own."""
    if trained_on is None:  # there is no network, or a foreign one, which does not say
        if cfg.data is None:
            raise UsageError(f"checkpoint={cfg.checkpoint}: does not say what it was trained on; give data=")
        return {**plain(cfg.data), "gamma": cfg.gamma or 0.0}
    if cfg.data is None:
        if cfg.gamma and trained_on["pattern"] is None:
            raise UsageError(f"gamma={cfg.gamma:g}: the data of the run have no pattern; leave gamma out")
        return trained_on if cfg.gamma is None else {**trained_on, "gamma": cfg.gamma}
    asked = plain(cfg.data)
    if cfg.gamma is None:
        asked["gamma"] = trained_on["gamma"] if asked["pattern"] is not None else 0.0
    return asked
