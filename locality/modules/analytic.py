"""Fitting a denoiser that needs no training, as one pass of the trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from einops import rearrange
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from locality.bank import ImageBank, to_float
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.data.batch import Batch
from locality.denoisers.fitting import Fit, Recipe
from locality.live import LIVE
from locality.making import get_class, made
from locality.modules.base import DenoiserModule
from locality.modules.naming import named, of_schedule, recipe
from locality.modules.restoring import restored
from locality.schedule import NoiseSchedule
from locality.statistics import GaussianStats, Sums
from locality.trust.listed import FITTED


class OnePass(LightningDataModule):
    """The train bank of a data module, once, in order, with the mirror images where training flips."""

    def __init__(self, data: ImageDataModule) -> None:
        super().__init__()
        self.data = data

    @property
    def bank(self) -> ImageBank:
        """The images to fit to."""
        return self.data.bank("train")

    def train_dataloader(self) -> DataLoader[Batch]:
        """This rank's part of the bank."""
        self.data.trainer = self.trainer  # which knows the ranks
        return self.data.moments_dataloader()


class AnalyticModule(DenoiserModule):
    """Fits an analytical denoiser in one epoch: each rank sums the moments of its part of the images.

    `denoiser` exists after `trainer.fit(module, datamodule=OnePass(data))`. An `ImageDataModule` and plain
    loaders of images do as well, with any trainer; the module ends the fit after one pass. The checkpoint
    holds the denoiser's state if it can be rebuilt from that alone and the state is smaller than the images.
    Else it holds the fingerprint of the images, and loading fits the denoiser again. With a trainer of one's
    own nobody else knows the images, and the checkpoint holds these.
    """

    def __init__(
        self,
        image_shape: Sequence[int],  # (C, H, W)
        denoiser: Fit,  # fit(bank) or fit(bank, stats=...) -> Denoiser
        schedule: NoiseSchedule | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(image_shape, schedule, seed)
        self.recipe = Recipe.of(denoiser)
        self.automatic_optimization = False

    def configure_optimizers(self) -> None:
        """None: there is nothing to optimise."""

    def on_train_start(self) -> None:
        """Starts the sums about the first images' mean, the same point on every rank."""
        self._images: list[Tensor] = []  # of a plain loader
        if not self._one_pass:
            return
        bank = self._bank()
        first = to_float(bank.taken(slice(256)), torch.float64).cpu()
        self._point = rearrange(first, "b c h w -> b (c h w)").mean(0)
        self._sums = Sums.zero(len(self._point))

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds a batch to the moments; keeps the images of a plain loader."""
        batch = self.batch_of(batch, batch_idx)
        if self._loader_only:
            self._images.append(batch.images.cpu())
        if not self._one_pass or not self.recipe.accepts("stats"):
            return
        flat = rearrange(batch.images, "b c h w -> b (c h w)").cpu().double()
        self._sums.update(flat - self._point, batch.weight.cpu())

    def on_train_epoch_end(self) -> None:
        """Adds up the ranks' sums and builds the denoiser."""
        bank = self._bank()
        with LIVE.task("fitting"):
            self.denoiser = self.recipe.fit(bank, self._stats).to(self.device)
        if self.recipe.accepts("stats"):
            self.log("train/images", float(self._total))
        if not self._one_pass:  # whose trainer may have been told of any number of epochs
            self.trainer.should_stop = True

    def _stats(self) -> GaussianStats:
        if not self._one_pass:
            self._total = len(self._bank())
            return GaussianStats.from_bank(self._bank())
        if self.trainer.world_size > 1:
            for mine in self._sums.tensors():
                mine.copy_(self._over_ranks(mine))
        stats = GaussianStats.from_sums(self._sums, self._point, self.image_shape)
        self._total = stats.count or 0
        return stats

    def _over_ranks(self, mine: Tensor) -> Tensor:
        return self.trainer.strategy.reduce(mine.to(self.device), reduce_op="sum").cpu()

    @property
    def _data(self) -> object:
        return getattr(self.trainer, "datamodule", None)

    @property
    def _one_pass(self) -> bool:
        return isinstance(self._data, OnePass)

    @property
    def _loader_only(self) -> bool:
        return not isinstance(self._data, OnePass | ImageDataModule)

    def _bank(self) -> ImageBank:
        if isinstance(self._data, OnePass):
            return self._data.bank
        if isinstance(self._data, ImageDataModule):
            return self._data.bank("train")
        if self.trainer.world_size > 1:
            raise ValueError("fit: each rank has a part of a plain loader's images; want an ImageDataModule")
        return ImageBank(torch.cat(self._images), bound=math.inf)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Makes the denoiser that was saved; where its images are not kept, it is fitted to them again."""
        self.denoiser = restored(checkpoint, self.recipe, lambda: self._images_of(checkpoint), self._kind)
        state = self.denoiser.state_dict()
        checkpoint["state_dict"] = {f"denoiser.{name}": value for name, value in state.items()}

    def _images_of(self, checkpoint: Mapping[str, Any]) -> ImageBank:
        """The images of a fit: those of the trainer, else those that the recipe names."""
        if self._trainer is not None and not self._loader_only:
            return self._bank()
        data: ImageDataModule = made(checkpoint["hyper_parameters"]["data"], where="data")
        return data.bank("train")

    def _kind(self, name: str) -> Any:
        """The class of a fitted denoiser: the one that our fit belongs to, or one of a list."""
        own = self.recipe.kind
        if own is not None and name == f"{own.__module__}.{own.__qualname__}":
            return own
        if name not in FITTED:
            raise UsageError(f"denoiser: want what {self.recipe.target} fits, got a {name}")
        return get_class(name)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps the denoiser's state, or the images' fingerprint, whichever is smaller."""
        bank = self._bank()
        state = self.denoiser.state_dict()
        images = len(bank) * bank.image_shape.numel() * bank.images.itemsize
        kind = type(self.denoiser)
        own = not checkpoint.get("hyper_parameters")  # no run of train.py: nobody else knows the images
        if own:
            checkpoint["hyper_parameters"] = recipe(
                type(self), self.image_shape, seed=self.seed, schedule=of_schedule(self.schedule),
                denoiser=named(self.recipe.target, self.recipe.settings),
            )  # fmt: skip
        if hasattr(kind, "from_state") and (own or _bytes(state.values()) < images):
            checkpoint["state_dict"] = state
            checkpoint["denoiser"] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
        elif own:
            checkpoint["state_dict"] = {}
            checkpoint["denoiser"] = {"images": bank.taken(slice(None))}
        else:
            checkpoint["state_dict"] = {}
            checkpoint["denoiser"] = {"fingerprint": bank.fingerprint}


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.itemsize for tensor in tensors)
