"""One run of evaluate.py."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import lightning
from lightning import Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from locality import build
from locality.checkpoints.networks import networks
from locality.checkpoints.reading import calibrations
from locality.checkpoints.resolving import resolve
from locality.checkpoints.shelf import Shelf
from locality.compare.attention import Attention
from locality.compare.context import Context
from locality.compare.needs import needs_network
from locality.compare.origins import Origins
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser
from locality.denoisers.base import Denoiser
from locality.disk import shown_path
from locality.holding import holding, start_ranks
from locality.ranks import say
from locality.report import Report
from locality.report.lineage import comparison_artifact, data_artifact, network_artifact
from locality.report.names import spoken
from locality.shipped import command, shipped_folder


class Evaluation:
    """Making it builds all that can be built without a run folder, and so finds what does not fit."""

    resume_step = None  # an evaluation is short: it is not resumed

    def __init__(self, cfg: DictConfig) -> None:
        lightning.seed_everything(cfg.seed, verbose=False)
        shelf = Shelf(cfg.trust, cfg.cache)
        self.cfg = cfg = resolve(cfg, shelf)
        self.networks = networks(cfg, shelf)
        path = None if cfg.checkpoint is None else Path(cfg.checkpoint)
        self.data = build.datamodule(cfg.data, hold=holding(cfg))
        bank = self.data.bank("train")
        self.facts = {"fingerprint": bank.fingerprint}
        if path is not None:
            _check_images(path, shelf.read(path)["hyper_parameters"], bank.image_shape, bank.fingerprint)
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
            origins=Origins(frozenset(self.cfg.given), _calibrate(self.cfg), calibrated_anyway()),
        )
        report.uses(data_artifact(context.bank))
        for path in self.origins:
            report.uses(network_artifact(path))
        numbers = self.compare(context)
        report.conclusion = spoken(context.attention.concluded(report.conclusion))
        compare = str(self.cfg.compare["_target_"]).rsplit(".", 1)[-1]
        report.makes(comparison_artifact(folder, compare, numbers))
        return numbers


def _calibrate(cfg: DictConfig) -> str:
    """The command that finds settings for the checkpoint of an evaluation; empty without one."""
    if cfg.checkpoint is None:
        return ""
    of_parts = calibrating(str(OmegaConf.select(cfg, "data.source._target_")))
    what = f"experiment={of_parts}" if of_parts else "compare=calibrate"
    return f"{command('evaluate')} {what} checkpoint={shown_path(Path(cfg.checkpoint))}"


def calibrating(
    source: str,  # of images, as a config names it
) -> str | None:
    """The experiment that calibrates on these images: on parts of the bank, where all of it takes hours."""
    for path in sorted((shipped_folder("configs") / "experiment").glob("*.yaml")):
        chosen = {group: choice for entry in _defaults(path) for group, choice in entry.items()}
        data = chosen.get("override /data")
        if data is not None and chosen.get("override /compare") == "calibrate":
            images = OmegaConf.load(shipped_folder("configs") / "data" / f"{data}.yaml")
            if OmegaConf.select(images, "source._target_") == source:
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
