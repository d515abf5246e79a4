"""What all denoisers that average over a bank have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor, nn

from locality.bank import ImageBank
from locality.counts import is_count
from locality.denoisers.base import ClosedFormJacobian, Denoiser, Pixel
from locality.denoisers.fitting import ByConstructor
from locality.full_precision import FullPrecision
from locality.posterior.engine import Engine, Posterior, average, check_values
from locality.posterior.gathered import GatheredEngine
from locality.posterior.view import MemoryBudget, View

MEMORY_BUDGET = 2**30  # bytes above the bank
_ROOM_PER_QUERY = 16 * 8  # bytes per coordinate of one noisy image: accumulators in float64


class BankDenoiser(FullPrecision, Denoiser, ClosedFormJacobian, ABC):
    """A softmax average over a bank of images: flattens, bounds memory, and leaves the rest to an engine."""

    same_at_all_levels: ClassVar[bool] = (
        False  # true: one engine takes images at several noise levels together
    )
    fit = ByConstructor()
    bank: ImageBank

    def __init__(
        self,
        bank: ImageBank,
        chunk_size: int | None = None,  # images read at once; None: what the budget allows. Changes no result
        memory_budget: int = MEMORY_BUDGET,  # bytes above the bank
    ) -> None:
        super().__init__()
        if not isinstance(bank, ImageBank):
            raise ValueError(f"bank: want an ImageBank, got {type(bank).__name__}")
        if chunk_size is not None and not is_count(chunk_size):
            raise ValueError(f"chunk_size: want None or a whole number of images from 1, got {chunk_size!r}")
        if not is_count(memory_budget):
            raise ValueError(f"memory_budget: want a whole number of bytes from 1, got {memory_budget!r}")
        self.bank = bank
        self.image_shape = bank.image_shape
        self._squares: Tensor | None = None
        self.register_load_state_dict_post_hook(_forget_squares)
        self.limits_of_memory = MemoryBudget(
            None if chunk_size is None else int(chunk_size), int(memory_budget)
        )

    @abstractmethod
    def engine(
        self,
        sigma: float,  # the noise level
    ) -> Engine:
        """What computes the averages at a noise level."""

    @property
    def images(self) -> Tensor:  # [N, n] as at rest
        """The bank, flat."""
        return rearrange(self.bank.images, "i c h w -> i (c h w)")

    @property
    def view(self) -> View:
        """The bank, as engines read it."""
        return View.of(self.bank, self.limits_of_memory)

    @property
    def measured_view(self) -> View:
        """The view with the lengths of its images, which are measured once."""
        view = self.view.centred()
        if self._squares is None or self._squares.device != view.images.device:  # which settles the centre
            with torch.inference_mode(False), torch.no_grad():  # what is kept must serve gradients, too
                self._squares = view.measured()
        return view._replace(squares=self._squares)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The posterior mean; differentiable in x, by closed form."""
        if len(x) == 0 and not self._shared:
            return x
        places, parts = [], []
        for place, flat, level, engine in self._groups(x, sigma):
            places.append(place)
            parts.append(average(engine, flat, level))
        return torch.cat(parts)[torch.cat(places).argsort()].reshape(x.shape)

    def posterior(
        self,
        x: Tensor,  # [B, C, H, W] noisy images
        sigma: float | Tensor,  # [B] noise levels, or one for all
    ) -> Posterior:  # fields [B, C, H, W]
        """The estimate and its weights' log-partition, effective size and entropy; carries no gradient.

        Where outputs mix two settings, the statistics are mixed as the estimate is.
        """
        sigma = self._checked(x, sigma)
        if len(x) == 0 and not self._shared:
            return Posterior(x.detach(), *(x.detach().double() for _ in range(3)))
        places, parts = [], []
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            for place, flat, level, engine in self._groups(x, sigma):
                places.append(place)
                parts.append(engine().posterior(flat, level))
        order = torch.cat(places).argsort()
        mean, *statistics = (torch.cat(field)[order].reshape(x.shape) for field in zip(*parts, strict=True))
        return Posterior(mean.to(x.dtype), *statistics)

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """`sum_c A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`, q = (c, pixel): streamed over the bank."""
        c, h, w = x.shape[1:]
        coordinates = rearrange(torch.arange(c * h * w, device=x.device), "(c h w) -> h w c", c=c, h=h, w=w)
        index = torch.as_tensor(pixels, device=x.device).reshape(-1, 2)
        outputs = coordinates[index[:, 0], index[:, 1]]
        fields = x.new_empty(len(x), len(outputs), c * h * w)
        with torch.no_grad():
            for place, flat, level, engine in self._groups(x, sigma):
                fields[place] = engine().fields(flat, level, outputs)
        return rearrange(fields, "b p (c h w) -> b p c h w", c=c, h=h, w=w)

    @property
    def _shared(self) -> bool:
        """Whether other ranks hold parts of the bank: then all ranks ask together, if only for no image."""
        return self.bank.shard.world > 1

    def _groups(
        self, x: Tensor, sigma: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Callable[[], Engine]]]:
        """The images that one engine takes together."""
        check_values(x, sigma)
        # A NaN is no logit: weights would be finite, and the estimate an image that means nothing.
        if not bool(x.detach().isfinite().all()):
            raise ValueError("x: want finite numbers, got NaN or infinity")
        flat = rearrange(x, "b c h w -> b (c h w)")
        if not self._shared:
            yield from self._alike(flat, sigma.detach())
            return
        everything = torch.arange(len(x), device=x.device)
        yield everything, flat, sigma, partial(GatheredEngine, self.bank.shard, self._alike)

    def _alike(
        self, flat: Tensor, sigma: Tensor
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Callable[[], Engine]]]:
        """The images at one noise level, and few enough for the budget."""
        levels = sigma[:1] if self.same_at_all_levels else sigma.unique()
        size = max(1, self.limits_of_memory.memory_budget // (_ROOM_PER_QUERY * flat.shape[1]))
        for level in levels:
            alike = torch.ones_like(sigma, dtype=torch.bool) if self.same_at_all_levels else sigma == level
            engine = cache(partial(self.engine, level.item()))
            for place in alike.nonzero()[:, 0].split(size):
                yield place, flat[place], sigma[place], engine


def _forget_squares(denoiser: nn.Module, _: object) -> None:
    denoiser._squares = None  # type: ignore[assignment]
