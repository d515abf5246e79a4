"""What every comparison is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from lightning import LightningModule, Trainer
from torch import Tensor

from locality.bank import ImageBank, thinned
from locality.callbacks.interrupt import agreed
from locality.checkpoints.trained import Trained
from locality.compare.attention import Attention
from locality.compare.candidate import fitted_candidate
from locality.compare.floor import beside_wiener
from locality.compare.known import Known
from locality.compare.origins import Origins
from locality.compare.summary import FLOOR
from locality.config import NAME, UsageError
from locality.data import ImageDataModule
from locality.data.splits import Split
from locality.denoisers import NetworkDenoiser, Wiener
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Recipe
from locality.denoisers.options import choice
from locality.heldout import is_dear
from locality.live import LIVE
from locality.ranks import say
from locality.report import Report
from locality.settings import check_candidates
from locality.statistics import GaussianStats
from locality.stopping import Stopped

UsedSettings = Literal["auto", "none"]  # as compare=calibrate found, where it did; or as configured


@contextmanager
def asked(setting: str = "compare.") -> Iterator[None]:
    """Refusals of what a setting is given to become a mistake of that setting. Raises UsageError."""
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{setting}{error}") from error


@dataclass(kw_only=True)
class Context:
    """A trained denoiser, the recipes of its rivals, its data, and where results go."""

    trained: Denoiser | None  # None: asked for with checkpoint=null, by what can do without
    fits: Mapping[str, Recipe]  # by name, each waiting for the bank
    data: ImageDataModule
    report: Report
    attention: Attention  # what would make its tables mislead
    trainer: Callable[..., Trainer]  # trainer(**changes): of the user's choice, logging to the report
    seed: int
    cache: str | None  # where statistics are kept
    reference_name: str  # of its row: "network", or the kind of analytical denoiser
    calibrations: Path  # the folder beside the checkpoint; <name>.<setting>.json for a candidate's setting
    networks: Mapping[str, Trained] = field(default_factory=dict)  # more of them, by name
    origins: Origins = field(default_factory=Origins)  # of the candidates' settings; filled by `recipes`

    @property
    def reference(self) -> Denoiser:
        """The trained denoiser. Raises UsageError where there is none."""
        if self.trained is None:
            raise UsageError("checkpoint: want a network to compare with, got null; give checkpoint=auto")
        return self.trained

    @cached_property
    def bank(self) -> ImageBank:
        """The training images."""
        return self.data.bank("train")

    @cached_property
    def stats(self) -> GaussianStats:
        """The mean and covariance of the training images, measured once for all candidates."""
        return self.measured(self.bank)

    def measured(self, bank: ImageBank) -> GaussianStats:
        """The statistics of some images; the run's lineage says so."""
        self.report.measures(bank, self.cache)
        return GaussianStats.measured(bank, self.cache)

    @cached_property
    def known(self) -> Known:
        """What compare=calibrate found."""
        return Known(self.calibrations, self.bank, frozenset(self.origins.given))

    def judge(
        self,
        networks: Mapping[str, Denoiser],
        wiener: Denoiser | None = None,  # of the images that they learned from; None: of the bank
        data: ImageDataModule | None = None,  # theirs; None: those of the comparison
    ) -> None:
        """Warns of networks, or another reference, that are worse than the Wiener filter on test images."""
        networks = {name: one for name, one in networks.items() if not isinstance(one, Wiener)}  # the measure
        if not networks:
            return
        wanted = wiener is not None or any(fit.accepts("stats") for fit in self.fits.values())
        if not wanted and is_dear(self.bank):
            say(f"note: compare=quick tells whether the {' and the '.join(networks)} is as good as Wiener")
            return
        with LIVE.task(f"{', '.join(networks)} beside Wiener"):
            wiener = Wiener(self.stats.of_full_rank()) if wiener is None else wiener
            images, device = (data or self.data).bank("test").images, self.trainer().strategy.root_device
            ratios = beside_wiener(networks, wiener, images, self.seed, device)
        for name, ratio in ratios.items():
            self.attention.worse(name, ratio, isinstance(networks[name], NetworkDenoiser))

    def images(
        self,
        count: int,
        split: Split = "test",
        least: int = 1,  # 2 where they have to give an interval
        data: ImageDataModule | None = None,  # those of a network; None: those of the comparison
    ) -> Tensor:  # [count, C, H, W] uint8 or float
        """The first images of a split. Raises UsageError for more than there are, or too few."""
        images = (data or self.data).bank(split).images
        if not isinstance(count, int) or not least <= count <= len(images):
            raise UsageError(f"compare.count: want {least} to {len(images)} {split} images, got {count!r}")
        return images[:count]

    def check_count(self, count: int, least: int = 1, data: ImageDataModule | None = None) -> None:
        """Raises UsageError for a count of test images that will not do, or that ranks cannot share."""
        self.images(count, "test", least, data)
        with asked():
            self.bank.shard.check_even("count", count)

    def check_rivals(self) -> None:
        """Raises UsageError where there is nothing to compare the reference with."""
        if not self.fits and not self.networks:
            raise UsageError(
                "candidates: want at least one, or networks=, to compare with; got none; "
                "+denoiser@candidates.wiener=wiener adds one"
            )

    def check_networks(self) -> None:
        """Raises UsageError for a network of other images, or two of a name."""
        shape = self.data.image_shape
        for name, one in self.networks.items():
            if one.denoiser.image_shape != shape:
                want, got = tuple(shape), tuple(one.denoiser.image_shape or ())
                raise UsageError(f"networks.{name}: want images {want}, as the data; {one.path} makes {got}")
            if name in (self.reference_name, *self.fits):
                raise UsageError(f"networks.{name}: want another name, this one is taken")

    def check_pictures(self, pictures: int) -> None:
        """Raises UsageError for no columns of pictures."""
        if pictures < 1:
            raise UsageError(f"compare.pictures: want at least 1, got {pictures}")

    def checked_counts(self, setting: str, given: Mapping[str, int] | None) -> dict[str, int]:
        """Counts by candidate. Raises UsageError for other names, and for what is no whole number from 1."""
        if not isinstance(given, Mapping | None):
            raise UsageError(f"compare.{setting}: want counts of candidates, {{name: count}}, got {given!r}")
        counts = dict(given or {})
        check_candidates(setting, counts, self.fits)
        for name, count in counts.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise UsageError(f"compare.{setting}.{name}: want a whole number from 1, got {count!r}")
        return counts

    def test(self, module: LightningModule, count: int, data: ImageDataModule | None = None) -> None:
        """Shows the module the first test images, `count` of them and the rest of the last batch; no bar."""
        data = data or self.data
        batches = math.ceil(count / data.eval_batch_size)
        trainer = self.trainer(limit_test_batches=batches, enable_progress_bar=False)
        trainer.test(module, datamodule=data, verbose=False)

    def stop_together(self, module: LightningModule) -> None:
        """Between two rows of a test: raises `Stopped` on all ranks, if any rank was asked to stop."""
        number = agreed(module.trainer) if module.trainer.world_size > 1 else 0
        if number:
            raise Stopped.by(number)

    def rivals(
        self,
        calibration: UsedSettings = "auto",  # with what compare=calibrate found; "none": as configured
        bank_counts: Mapping[str, int] | int | None = None,  # images for the costly ones, or each; else all
        calibrated_as: Mapping[str, str] | None = None,  # candidates that take the calibration of another
        ratios: bool = False,  # whether the table has errors over Wiener's: `judge_in_table` then warns
    ) -> dict[str, Denoiser]:
        """All that the reference is compared with: more networks first, then the candidates.

        These are fitted to the training images, or to some of them, evenly spread; statistics are of all
        images in any case. Warns first of what would make the comparison mislead. Checks the networks.
        """
        self.check_networks()
        fits, banks = self.recipes(calibration, calibrated_as), self._banks(bank_counts)
        self.attention.banks(self.origins.far({name: len(banks[name]) for name in fits}))
        if not (ratios and FLOOR in self.fits):
            self.judge({self.reference_name: self.reference})
        ours = {name: one.denoiser for name, one in self.networks.items()}
        return ours | {
            name: fitted_candidate(name, fit, banks[name], lambda: self.stats) for name, fit in fits.items()
        }

    def recipes(
        self,
        calibration: UsedSettings = "auto",  # with what compare=calibrate found; "none": as configured
        calibrated_as: Mapping[str, str] | None = None,  # candidates that take the calibration of another
    ) -> dict[str, Recipe]:
        """The candidates, with what was found for them. Warns of settings that nobody chose for the data."""
        alike = dict(calibrated_as or {})
        check_candidates("calibrated_as", alike, self.fits)
        for name, other in alike.items():
            if not NAME.fullmatch(other):
                raise UsageError(f"compare.calibrated_as.{name}: want the name of a candidate, got {other!r}")
        fits = dict(self.fits)
        wanted = choice("compare.calibration", calibration, ("auto", "none")) == "auto"
        for name, fit in self.fits.items():
            like = alike.get(name, name)
            kept = self.known.of(name, like) if wanted else {}
            fit = self.known.with_members(name, fit) if wanted else fit
            fits[name] = self.known.applied(name, fit, kept)
            self.origins.note(name, like, fits[name], kept)
        self.attention.settings(self.origins)
        return fits

    def _banks(self, bank_counts: Mapping[str, int] | int | None) -> dict[str, ImageBank]:
        """The training images of each candidate, or some of them. Raises UsageError for other counts."""
        if isinstance(bank_counts, int):
            if isinstance(bank_counts, bool) or bank_counts < 1:
                raise UsageError(f"compare.bank_counts: want a whole number from 1, got {bank_counts!r}")
            bank_counts = dict.fromkeys(self.fits, bank_counts)
        asked, most = self.checked_counts("bank_counts", bank_counts), len(self.bank)
        return {name: thinned(self.bank, min(asked.get(name, most), most)) for name in self.fits}
