"""A reference denoiser and candidates, on the same noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from locality.data.batch import Batch
from locality.denoisers.base import Denoiser
from locality.live import LIVE, Task
from locality.metrics import PerImage
from locality.modules.base import DenoiserModule
from locality.modules.tally import Scores, Tally
from locality.sampling import start, trajectory
from locality.schedule import NoiseSchedule

CLEAN_ROW, NOISY = "clean image", "noisy"  # rows of pictures beside those of the denoisers
FLOOR = "wiener"  # the denoiser that all others are set against


@dataclass(frozen=True)
class _Estimates:
    """What a denoiser made of a batch at each noise level."""

    forward: list[Tensor]  # S times [b, C, H, W], of noised test images
    path: list[Tensor]  # the same along DDIM


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
        self.tallies = nn.ModuleDict({name: Tally(self.sigmas, metrics or {}) for name in self.denoisers})
        self.results: dict[str, Scores] = {}  # filled denoiser by denoiser
        self.finished: Callable[[str], None] | None = None  # told of each denoiser whose result is there
        self._batches: list[Batch] = []
        self._warm: set[tuple[str, int]] = set()  # denoisers that have been called, and at which step
        self.grids: dict[str, dict[str, Tensor]] = {"samples": {}}
        self.steps: list[dict[str, Tensor]] = [{} for _ in self.sigmas]  # estimates at each noise level

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps a batch; with the last one all is measured, one denoiser after the other.

        Images beyond the count are left out. Memory holds the reference's estimates of all of them.
        """
        batch = batch.first(self.count)
        if len(batch.index):
            self._batches.append(batch)
        if batch_idx + 1 == self.trainer.num_test_batches[0]:
            self._measure()

    def _measure(self) -> None:
        # The reference first: all others are set against it. Then the floor, if it is among them.
        order = sorted(self._each(), key=lambda each: (each[0] != self.reference_name, each[0] != FLOOR))
        targets: list[_Estimates] = []
        for place, (name, denoiser) in enumerate(order, 1):
            title = f"{name} ({place} of {len(order)})"
            with LIVE.task(title, 2 * len(self.sigmas) * len(self._batches)) as task:
                for number, batch in enumerate(self._batches):
                    found = _Estimates(
                        self._forward(name, denoiser, batch, task), self._sample(name, denoiser, batch, task)
                    )
                    if name == self.reference_name:
                        targets.append(found)
                    else:
                        self._compare(name, batch, found, targets[number])
                task.note("scores")
                self.results[name] = self._tally(name).scores(name == self.reference_name)
            if self.finished:
                self.finished(name)
        self._batches.clear()

    def on_test_epoch_end(self) -> None:
        """Puts results and pictures into the order of the table, whatever was measured first."""
        self.results = {name: self.results[name] for name, _ in self._each()}
        shown = len(self.sigmas) // 2  # t = 400: the coarse structure is there, the detail is not
        noisy = f"{NOISY}, sigma {self.sigmas[shown]:.2f}"
        self.grids["denoise"] = {
            noisy if name == NOISY else name: images for name, images in self.steps[shown].items()
        }
        for rows in self.grids.values():
            ordered = {name: rows.pop(name) for name in self.denoisers if name in rows}
            rows.update({**ordered, **{name: rows.pop(name) for name in list(rows)}})

    def _forward(self, name: str, denoiser: Denoiser, batch: Batch, task: Task) -> list[Tensor]:
        noise = self.noise(batch.index, "test")
        estimates = []
        for step, sigma in enumerate(self.sigmas.to(noise)):
            level = f"level {step + 1} of {len(self.sigmas)}"
            x = batch.images + sigma * noise
            if (name, step) not in self._warm:  # it may plan, and the first of all compiles: no such time
                task.note(f"masks, noise {level}")
                denoiser(x[:1], sigma)
                self._warm.add((name, step))
            task.at(level)
            estimate, seconds = _timed(denoiser, x, sigma)
            _check_finite(name, estimate, sigma)
            self._tally(name).heldout(step, estimate, batch)
            self._tally(name).seconds.update(seconds / len(x), len(x))
            estimates.append(estimate)
            self._show(self.steps[step], name, estimate)
            if name == self.reference_name:
                self._show(self.steps[step], CLEAN_ROW, batch.images)
                self._show(self.steps[step], NOISY, x)
        return estimates

    def _sample(self, name: str, denoiser: Denoiser, batch: Batch, task: Task) -> list[Tensor]:
        first = start(self.noise(batch.index, "sample"), self.sigmas[0])
        path: list[Tensor] = []
        steps = trajectory(denoiser, first, self.sigmas.to(first))
        for step in range(len(self.sigmas)):
            task.at(f"samples, level {step + 1} of {len(self.sigmas)}")
            path.append(next(steps).x0)
        for sigma, estimate in zip(self.sigmas, path, strict=True):
            _check_finite(name, estimate, sigma)
        self._show(self.grids["samples"], name, path[-1])
        return path

    def _compare(self, name: str, batch: Batch, found: _Estimates, target: _Estimates) -> None:
        tally = self._tally(name)
        for step, pair in enumerate(zip(found.forward, target.forward, strict=True)):
            tally.forward_step(step, *pair, batch)
        for step, pair in enumerate(zip(found.path, target.path, strict=True)):
            tally.path_step(step, *pair, batch)

    def _each(self) -> list[tuple[str, Denoiser]]:
        return [
            (name, denoiser) for name, denoiser in self.denoisers.items() if isinstance(denoiser, Denoiser)
        ]

    def _tally(self, name: str) -> Tally:
        tally = self.tallies[name]
        assert isinstance(tally, Tally)
        return tally

    def _show(self, grid: dict[str, Tensor], name: str, images: Tensor) -> None:
        kept = grid.get(name)
        joined = images.detach().cpu() if kept is None else torch.cat([kept, images.detach().cpu()])
        grid[name] = joined[: self.pictures]


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
