"""One run of evaluate.py."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import lightning
from lightning import Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from locality import build
from locality.bank import ImageBank
from locality.checkpoints.networks import networks
from locality.checkpoints.reading import calibrations
from locality.checkpoints.resolving import resolve
from locality.checkpoints.shelf import Shelf
from locality.choices import flat
from locality.compare.attention import Attention
from locality.compare.context import Context
from locality.compare.needs import check_given, needs_network
from locality.compare.origins import Origins
from locality.config import UsageError, of_images
from locality.denoisers import NetworkDenoiser
from locality.denoisers.base import Denoiser
from locality.disk import shown_path
from locality.holding import holding, start_ranks
from locality.live import prose
from locality.making import plain
from locality.ranks import say
from locality.report import Report
from locality.report.lineage import comparison_artifact, data_artifact, network_artifact
from locality.report.names import spoken
from locality.runs.finding import quoted, words_of_data
from locality.shipped import command, shipped_folder


class Evaluation:
    """Making it builds all that can be built without a run folder, and so finds what does not fit."""

    resume_step = None  # an evaluation is short: it is not resumed

    def __init__(self, cfg: DictConfig) -> None:
        lightning.seed_everything(cfg.seed, verbose=False)
        check_given(plain(cfg.compare))
        shelf = Shelf(cfg.trust, cfg.cache)
        self.cfg = cfg = resolve(cfg, shelf)
        self.networks = networks(cfg, shelf)
        path = None if cfg.checkpoint is None else Path(cfg.checkpoint)
        self.data = build.datamodule(cfg.data, hold=holding(cfg))
        bank = self.data.bank("train")
        self.facts = {"fingerprint": bank.fingerprint}
        self.learned = None
        if path is not None:
            self.learned = shelf.read(path)["hyper_parameters"]["data"]
            _check_images(path, shelf.read(path)["hyper_parameters"], bank, plain(cfg.data))
        self.fits = {name: build.fit(node, f"candidates.{name}") for name, node in cfg.candidates.items()}
        for name, fit in self.fits.items():
            build.try_fit(f"candidates.{name}", fit, bank)
        self.compare = build.made(cfg.compare, where="compare")
        if path is None and needs_network(self.compare):
            raise UsageError("networks: want at least one, such as [runs/<run>], where checkpoint is null")
        trainer = build.trainer(cfg.trainer, Path(cfg.runs), [], [])
        try:
            self.data.check_ranks(trainer.num_devices * trainer.num_nodes)
        except ValueError as error:
            raise UsageError(str(error)) from error
        self.calibrations = None if path is None else calibrations(path)
        self.reference = None if path is None else shelf.denoiser(path)
        self.origins = [one.path for one in self.networks.values()] + ([] if path is None else [path])

    def run(self, folder: Path, report: Report, tools: list[Logger]) -> dict[str, float]:
        """Compare."""

        def trainer(**changes: Any) -> Trainer:
            return build.trainer(self.cfg.trainer, folder, tools, [], **changes)

        start_ranks(self.cfg, trainer())
        fits = {name: fit.keeping(self.cfg.cache) for name, fit in self.fits.items()}
        kept = self.calibrations or folder / "calibration"
        advised = _calibrate(self.cfg, self.learned)
        context = Context(
            trained=self.reference,
            fits=fits,
            data=self.data,
            report=report,
            attention=Attention(report),
            trainer=trainer,
            seed=self.cfg.seed,
            cache=self.cfg.cache,
            reference_name=_name(self.reference, self.fits),
            calibrations=kept,
            networks=self.networks,
            origins=Origins(frozenset(self.cfg.given), advised, calibrated_anyway()),
        )
        report.uses(data_artifact(context.bank))
        for path in self.origins:
            report.uses(network_artifact(path))
        numbers = self.compare(context)
        report.conclusion = spoken(context.attention.concluded(report.conclusion))
        compare = str(self.cfg.compare["_target_"]).rsplit(".", 1)[-1]
        report.makes(comparison_artifact(folder, compare, numbers))
        return numbers


def _calibrate(
    cfg: DictConfig,
    learned: Mapping[str, Any] | None,  # the data config of what is compared; None where it does not say
) -> str:
    """The command that finds settings for the checkpoint, on the images of this evaluation; empty without."""
    if cfg.checkpoint is None:
        return ""
    data = plain(cfg.data)
    recipe = calibrating(data)
    words = [f"experiment={recipe}" if recipe else "compare=calibrate"]
    if not recipe and (learned is None or of_images(data) != of_images(learned)):
        words += words_of_data()
    return f"{command('evaluate')} {quoted(words)} checkpoint={shown_path(Path(cfg.checkpoint))}"


def calibrating(
    data: Mapping[str, Any],  # a config of data
) -> str | None:
    """The experiment that calibrates on these images: on parts of the bank, where all of it takes hours."""
    for path in sorted((shipped_folder("configs") / "experiment").glob("*.yaml")):
        chosen = {group: choice for entry in _defaults(path) for group, choice in entry.items()}
        name = chosen.get("override /data")
        if name is not None and chosen.get("override /compare") == "calibrate":
            usual = OmegaConf.load(shipped_folder("configs") / "data" / f"{name}.yaml")
            own: Any = OmegaConf.select(OmegaConf.load(path), "data") or {}
            images: Any = OmegaConf.to_container(OmegaConf.merge(usual, own, {"gamma": 0.0, "seed": 0}))
            if of_images(images) == of_images(data):
                return path.stem
    return None


def calibrated_anyway() -> frozenset[str]:
    """The candidates that compare=calibrate has by itself, as its config lists them."""
    entries = _defaults(shipped_folder("configs") / "compare" / "calibrate.yaml")
    return frozenset(str(group).partition("@candidates.")[2] for entry in entries for group in entry)


def _defaults(path: Path) -> list[dict[str, Any]]:
    """What a config's list of defaults chooses, in groups."""
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    return [entry for entry in content.get("defaults", []) if isinstance(entry, dict)]


def _name(reference: Denoiser | None, taken: Collection[str]) -> str:
    """What to call the reference in tables and figures: a network, or the kind of analytical denoiser."""
    if reference is None or isinstance(reference, NetworkDenoiser):
        return "network"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(reference).__name__).lower()
    return f"{words}_reference" if words in taken else words


def _check_images(source: Path, recipe: dict[str, Any], bank: ImageBank, data: Mapping[str, Any]) -> None:
    wanted, got = (" x ".join(map(str, sides)) for sides in (recipe["image_shape"], bank.image_shape))
    if wanted != got:
        raise UsageError(f"checkpoint={source}: trained on images of {wanted}, and the data have {got}")
    # Checkpoints of before the fingerprint was kept say nothing.
    if "fingerprint" in recipe and recipe["fingerprint"] != bank.fingerprint:
        others = unlike(data, recipe["data"]) if recipe["data"] else []
        told = ", ".join(others) or "the settings of the data are alike, the files are not"
        prints = f"fingerprint {bank.fingerprint}, was {recipe['fingerprint']}"
        say(prose(f"note: these are not the images that {source} was trained on: {told} ({prints})"))


def unlike(
    data: Mapping[str, Any],  # a config of data
    before: Mapping[str, Any],  # another
) -> list[str]:
    """The settings that give them other images, in words: `gamma 0.3 (was 0.5)`."""
    known = [flat({**of_images(one, gamma=False), "gamma": one.get("gamma", 0.0)}) for one in (data, before)]
    if not all(one["gamma"] for one in known):  # where one has no pattern, its shape and colours say nothing
        known = [{name: value for name, value in one.items() if "pattern" not in name} for one in known]
    new, old = known
    names = [name for name in dict.fromkeys([*new, *old]) if new.get(name) != old.get(name)]
    return [f"{name} {_shown(new.get(name))} (was {_shown(old.get(name))})" for name in names]


def _shown(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
