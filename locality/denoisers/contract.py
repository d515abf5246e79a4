"""What every denoiser keeps, as rules that can be tried on any: `locality.check`, and our own tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from locality.denoisers.base import Denoiser
from locality.live import one_line

SIGMAS: Final = (0.05, 0.7, 6.0)
Rule = Callable[[Denoiser, Tensor], None]  # of a denoiser and clean images [B, C, H, W] float64


class ContractBroken(ValueError):
    """A denoiser does not do what the rest of the package relies on."""


def check(
    denoiser: Denoiser,
    images: Tensor | None = None,  # [B, C, H, W] a few clean images of its kind; None: random ones
) -> None:
    """Try the contract on a denoiser. Raises ContractBroken, in one line, for the first rule that it breaks.

    The rules: shape and type of the estimate, single and double precision, independence of the batch,
    gradients, the Jacobian, and copies in another type. They are tried at sigma 0.05, 0.7, 1, 2 and 6,
    on five images.

    >>> import torch
    >>> from locality import ImageBank, check
    >>> from locality.denoisers import Optimal
    >>> check(Optimal.fit(ImageBank(torch.rand(30, 1, 4, 4))))
    """
    if not isinstance(denoiser, Denoiser):
        raise ContractBroken(f"denoiser: want a Denoiser, got {type(denoiser).__name__}")
    shape = denoiser.image_shape if images is None else images.shape[1:]
    if shape is None:
        raise ContractBroken("image_shape: want a denoiser that has one, or images to try it on")
    if images is None:
        images = torch.rand(5, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for name, rule in RULES.items():
        _try(name, rule, denoiser, images[:5].double())


def check_estimate(
    denoiser: Denoiser,
    images: Tensor,  # [B, C, H, W] a few clean images of its kind
) -> None:
    """Try in single precision alone that there is an estimate of the right shape and type, and finite.

    Raises ContractBroken as `check` does, in a small part of its time.
    """
    _try("estimate", partial(shape_and_type, dtypes=(torch.float32,)), denoiser, images)


def _try(name: str, rule: Rule, denoiser: Denoiser, images: Tensor) -> None:
    try:
        rule(denoiser, images)
    except ContractBroken:
        raise
    except Exception as error:  # whatever an estimate may raise
        raise ContractBroken(
            f"{name}: want an estimate, got {one_line(error)}; x is [B, C, H, W] and sigma is [B]: to "
            "multiply them, make it sigma[:, None, None, None]"
        ) from error


def noisy(
    images: Tensor,  # [B, C, H, W] clean
    sigma: float,
    dtype: torch.dtype = torch.float64,
) -> Tensor:  # [B, C, H, W]
    """The images with the noise of the rules, always the same."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (images + sigma * noise.to(images.device)).to(dtype)


def apart(a: Tensor, b: Tensor) -> float:
    """The distance of two answers, over the length of the second."""
    return ((a.double() - b.double()).norm() / b.double().norm().clamp(min=1e-30)).item()


def shape_and_type(
    denoiser: Denoiser, images: Tensor, dtypes: Sequence[torch.dtype] = (torch.float32, torch.float64)
) -> None:
    """The estimate has the shape and the type of x, and finite numbers."""
    for dtype in dtypes:
        for sigma in SIGMAS:
            x = noisy(images, sigma, dtype)
            out = denoiser(x, torch.full((len(x),), sigma))
            if out.shape != x.shape or out.dtype != dtype:
                got = f"{out.dtype} {tuple(out.shape)}"
                raise ContractBroken(f"estimate: want {dtype} {tuple(x.shape)}, as x has, got {got}")
            if not bool(out.isfinite().all()):
                raise ContractBroken(f"estimate: want finite numbers, got NaN or infinity at sigma {sigma:g}")


def precisions(denoiser: Denoiser, images: Tensor) -> None:
    """Single and double precision agree."""
    for sigma in SIGMAS:
        x = noisy(images, sigma, torch.float32)
        _near("float32 and float64", denoiser(x, sigma), denoiser(x.double(), sigma), 1e-4, sigma)


def batches(denoiser: Denoiser, images: Tensor) -> None:
    """An image gets the same answer, whatever is beside it."""
    sigmas = torch.tensor([0.05, 0.7, 6.0, 0.7, 0.05])[: len(images)]
    x = torch.cat([noisy(images, s, torch.float32)[k : k + 1] for k, s in enumerate(sigmas.tolist())])
    together = denoiser(x, sigmas)
    for k, sigma in enumerate(sigmas.tolist()):
        one = slice(k, k + 1)
        _near("an image alone and in a batch", denoiser(x[one], sigmas[one]), together[one], 1e-5, sigma)
    order = torch.tensor([3, 0, 4, 1, 2])
    order = order[order < len(x)]
    _near("a batch and another order of it", denoiser(x[order], sigmas[order]), together[order], 1e-5)


def gradients(denoiser: Denoiser, images: Tensor) -> None:
    """Gradients flow to x, unless the denoiser is `piecewise_constant`."""
    # Sigma is large enough that several images compete: elsewhere the gradient of a softmax is honestly tiny.
    x = noisy(images, 2.0).requires_grad_()
    with torch.inference_mode():
        denoiser(x.detach(), 2.0)  # what a first call caches must not cut later gradients
    out = denoiser(x, 2.0)
    if denoiser.piecewise_constant:
        return
    found = torch.autograd.grad(out.square().sum(), x)[0] if out.requires_grad else torch.zeros_like(x)
    if not bool(found.abs().max() > 1e-6):
        raise ContractBroken(
            "estimate: want a gradient in x, got none; detach nothing, use no no_grad, "
            "or say piecewise_constant = True"
        )


def jacobians(denoiser: Denoiser, images: Tensor) -> None:
    """The Jacobian is what finite differences give; 0 where the denoiser is `piecewise_constant`."""
    denoiser = copy.deepcopy(denoiser).double()
    x = noisy(images[:2], 1.0)
    channels, height, width = x.shape[1:]
    middle = (height // 2, width // 3)
    pixels = [(0, 0), middle]
    fields = denoiser.jacobian(x, 1.0, pixels)
    want = (len(x), len(pixels), *x.shape[1:])
    if fields.shape != want:
        raise ContractBroken(f"jacobian: want [B, P, C, H, W] = {want}, got {tuple(fields.shape)}")
    if denoiser.piecewise_constant:
        if bool(fields.any()):
            raise ContractBroken("jacobian: want zeros of a piecewise constant denoiser, got others")
        return
    step = 1e-4
    for c, row, col in ((0, 0, 0), (channels - 1, *middle), (channels // 2, height - 1, width - 1)):
        shift = torch.zeros_like(x)
        shift[:, c, row, col] = step
        slope = (denoiser(x + shift, 1.0) - denoiser(x - shift, 1.0)) / (2 * step)
        there = torch.stack([slope[:, :, i, j].sum(1) for i, j in pixels], 1)
        if not torch.allclose(fields[:, :, c, row, col], there, atol=1e-6):
            gap = (fields[:, :, c, row, col] - there).abs().max().item()
            raise ContractBroken(f"jacobian: want what finite differences give, got {gap:.2g} beside it")


def copies(denoiser: Denoiser, images: Tensor) -> None:
    """A copy in double precision gives the same answers."""
    x = noisy(images, 0.7, torch.float32)
    moved = copy.deepcopy(denoiser).to(images.device).double()
    _near("a copy in float64 and the denoiser", moved(x.double(), 0.7), denoiser(x, 0.7), 1e-4, 0.7)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {rule.__name__: rule for rule in (shape_and_type, precisions, batches, gradients, jacobians, copies)}
)


def _near(what: str, a: Tensor, b: Tensor, tolerance: float, sigma: float | None = None) -> None:
    gap, where = apart(a, b), "" if sigma is None else f" at sigma {sigma:g}"
    if not gap <= tolerance:
        raise ContractBroken(f"estimate: want {what} to agree, got a relative difference of {gap:.2g}{where}")
