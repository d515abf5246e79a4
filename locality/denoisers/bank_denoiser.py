"""What all denoisers that average over a bank have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers.base import ClosedFormJacobian, Denoiser, Pixel
from locality.posterior.engine import Engine, Posterior, average

MEMORY_BUDGET = 2**30  # bytes above the bank
_ROOM_PER_QUERY = 16 * 8  # bytes per coordinate of one noisy image: accumulators in float64


class BankDenoiser(Denoiser, ClosedFormJacobian, ABC):
    """A softmax average over a bank of images: flattens, bounds memory, and leaves the rest to an engine."""

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
        if chunk_size is not None and not _whole(chunk_size):
            raise ValueError(f"chunk_size: want None or a whole number of images from 1, got {chunk_size!r}")
        if not _whole(memory_budget):
            raise ValueError(f"memory_budget: want a whole number of bytes from 1, got {memory_budget!r}")
        self.bank = bank
        self.image_shape = bank.image_shape
        self.chunk_size = chunk_size
        self.memory_budget = memory_budget

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """What computes the averages."""

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The posterior mean; differentiable in x, by closed form."""
        parts = [average(self.engine, flat, level) for flat, level in self._batches(x, sigma)]
        return torch.cat(parts).reshape(x.shape)

    def posterior(
        self,
        x: Tensor,  # [B, C, H, W] noisy images
        sigma: float | Tensor,  # [B] noise levels, or one for all
    ) -> Posterior:  # fields [B, C, H, W]
        """The estimate and its weights' log-partition, effective size and entropy; carries no gradient."""
        sigma = self._checked(x, sigma)
        engine, parts = self.engine, []
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            for flat, level in self._batches(x, sigma):
                mean, *statistics = engine.posterior(flat, level)
                parts.append((mean, *(engine.outputs_of_rows(s, flat.shape[1]) for s in statistics)))
        mean, *statistics = (torch.cat(field).reshape(x.shape) for field in zip(*parts, strict=True))
        return Posterior(mean.to(x.dtype), *statistics)

    def closed_form_jacobian(
        self, x: Tensor, sigma: Tensor, pixels: Sequence[Pixel]
    ) -> Tensor:  # [B, P, C, H, W]
        """`sum_c A[q, p] Cov_w(q)(X_q, X_p) / sigma^2`, q = (c, pixel): streamed over the bank."""
        c, h, w = x.shape[1:]
        coordinates = rearrange(torch.arange(c * h * w, device=x.device), "(c h w) -> h w c", c=c, h=h, w=w)
        index = torch.as_tensor(pixels, device=x.device).reshape(-1, 2)
        outputs = coordinates[index[:, 0], index[:, 1]]
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            parts = [self.engine.fields(flat, level, outputs) for flat, level in self._batches(x, sigma)]
        return rearrange(torch.cat(parts), "b p (c h w) -> b p c h w", c=c, h=h, w=w)

    def _batches(self, x: Tensor, sigma: Tensor) -> list[tuple[Tensor, Tensor]]:
        flat = rearrange(x, "b c h w -> b (c h w)")
        size = max(1, self.memory_budget // (_ROOM_PER_QUERY * flat.shape[1]))
        return list(zip(flat.split(size), sigma.split(size), strict=True))


def _whole(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1
