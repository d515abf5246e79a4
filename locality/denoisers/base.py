"""The contract that every denoiser keeps, trained or analytical."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from operator import index
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from locality.denoisers.grids import Grid
from locality.live import LIVE

Pixel = tuple[int, int]
# The least noise level by the type of the arithmetic, and one over the greatest: squares of others, and
# distances divided by them, leave the type.
LEAST = {torch.float32: 1e-18, torch.float64: 1e-60}


class Limit(Enum):
    """What a denoiser tends to at the ends of the noise range; tests hold it to what it declares."""

    BANK_MEAN = "sigma -> infinity: the mean of the bank"
    LOCATION_MEAN = "sigma -> infinity: the mean over all images and all locations"
    TRAINING_IMAGE = "x = X_i + sigma eps, sigma -> 0: the training image X_i"
    SPAN_IDENTITY = "sigma -> 0: x itself, where x lies in the span of the data"


class Denoiser(nn.Module, ABC):
    """An estimate of the clean image: `D(x, sigma) ~ E[x0 | x]` for `x = x0 + sigma * noise`.

    A call takes any batch and gives each image the same answer whatever is beside it, in the type of x
    (float64 in, float64 out). It is differentiable; it never detaches. Subclasses implement `estimate`.
    """

    limits: ClassVar[frozenset[Limit]] = frozenset()
    piecewise_constant: ClassVar[bool] = (
        False  # true: the gradient with respect to x is zero almost everywhere
    )
    autocast: bool = False  # true: takes 16-bit arithmetic where torch.autocast asks for it
    CALIBRATED: ClassVar[Mapping[str, Grid]] = {}  # settings of its fit that compare=calibrate chooses
    image_shape: torch.Size | None = None  # (C, H, W) where the denoiser is bound to one

    @final  # type: ignore[misc]  # nn.Module declares forward as an attribute
    def forward(
        self,
        x: Tensor,  # [B, C, H, W] noisy images
        sigma: float | Tensor,  # [B] or [B, 1, 1, 1] noise levels in pixel units, or one for all
    ) -> Tensor:  # [B, C, H, W] estimate of the clean images
        """The estimate of the clean images. ValueError for a wrong shape or a sigma that is not positive.

        While torch compiles or exports, tensors have no values yet, and those of sigma are not checked.
        """
        with self._arithmetic(x):
            return self.estimate(x, self._checked(x, sigma))

    @abstractmethod
    def estimate(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: Tensor,  # [B] positive, in the type and on the device of x
    ) -> Tensor:  # [B, C, H, W]
        """The estimate, for arguments that are known to be good."""

    @final
    def jacobian(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: float | Tensor,  # [B] or one for all
        pixels: Sequence[Pixel],  # P pairs (row, column)
    ) -> Tensor:  # [B, P, C, H, W]
        """Sensitivity of chosen output pixels: `d (sum over output channels of D[:, row, col]) / d x`.

        In closed form where the denoiser has one (`ClosedFormJacobian`), else by vector-Jacobian products.
        """
        sigma = self._checked(x, sigma)
        pixels = _places(pixels, *x.shape[-2:])
        if not pixels:
            return x.new_zeros(len(x), 0, *x.shape[1:])
        with self._arithmetic(x):
            if isinstance(self, ClosedFormJacobian):
                return self.closed_form_jacobian(x, sigma, pixels)
            return vjp_jacobian(self, x, sigma, pixels)

    def _arithmetic(self, x: object) -> AbstractContextManager[object]:
        """Statistics and distances do not survive 16 bits: no autocast but for those that take it."""
        kind = x.device.type if isinstance(x, Tensor) else "cpu"
        if self.autocast or not torch.is_autocast_enabled(kind):
            return nullcontext()
        return torch.autocast(kind, enabled=False)

    def _checked(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(f"x: want a float tensor [B, C, H, W], got {type(x).__name__}")
        if x.ndim != 4 or not x.is_floating_point():
            raise ValueError(f"x: want a float tensor [B, C, H, W], got {x.dtype} {tuple(x.shape)}")
        if self.image_shape is not None and x.shape[1:] != self.image_shape:
            raise ValueError(f"x: want images {tuple(self.image_shape)}, got {tuple(x.shape[1:])}")
        try:
            sigma = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"sigma: want a number or a tensor [B], got {sigma!r}") from None
        flat = sigma[:, 0, 0, 0] if sigma.ndim == 4 and sigma.shape[1:] == (1, 1, 1) else sigma
        if flat.ndim > 1 or (flat.ndim == 1 and len(flat) not in (1, len(x))):
            raise ValueError(
                f"sigma: want one noise level or one for each of {len(x)} images, got {tuple(sigma.shape)}"
            )
        if not torch.compiler.is_compiling():
            _check_range(flat, x.dtype)
        return flat.expand(len(x))


class ClosedFormJacobian(ABC):
    """A denoiser whose Jacobian is known in closed form (method: `jacobian` uses it instead of autograd)."""

    @abstractmethod
    def closed_form_jacobian(
        self,
        x: Tensor,  # [B, C, H, W]
        sigma: Tensor,  # [B]
        pixels: Sequence[Pixel],
    ) -> Tensor:  # [B, P, C, H, W]
        """The same quantity as `Denoiser.jacobian`, for arguments that are known to be good."""


def _check_range(sigma: Tensor, dtype: torch.dtype) -> None:
    # Under vmap nothing may depend on values but what lies below its wrapper, which has those of all calls.
    values = torch.func.debug_unwrap(sigma).detach()
    least = LEAST[torch.promote_types(dtype, torch.float32)]
    if not bool(((values >= least) & (values <= 1 / least)).all()):  # NaN is neither
        raise ValueError(
            f"sigma: want numbers from {least:g} to {1 / least:g}, where their squares are numbers of "
            f"{dtype}, too, got {values.flatten()[:8].tolist()}"
            f"{'; without noise the image is x itself' if bool((values == 0).any()) else ''}"
        )


def _places(pixels: Sequence[Pixel], height: int, width: int) -> list[Pixel]:
    try:
        places = [(index(row), index(col)) for row, col in pixels]
    except (TypeError, ValueError):
        raise ValueError(f"pixels: want pairs (row, col) of whole numbers, got {pixels!r}") from None
    for row, col in places:
        if not (0 <= row < height and 0 <= col < width):
            raise ValueError(f"pixels: want (row, col) inside {height} x {width}, got ({row}, {col})")
    return places


def vjp_jacobian(
    denoiser: Denoiser,
    x: Tensor,  # [B, C, H, W]
    sigma: Tensor,  # [B]
    pixels: Sequence[Pixel],
) -> Tensor:  # [B, P, C, H, W]
    """The Jacobian of chosen output pixels, one vector-Jacobian product each; inference mode is no bar."""
    out, pullback = torch.func.vjp(lambda y: denoiser(y, sigma), x)[:2]
    fields = []
    for row, col in LIVE.parts(pixels):
        cotangent = torch.zeros_like(out)
        cotangent[:, :, row, col] = 1
        fields.append(pullback(cotangent)[0])
    return torch.stack(fields, dim=1)


def training_images(denoiser: nn.Module) -> int | None:
    """How many training images a denoiser averages over or was fitted to; None if it keeps no count."""
    bank = getattr(denoiser, "bank", None)
    return getattr(denoiser, "bank_count", None) if bank is None else len(bank)


def per_image(
    sigma: Tensor,  # [B]
) -> Tensor:  # [B, 1, 1, 1]
    """Noise levels shaped to multiply a batch of images."""
    return sigma[:, None, None, None]
