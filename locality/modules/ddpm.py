"""Training a denoising network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from einops import reduce
from lightning import Callback
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from locality.bank import ImageBank
from locality.data.batch import Batch
from locality.data.sampler import GlobalBatches
from locality.denoisers.base import per_image
from locality.denoisers.network import NetworkDenoiser, Prediction
from locality.denoisers.wiener import Wiener
from locality.metrics.noise_bands import NoiseBands
from locality.modules.base import DenoiserModule
from locality.modules.ddpm_settings import check_settings
from locality.modules.ema import EMA
from locality.modules.naming import named, of_schedule, recipe
from locality.networks.dropout import by_image
from locality.noise import ImageDraws, generator
from locality.schedule import NoiseSchedule
from locality.statistics import GaussianStats
from locality.statistics_cache import DEFAULT

BANDS = ((0, 100), (100, 300), (300, 500), (500, 700), (700, 1000))  # time-steps of validation's noise bands
UNTOLD: Final = 10  # one image in so many is shown without its class (Ho & Salimans 2022)
LOWEST_SCALE: Final = 2.0**-14  # of a loss in 16-bit floats; it begins at 2**16, an overflow halves it


class Diverged(RuntimeError):
    """A training whose numbers are no longer finite."""


class DDPMModule(DenoiserModule):
    """Trains a network on `E |eps(x_vp, t) - eps|^2`, t uniform (Ho et al. 2020, eq. 14).

    A network that puts out something else (`prediction`) is trained on the squared error of that.

    AdamW with a linear warm-up and a cosine to zero over the run. Time-step, noise and dropout of a training
    image are functions of (seed, epoch, index), those of a validation image of (seed, index). So training
    resumes exactly and gives the same weights on any number of ranks. Validation losses of epochs compare.

    A loss or a gradient that is not finite raises `Diverged` on all ranks, before the optimiser's step and
    before anything is saved.
    """

    denoiser: NetworkDenoiser

    def __init__(
        self,
        image_shape: Sequence[int],  # (C, H, W)
        network: Callable[[Sequence[int]], nn.Module],  # a builder of networks; called with image_shape
        learning_rate: float = 2e-4,  # peak
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        warmup_steps: int = 200,  # optimiser steps; a tenth of the run if that is less
        schedule: NoiseSchedule | None = None,
        ema_decay: float = 0.999,  # of the averaged weights, which are validated and kept; 0: none
        seed: int = 0,  # of the weights, the noise and the dropout
        prediction: Prediction = "epsilon",  # what the network puts out, and the loss compares
        compile: bool = False,  # the network, for training: for GPUs; minutes at first
        fused: bool = False,  # one kernel for a step of AdamW: for GPUs
    ) -> None:
        super().__init__(image_shape, schedule, seed)
        self._recipe = recipe(
            type(self), image_shape, network=named(network), schedule=of_schedule(self.schedule), seed=seed,
            learning_rate=learning_rate, weight_decay=weight_decay, betas=list(betas), ema_decay=ema_decay,
            warmup_steps=warmup_steps, prediction=prediction,
        )  # fmt: skip
        check_settings(learning_rate, weight_decay, betas, warmup_steps, ema_decay)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator(seed, "weights").initial_seed())
            net = network(self.image_shape)
        self.dropouts = tuple(by_image(net))
        floor = Wiener.blank(self.image_shape) if prediction == "wiener_residual" else None
        self.denoiser = NetworkDenoiser(net, self.schedule, self.image_shape, prediction, floor=floor)
        self.learning_rate, self.weight_decay, self.betas = learning_rate, weight_decay, (betas[0], betas[1])
        self.warmup_steps, self.ema_decay = warmup_steps, ema_decay
        self.compiled, self.fused = compile, fused
        self.bands = NoiseBands(BANDS)
        self.told_labels = self.denoiser.classes > 0

    def fit_floor(self, bank: ImageBank, cache: str | Path | None = DEFAULT) -> None:
        """Fits the filter that `wiener_residual` corrects, shrunk for few images; else does nothing."""
        if self.denoiser.floor is not None:
            self.denoiser.fit_floor(Wiener(GaussianStats.measured(bank, cache).of_full_rank()))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW; the learning rate changes at every step."""
        optimizer = torch.optim.AdamW(
            self.denoiser.parameters(), self.learning_rate, self.betas,
            weight_decay=self.weight_decay, fused=self.fused,
        )  # fmt: skip
        total = int(self.trainer.estimated_stepping_batches)
        warmup = max(1, min(self.warmup_steps, total // 10))

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Lightning's clipping, also for a fused optimiser."""
        # Lightning refuses that one, as its step may undo the scaling of a loss; nothing is scaled here.
        if self.fused and gradient_clip_val and not isinstance(self._scaler(), torch.amp.GradScaler):
            nn.utils.clip_grad_norm_(self.denoiser.parameters(), gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def configure_callbacks(self) -> list[Callback]:
        """The moving average of the weights."""
        return [EMA(self.ema_decay)] if self.ema_decay > 0 else []

    def on_train_start(self) -> None:
        """Where a run resumes within an epoch, leaves out the batches that it has seen."""
        if self.compiled:
            self.denoiser.net.compile()
        seen = self.trainer.fit_loop.epoch_loop.batch_progress.current.ready
        sampler = getattr(self.trainer.train_dataloader, "sampler", None)
        # After a whole epoch the counter still stands at its end; Lightning resets it only later.
        if seen < self.trainer.num_training_batches and isinstance(sampler, GlobalBatches):
            sampler.skip = seen

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch; over ranks it averages to that of the global batch."""
        batch, stream = self.batch_of(batch, batch_idx), f"train/{self.current_epoch}"
        for dropout in self.dropouts:
            dropout.index, dropout.key = batch.index, (self.seed, "dropout", stream)
        losses, _ = self._losses(batch, stream)
        # DDP averages gradients over ranks; padding (weight 0) must not dilute the mean over real images.
        world = self.trainer.world_size
        total = (
            self.trainer.strategy.reduce(batch.weight.sum(), reduce_op="sum")
            if world > 1
            else batch.weight.sum()
        )
        loss = (losses * batch.weight).sum() / total * world
        self.log("train/loss", loss.detach(), prog_bar=True, sync_dist=world > 1)
        self._loss = loss.detach()
        # The square of a large error is infinite while its gradient is not. A factor of NaN makes it one,
        # which the sum over ranks carries to all of them.
        return loss * torch.where(loss.isfinite(), 1.0, torch.nan).detach()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds the losses to their noise bands."""
        batch = self.batch_of(batch, batch_idx)
        losses, t = self._losses(batch, "validation")
        self.bands.update(losses, t, batch.weight)
        self._validated += 1

    def on_validation_epoch_start(self) -> None:
        """Counts the batches anew."""
        self._validated = 0

    def on_validation_epoch_end(self) -> None:
        """Logs `val/loss` and `val/loss_t<low>_<high>`, of the noise bands that had images.

        A band without images, of a small validation set, is left out of the mean. Nothing is logged of a
        validation that was cut short.
        """
        means = self.bands.compute()
        self.bands.reset()
        if self._validated < sum(self.trainer.num_val_batches) < math.inf:
            return
        for (low, high), mean in means.items():
            self._check_finite(mean, f"the validation loss (time-steps {low} to {high})")
            self.log(f"val/loss_t{low:03d}_{high:03d}", mean)
        total = sum(mean * (high - low) for (low, high), mean in means.items())
        loss = torch.as_tensor(total / sum(high - low for low, high in means))
        self._check_finite(loss, "the validation loss")
        self.log("val/loss", loss, prog_bar=True)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuses a step that is not finite; logs the norm of the gradient before it is clipped."""
        norms = torch._foreach_norm([p.grad for p in self.denoiser.parameters() if p.grad is not None])
        norm = torch.stack(norms).norm()
        # The scaler of 16-bit floats leaves single steps out by itself, and looks for the right scale so.
        # Where it has gone far below 1, no scale is right, and it would leave out every step.
        scaler = self._scaler()
        if not isinstance(scaler, torch.amp.GradScaler) or scaler.get_scale() < LOWEST_SCALE:
            self._check_finite(norm, "the norm of the gradient")
        elif not self._everywhere(self._loss.isfinite()):
            self._check_finite(self._loss.new_tensor(torch.nan), "the loss")
        # Only where Lightning writes a row of numbers after this step.
        if (self.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log("train/gradient_norm", norm)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses to keep weights that are not finite."""
        norms = torch._foreach_norm(list(self.denoiser.parameters()))
        self._check_finite(torch.stack(norms), "the norm of the weights")
        checkpoint.setdefault("hyper_parameters", self._recipe)  # there are any where train.py made it

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Goes on with this module's learning rate: a run that diverged may be given a smaller one."""
        for state in checkpoint.get("lr_schedulers", ()):
            state["base_lrs"] = [self.learning_rate for _ in state["base_lrs"]]
        for state in checkpoint.get("optimizer_states", ()):
            for group in state["param_groups"]:
                group["lr"] *= self.learning_rate / group["initial_lr"]
                group["initial_lr"] = self.learning_rate

    def _check_finite(self, value: Tensor, what: str) -> None:
        """Raises Diverged; the value must be the same on all ranks."""
        if not bool(value.isfinite().all()):
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise Diverged(f"at step {self.global_step}, learning rate {rate:.3g}, {what} is not finite")

    def _everywhere(self, fact: Tensor) -> bool:
        return bool(self.trainer.strategy.reduce(fact.float(), reduce_op="min"))

    def _scaler(self) -> object:
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def _losses(
        self, batch: Batch, stream: str
    ) -> tuple[Tensor, Tensor]:  # [b] squared errors, [b] time-steps
        steps = ImageDraws(batch.index, self.seed, stream, "step").below(len(self.schedule))
        eps = ImageDraws(batch.index, self.seed, stream, "noise").normal(self.image_shape).to(batch.images)
        sigma = self.schedule.sigma(steps, batch.images.dtype)
        labels = self._told(batch, stream) if self.told_labels else None
        guess = self.denoiser.output(batch.images + per_image(sigma) * eps, sigma, labels)
        wanted = self.denoiser.target(batch.images, eps, sigma)
        return reduce((guess - wanted).square(), "b c h w -> b", "mean"), steps

    def _told(self, batch: Batch, stream: str) -> Tensor:  # [b] int64
        """What the network is told of each image: its class, or in one case of ten that it is not told."""
        if batch.labels is None:
            raise ValueError("batch: want labels [b], int64, for a network that is told classes, got none")
        classes = self.denoiser.classes
        if int(batch.labels.max()) >= classes:
            raise ValueError(f"labels: want classes below {classes}, got {int(batch.labels.max())}")
        hidden = ImageDraws(batch.index, self.seed, stream, "label").below(UNTOLD) == 0
        return torch.where(hidden.to(batch.labels.device), classes, batch.labels)
