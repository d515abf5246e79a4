"""Sensitivity fields under `Trainer.test`: images, or pixels, are shared over ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

import torch
from einops import rearrange
from lightning import LightningModule
from torch import Tensor, nn

from locality.data.batch import Batch
from locality.data.module import ImageDataModule
from locality.denoisers.base import Denoiser, Pixel
from locality.live import LIVE
from locality.metrics import ImageMaps
from locality.sensitivity import Facts, Reduction, Route, SensitivityField, sensitivity_maps
from locality.sensitivity.states import State
from locality.shards import shared

Share = Literal["images", "pixels"]


class FieldModule(LightningModule):
    """Measures the fields of several denoisers at the same noisy images; after the test run, see `fields`.

    With `states="reverse"` these lie along a DDIM run of the first denoiser. Every rank takes its part of
    each batch and all pixels, or (`share="pixels"`, for more pixels than images) every batch whole and its
    part of the pixels. Works in inference mode, too.
    """

    def __init__(
        self,
        denoisers: Mapping[str, Denoiser],
        route: Route,  # where to measure
        pixels: Sequence[Pixel],
        count: int,  # images
        image_shape: Sequence[int],  # (C, H, W)
        reduction: Reduction | None = None,
        share: Share = "images",
    ) -> None:
        super().__init__()
        if share not in get_args(Share):
            raise ValueError(f"share: want images or pixels, got {share!r}")
        if not denoisers:
            raise ValueError("denoisers: want at least one")
        self.denoisers = nn.ModuleDict(denoisers)
        self.route, self.count, self.share = route, count, share
        self.pixels = [(int(row), int(col)) for row, col in pixels]
        self.reduction = reduction or Reduction()
        shape = (len(route.sigmas), *image_shape[1:])
        self.tallies = nn.ModuleDict({name: ImageMaps(shape) for name in denoisers})
        self.fields: dict[str, SensitivityField] = {}  # filled denoiser by denoiser
        self.seen = ImageMaps((len(route.sigmas), *image_shape))
        self.states = torch.empty(0)  # [N, S, C, H, W] the noisy images of these fields, filled with them
        self.finished: Callable[[str], None] | None = None  # told of each denoiser whose field is there
        self._states: list[tuple[Tensor, list[State]]] = []  # indices of images, and these with noise

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps a batch; with the last one all is measured, one denoiser after the other.

        Images beyond the count and padding are left out. Ranks that share a bank share out images: passes
        over it serve all ranks, for the same pixels.
        """
        mine = list(range(len(self.pixels)))
        if self.share == "pixels" and self.trainer.world_size > 1 and not shared(self):
            # Ranks have equal batches, padding included: gathered, they are the global batch.
            images, index, weight = (self._gathered(part) for part in batch[:3])
            batch = Batch(images, index, weight)
            mine = mine[self.global_rank :: self.trainer.world_size]
        batch = batch.first(self.count)
        if mine and len(batch.index):
            guide = next(denoiser for _, denoiser in self._each())
            with LIVE.task("noisy images"):
                states = list(self.route.visit(guide, batch.images, batch.index))
            self._states.append((batch.index, states))
            self.seen.update(torch.stack([x for _, x in states], dim=1), batch.index)
        if batch_idx + 1 == self.trainer.num_test_batches[0]:
            self._measure(mine)

    def _measure(self, mine: Sequence[int]) -> None:
        """Fills `states` and, denoiser by denoiser, `fields`: the maps of single images of all ranks."""
        pixels, levels = [self.pixels[p] for p in mine], len(self.route.sigmas)
        self.states = self.seen.maps().cpu().float()
        for place, (name, denoiser) in enumerate(self._each(), 1):
            title = f"fields of {name} ({place} of {len(self.denoisers)})"
            with LIVE.task(title, levels * len(self._states)) as task:
                for index, states in self._states:
                    maps = []
                    for level, (sigma, x) in enumerate(states, 1):
                        task.at(f"level {level} of {levels}", parts=True)
                        maps.append(sensitivity_maps(denoiser, x, sigma, pixels, self.reduction))
                    # A record for each image and pixel: whoever measured it, it has one place.
                    places = index[:, None] * len(self.pixels) + torch.tensor(mine, device=index.device)
                    records = rearrange(torch.stack(maps, dim=2), "b p s h w -> (b p) s h w")
                    self._tally(name).update(records, places.flatten())
                self.fields[name] = self._field(name)
            if self.finished:
                self.finished(name)
        self._states.clear()

    def _field(self, name: str) -> SensitivityField:
        maps = rearrange(self._tally(name).maps(), "(n p) s h w -> n s p h w", p=len(self.pixels))
        about: Facts = {
            "denoiser": name, "states": self.route.states, "guide": next(iter(self.denoisers)),
            "steps": self.route.steps if self.route.states == "reverse" else 0, "clip": self.route.clip,
            "count": len(maps), "seed": self.route.seed,
        }  # fmt: skip
        single = maps.cpu().float()
        return SensitivityField.of_images(
            single, self.route.sigmas, self.pixels, self.reduction, about, self._groups(len(single))
        )

    def _groups(self, count: int) -> Tensor | None:  # [count]
        """The picture that each test image was cut from, if the data know."""
        data = getattr(self.trainer, "datamodule", None)
        groups = data.groups("test") if isinstance(data, ImageDataModule) else None
        return None if groups is None else groups[:count]

    def _gathered(self, part: Tensor) -> Tensor:
        ranks = self.all_gather(part)
        assert isinstance(ranks, Tensor)
        return rearrange(ranks, "world b ... -> (world b) ...")

    def _each(self) -> list[tuple[str, Denoiser]]:
        return [(name, module) for name, module in self.denoisers.items() if isinstance(module, Denoiser)]

    def _tally(self, name: str) -> ImageMaps:
        tally = self.tallies[name]
        assert isinstance(tally, ImageMaps)
        return tally
