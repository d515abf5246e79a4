"""One run of evaluate.py."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import lightning
from lightning import Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, open_dict

from locality import build
from locality.build import plain
from locality.checkpoints.networks import networks, twin
from locality.checkpoints.reading import calibrations, read, rebuilt, sound
from locality.checkpoints.trained import Trained
from locality.compare.context import Context
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import keeping
from locality.ranks import say
from locality.report import Report
from locality.runs.finding import newest_networks, none_found, training_run


class Evaluation:
    """Making it builds all that can be built without a run folder, and so finds what does not fit."""

    resume_step = None  # an evaluation is short: it is not resumed

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        lightning.seed_everything(cfg.seed, verbose=False)
        self.networks = {} if cfg.networks == "twin" else networks(cfg)
        path = source(cfg, self.networks)
        checkpoint = None if path is None else read(path, cfg.trust)
        if cfg.networks == "twin":
            if path is None or checkpoint is None:
                raise UsageError("networks=twin: want a network to find the twin of, got checkpoint=null")
            self.networks = twin(cfg, path, checkpoint)
        recipe = None if checkpoint is None else checkpoint["hyper_parameters"]
        # Resolved, so that config.yaml names what was evaluated, and on which images.
        cfg.checkpoint = None if path is None else str(path)
        cfg.data = _data(cfg, None if recipe is None else recipe["data"])
        cfg.gamma = cfg.data.gamma
        self.data = build.datamodule(cfg.data)
        bank = self.data.bank("train")
        self.facts = {"fingerprint": bank.fingerprint}
        if path is not None and recipe is not None:
            _check_images(path, recipe, bank.image_shape, bank.fingerprint)
        self.fits = {name: build.fit(node, f"candidates.{name}") for name, node in cfg.candidates.items()}
        for name, fit in self.fits.items():
            build.try_fit(f"candidates.{name}", fit, bank)
        _forget_removed(cfg)
        self.compare = build.made(cfg.compare, where="compare")
        if path is None and not getattr(getattr(self.compare, "func", None), "without_network", False):
            raise UsageError("networks: want at least one, such as [runs/<run>], where checkpoint is null")
        trainer = build.trainer(cfg.trainer, Path(cfg.runs), [], [])
        try:
            self.data.check_ranks(trainer.num_devices * trainer.num_nodes)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.calibrations, self.reference = None, None
        if path is not None and checkpoint is not None:
            self.calibrations, self.reference = calibrations(path), rebuilt(checkpoint, path, cfg.cache)

    def run(self, folder: Path, report: Report, tools: list[Logger]) -> dict[str, float]:
        """Compare."""

        def trainer(**changes: Any) -> Trainer:
            return build.trainer(self.cfg.trainer, folder, tools, [], **changes)

        fits = {name: keeping(fit, self.cfg.cache) for name, fit in self.fits.items()}
        kept = self.calibrations or folder / "calibration"
        context = Context(
            self.reference, fits, self.data, report, trainer, self.cfg.seed, self.cfg.cache,
            _name(self.reference, self.fits), kept, self.networks, _given(),
        )  # fmt: skip
        return self.compare(context)


def _given() -> frozenset[str]:
    """The settings of candidates that the command line names, `<candidate>.<setting>`, however deep."""
    parts = [key.split(".") for key in _named(r"\+*candidates\.([^=]+)=")]
    return frozenset(".".join(part[:depth]) for part in parts for depth in range(2, len(part) + 1))


def _forget_removed(cfg: DictConfig) -> None:
    """Candidates that the command line takes out (`~candidates.<name>`) leave the settings, too."""
    for name in _named(r"~(?:denoiser@)?candidates\.([^.=]+)$"):
        for setting in ("bank_counts", "sample_counts", "calibrated_as"):
            if isinstance(cfg.compare.get(setting), DictConfig):
                with open_dict(cfg):
                    cfg.compare[setting].pop(name, None)
        if name in (cfg.compare.get("baselines") or ()):
            cfg.compare.baselines.remove(name)


def _named(pattern: str) -> list[str]:
    from hydra.core.hydra_config import HydraConfig

    overrides = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    return [match[1] for match in (re.match(pattern, text) for text in overrides) if match]


def _name(reference: Denoiser | None, taken: Collection[str]) -> str:
    """What to call the reference in tables and figures: a network, or the kind of analytical denoiser."""
    if reference is None or isinstance(reference, NetworkDenoiser):
        return "network"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(reference).__name__).lower()
    return f"{words}_reference" if words in taken else words


def source(cfg: DictConfig, networks: Mapping[str, Trained]) -> Path | None:
    """What is evaluated; for `auto` the newest network that can be read. Raises UsageError for none.

    `null` is the first of `networks`, and without these nothing.
    """
    if cfg.checkpoint is None:
        return next((one.path for one in networks.values()), None)
    if cfg.checkpoint != "auto":
        return training_run(Path(cfg.checkpoint))
    runs, readable = Path(cfg.runs), partial(read, trust=cfg.trust)
    found = next((one for one in newest_networks(runs, cfg.data, cfg.gamma) if sound(one, readable)), None)
    if found is None:
        raise UsageError(none_found(runs, cfg.data))
    say(f"checkpoint=auto: {found}")
    return found


def _data(cfg: DictConfig, trained_on: dict[str, Any] | None) -> dict[str, Any]:
    """The data that were asked for, else those of the run; without a gamma, that of the run."""
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


def _check_images(source: Path, recipe: dict[str, Any], shape: tuple[int, ...], fingerprint: str) -> None:
    wanted, got = (" x ".join(map(str, sides)) for sides in (recipe["image_shape"], shape))
    if wanted != got:
        raise UsageError(f"checkpoint={source}: trained on images of {wanted}, and the data have {got}")
    # Checkpoints of before the fingerprint was kept say nothing.
    if "fingerprint" in recipe and recipe["fingerprint"] != fingerprint:
        say(
            f"note: these are not the images that {source} was trained on "
            f"(fingerprint {fingerprint}, was {recipe['fingerprint']})"
        )
