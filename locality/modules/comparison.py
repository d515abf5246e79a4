"""A reference denoiser and candidates, on the same noise."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from locality.data.batch import Batch
from locality.denoisers.base import Denoiser
from locality.metrics import Curve, ImageMSE, ImageR2, PerImage
from locality.modules.base import DenoiserModule
from locality.ranks import first_rank
from locality.sampling import start, trajectory
from locality.schedule import NoiseSchedule

SETTINGS = ("heldout", "forward", "path")  # what estimates are measured in: see Scores
Values = list[Tensor]  # S times [N], one number for each image at each noise level


@dataclass(frozen=True)
class Scores:
    """How one denoiser did, image by image; the last four against the reference (None for itself)."""

    seconds: float  # of one denoising step, per image
    heldout_mse: Values  # one denoising step of noised test images, against the clean images
    heldout_r2: Values  # NaN, as every r2 here, where the target is blank
    forward_mse: Values | None = None  # the same step, against the reference's estimate
    forward_r2: Values | None = None
    path_mse: Values | None = None  # the estimates along S steps of DDIM; the last are the final samples
    path_r2: Values | None = None
    more: Mapping[str, Values] = field(default_factory=dict)  # heldout/<metric>, forward/..., path/...


class ComparisonModule(DenoiserModule):
    """Under `Trainer.test`, every denoiser sees the same noise, and is measured against the reference.

    There are two settings: one denoising step from noised test images, at S noise levels; and the estimates
    along S steps of DDIM from the same start noise, whose last ones are the final samples. In the first
    setting all are also measured against the clean images.
    """

    def __init__(
        self,
        reference: Denoiser,
        candidates: Mapping[str, Denoiser],
        count: int,  # test images, and samples
        reference_name: str = "network",
        pictures: int = 10,  # columns of the picture grids
        schedule: NoiseSchedule | None = None,
        seed: int = 0,
        metrics: Mapping[str, PerImage] | None = None,  # more of them, beside r2 and mse
    ) -> None:
        if reference_name in candidates:
            raise ValueError(f"candidates: {reference_name!r} is the name of the reference; choose another")
        shape = reference.image_shape
        if shape is None:
            raise ValueError("reference: want a denoiser with an image_shape")
        super().__init__(shape, schedule, seed)
        self.denoiser = reference
        self.reference_name, self.count, self.pictures = reference_name, count, pictures
        self.denoisers = nn.ModuleDict({reference_name: reference, **candidates})
        self.tallies = nn.ModuleDict({name: _Tally(self.sigmas, metrics or {}) for name in self.denoisers})
        self.results: dict[str, Scores] = {}  # filled by the test run
        self._warm: set[tuple[str, int]] = set()  # denoisers that have been called, and at which step
        self.grids: dict[str, dict[str, Tensor]] = {"denoise": {}, "samples": {}}

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Adds a batch; images beyond the count are left out."""
        keep = (batch.index < self.count) & (batch.weight > 0)
        batch = batch.kept(keep)
        if len(batch.index) == 0:
            return
        from tqdm import tqdm

        steps = 2 * len(self.sigmas) * len(self.denoisers)
        # A batch may take minutes: Lightning's bar, which counts batches, says nothing for so long.
        with tqdm(total=steps, unit="step", leave=False, disable=None if first_rank() else True) as bar:
            self._forward(batch, bar)
            self._sample(batch, bar)

    def on_test_epoch_end(self) -> None:
        """Gathers the numbers of each denoiser from all ranks into `results`."""
        self.results = {
            name: self._tally(name).scores(name == self.reference_name) for name, _ in self._each()
        }

    def _forward(self, batch: Batch, bar: Any) -> None:
        noise = self.noise(batch.index, "test")
        shown = len(self.sigmas) // 2  # t = 400: the coarse structure is there, the detail is not
        for step, sigma in enumerate(self.sigmas.to(noise)):
            x = batch.images + sigma * noise
            target = None
            for name, denoiser in self._each():
                bar.set_description(f"one step, {name}")
                if (name, step) not in self._warm:  # it may plan, and the first of all compiles: no such time
                    denoiser(x[:1], sigma)
                    self._warm.add((name, step))
                estimate, seconds = _timed(denoiser, x, sigma)
                _check_finite(name, estimate, sigma)
                self._tally(name).heldout(step, estimate, batch)
                self._tally(name).seconds.update(seconds / len(x), len(x))
                bar.update()
                if target is None:
                    target = estimate
                else:
                    self._tally(name).forward_step(step, estimate, target, batch)
                if step == shown:
                    self._show("denoise", name, estimate)
            if step == shown:
                self._show("denoise", "clean image", batch.images)
                self._show("denoise", f"noisy, sigma {sigma:.2f}", x)

    def _sample(self, batch: Batch, bar: Any) -> None:
        first = start(self.noise(batch.index, "sample"), self.sigmas[0])
        targets: list[Tensor] = []
        for name, denoiser in self._each():
            bar.set_description(f"samples, {name}")
            path = []
            for point in trajectory(denoiser, first, self.sigmas.to(first)):
                path.append(point.x0)
                bar.update()
            for sigma, estimate in zip(self.sigmas, path, strict=True):
                _check_finite(name, estimate, sigma)
            self._show("samples", name, path[-1])
            if not targets:
                targets = path
                continue
            for step, (estimate, target) in enumerate(zip(path, targets, strict=True)):
                self._tally(name).path_step(step, estimate, target, batch)

    def _each(self) -> list[tuple[str, Denoiser]]:
        return [
            (name, denoiser) for name, denoiser in self.denoisers.items() if isinstance(denoiser, Denoiser)
        ]

    def _tally(self, name: str) -> _Tally:
        tally = self.tallies[name]
        assert isinstance(tally, _Tally)
        return tally

    def _show(self, grid: str, name: str, images: Tensor) -> None:
        kept = self.grids[grid].get(name)
        joined = images.detach().cpu() if kept is None else torch.cat([kept, images.detach().cpu()])
        self.grids[grid][name] = joined[: self.pictures]


class _Tally(nn.Module):
    """The running metrics of one denoiser."""

    def __init__(self, sigmas: Tensor, metrics: Mapping[str, PerImage]) -> None:
        super().__init__()
        keys = [(f"{setting}/{name}", name) for setting in SETTINGS for name in metrics]
        self.more = nn.ModuleDict({key: Curve(metrics[name], sigmas) for key, name in keys})
        self.heldout_mse, self.heldout_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.forward_mse, self.forward_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.path_mse, self.path_r2 = Curve(ImageMSE(), sigmas), Curve(ImageR2(), sigmas)
        self.seconds = MeanMetric()

    def heldout(self, step: int, estimate: Tensor, batch: Batch) -> None:
        """Adds estimates and the clean images."""
        self.heldout_mse.update(step, estimate, batch.images, batch.index)
        self.heldout_r2.update(step, estimate, batch.images, batch.index)
        self._update_more("heldout", step, estimate, batch.images, batch)

    def forward_step(self, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        """Adds estimates from noised images, and the reference's."""
        self.forward_mse.update(step, estimate, target, batch.index)
        self.forward_r2.update(step, estimate, target, batch.index)
        self._update_more("forward", step, estimate, target, batch)

    def path_step(self, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        """Adds estimates along a DDIM run, and the reference's."""
        self.path_mse.update(step, estimate, target, batch.index)
        self.path_r2.update(step, estimate, target, batch.index)
        self._update_more("path", step, estimate, target, batch)

    def scores(self, reference: bool) -> Scores:
        """The numbers so far; the reference is not compared with itself."""
        scores = Scores(
            seconds=self.seconds.compute().item(),
            heldout_mse=self.heldout_mse.values(),
            heldout_r2=self.heldout_r2.values(),
            more={key: curve.values() for key, curve in self._more("heldout")},
        )
        if reference:
            return scores
        return replace(
            scores,
            forward_mse=self.forward_mse.values(),
            forward_r2=self.forward_r2.values(),
            path_mse=self.path_mse.values(),
            path_r2=self.path_r2.values(),
            more={key: curve.values() for setting in SETTINGS for key, curve in self._more(setting)},
        )

    def _update_more(self, setting: str, step: int, estimate: Tensor, target: Tensor, batch: Batch) -> None:
        for _, curve in self._more(setting):
            curve.update(step, estimate, target, batch.index)

    def _more(self, setting: str) -> list[tuple[str, Curve]]:
        curves = [(key, curve) for key, curve in self.more.items() if isinstance(curve, Curve)]
        return [(key, curve) for key, curve in curves if key.startswith(f"{setting}/")]


def _check_finite(name: str, estimate: Tensor, sigma: Tensor) -> None:
    if not bool(estimate.isfinite().all()):
        raise ValueError(
            f"{name}: its estimate at sigma {sigma.item():.3g} has NaN or infinity; leave that candidate out "
            f"(~candidates.{name}), or name another network (checkpoint=, networks=)"
        )


def _timed(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> tuple[Tensor, float]:  # the estimate, seconds
    _wait(x)
    began = time.perf_counter()
    estimate = denoiser(x, sigma)
    _wait(x)
    return estimate, time.perf_counter() - began


def _wait(x: Tensor) -> None:
    if x.is_cuda:
        torch.cuda.synchronize(x.device)
