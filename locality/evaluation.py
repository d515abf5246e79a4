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
from locality.making import plain
from locality.report import Report
from locality.report.lineage import comparison_artifact, data_artifact, network_artifact
from locality.report.names import IMAGES, spoken
from locality.runs.finding import quoted, words_of_data
from locality.runs.resuming import unfinished
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
        self.learned, self.beware = None, list[str]()
        if path is not None:
            self.learned = shelf.read(path)["hyper_parameters"]["data"]
            self.beware += _images(path, shelf.read(path)["hyper_parameters"], bank, plain(cfg.data))
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
        known = ((one, unfinished(one)) for one in dict.fromkeys(self.origins))
        stopped = {one: found for one, found in known if found is not None}
        self.beware += [one.note for one in stopped.values()]
        where = {name: one.path for name, one in self.networks.items()}
        where |= {} if path is None else {_name(self.reference, self.fits): path}
        self.longer = {
            name: longer
            for name, one in where.items()
            if one in stopped and (longer := stopped[one].longer) is not None
        }

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
            attention=Attention(report, self.longer),
            trainer=trainer,
            seed=self.cfg.seed,
            cache=self.cfg.cache,
            reference_name=_name(self.reference, self.fits),
            calibrations=kept,
            networks=self.networks,
            origins=Origins(frozenset(self.cfg.given), advised, calibrated_anyway()),
        )
        for note in self.beware:
            context.attention.add(note)
        report.uses(data_artifact(context.bank))
        for path in self.origins:
            report.uses(network_artifact(path))
        numbers = self.compare(context)
        if not isinstance(numbers, dict):
            where, got = self.cfg.compare["_target_"], type(numbers).__name__
            raise UsageError(f"{where}: want a comparison that gives back numbers by name, got {got}")
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


def _images(source: Path, recipe: dict[str, Any], bank: ImageBank, data: Mapping[str, Any]) -> list[str]:
    """Checks their shape. What is to be said where they are others than those of the training."""
    wanted, got = (" x ".join(map(str, sides)) for sides in (recipe["image_shape"], bank.image_shape))
    if wanted != got:
        raise UsageError(f"checkpoint={source}: trained on images of {wanted}, and the data have {got}")
    # Checkpoints of before the fingerprint was kept say nothing.
    if recipe.get("fingerprint", bank.fingerprint) == bank.fingerprint:
        return []
    return [of_others(shown_path(source), data, recipe["data"] or data)]


def of_others(
    network: str,  # where it is
    data: Mapping[str, Any],  # the config of the images that it is compared on
    before: Mapping[str, Any],  # of those that it learned from, which are others
) -> str:
    """One plain sentence: on which images a network was trained, and on which it is compared."""
    sources = [_word(one["source"]["_target_"]) for one in (data, before)]
    new, old = (IMAGES.get(name, name) for name in sources)
    if new != old:
        told = f"it learned from {old}, and is compared on {new}"
    else:
        settings = ", ".join(unlike(data, before))
        how = f"with other settings: {settings}" if settings else "from other files"
        told = f"both are {new}, {how}"
    return f"these are not the images that {network} was trained on: {told}"


def unlike(
    data: Mapping[str, Any],  # a config of data
    before: Mapping[str, Any],  # another
) -> list[str]:
    """The settings that may give them other images, in brief: `gamma 0.3 (was 0.5)`."""
    known = [flat({**of_images(one, gamma=False), "gamma": one.get("gamma", 0.0)}) for one in (data, before)]
    if not all(one["gamma"] for one in known):  # where one has no pattern, its shape and colours say nothing
        known = [{name: value for name, value in one.items() if "pattern" not in name} for one in known]
    new, old = known
    names = [name for name in dict.fromkeys([*new, *old]) if new.get(name) != old.get(name)]
    return [
        f"{_word(name.removesuffix('._target_'))} {_shown(name, new)} (was {_shown(name, old)})"
        for name in names
        if _word(name) not in ("cache", "download", "_partial_")  # how images come there, not which
    ]


def _word(name: str) -> str:
    """The last one of a dotted name."""
    return name.rpartition(".")[2]


def _shown(name: str, config: Mapping[str, Any]) -> str:
    value = config.get(name)
    if name.endswith("_target_") and value is not None:
        return _word(value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
