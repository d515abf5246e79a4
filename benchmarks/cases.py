"""What is timed: each analytical denoiser against a plain implementation of the same formula."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor

from benchmarks import baselines
from benchmarks.timing import Meter, Row, made
from locality import ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.denoisers import (
    EquivariantLocalScore,
    GoldenSubset,
    LocalMixture,
    PatchComposite,
    PCALocality,
    PrecisionDenoiser,
    Smoothed,
    Wiener,
)
from locality.denoisers.bank_denoiser import BankDenoiser
from locality.denoisers.base import vjp_jacobian
from locality.mixture import Mixture

TIMESTEPS = list(range(900, -1, -100))
SCHEDULE = NoiseSchedule.ddpm()
Rows = Iterator[Row]
Gaussians = tuple[Tensor, Tensor, Tensor]


def noisy(clean: Tensor, t: int) -> tuple[Tensor, float]:  # of images at rest
    """Images at a time-step."""
    sigma = SCHEDULE.sigma(t).item()
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(t))
    return to_float(clean) + sigma * noise, sigma


def masked(
    denoiser: BankDenoiser,
    precision: Callable[[float], Tensor],  # of sigma: [n, n]
    clean: Tensor,  # [B, C, H, W] at rest: noise is added
    meter: Meter,
    steps: list[int],  # of the ten of the paper, those to measure
) -> Rows:
    """A masked softmax at some noise levels, against one matrix product."""
    flat = to_float(denoiser.bank.images).flatten(1)
    for t in steps:
        x, sigma = noisy(clean, t)

        def form(x: Tensor = x, sigma: float = sigma) -> Callable[[], Tensor]:
            dense = precision(sigma).float().T.contiguous()
            return partial(baselines.masked_softmax, x.flatten(1), sigma, flat, dense)

        def exact(one: Tensor, sigma: float = sigma) -> Tensor:
            return baselines.truth(one.flatten(1), sigma, denoiser.bank.images.flatten(1), precision(sigma))

        yield {"t": t} | meter.row(partial(denoiser, sigma=sigma), x, form, exact)


def alone(denoiser: BankDenoiser, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """Seconds and memory, where the plain form would not fit."""
    for t in steps:
        x, sigma = noisy(clean, t)
        yield {"t": t} | meter.row(partial(denoiser, sigma=sigma), x)


def plain(
    denoiser: BankDenoiser,
    form: Callable[[Tensor, float, Tensor], Tensor],  # x [B, C, H, W], sigma, images [N, C, H, W]: [B, n]
    clean: Tensor,  # [B, C, H, W] at rest
    meter: Meter,
    steps: list[int],
) -> Rows:
    """A denoiser at some noise levels, against a plain form of it in the type of its arguments."""
    images = to_float(denoiser.bank.images)
    for t in steps:
        x, sigma = noisy(clean, t)

        def exact(one: Tensor, sigma: float = sigma) -> Tensor:
            return form(one, sigma, to_float(denoiser.bank.images, torch.float64))

        rival = partial(form, x, sigma, images)
        yield {"t": t} | meter.row(partial(denoiser, sigma=sigma), x, made(rival), exact)


def composite(denoiser: PatchComposite, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """Patch composites, against the windows of each pixel as a dense mask."""
    windows = denoiser.rows(1.0).mask.repeat(1, denoiser.bank.image_shape[0])

    def form(x: Tensor, sigma: float, images: Tensor) -> Tensor:
        return baselines.patch_composite(x.flatten(1), sigma, images.flatten(1), windows.to(x.dtype))

    yield from plain(denoiser, form, clean, meter, steps)


def smoothed(denoiser: Smoothed, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """The smoothed optimal denoiser, copy by copy."""
    offsets = denoiser.smoothing * denoiser.noise

    def form(x: Tensor, sigma: float, images: Tensor) -> Tensor:
        return baselines.smoothed(x.flatten(1), sigma, images.flatten(1), offsets.to(x.dtype))

    yield from plain(denoiser, form, clean, meter, steps)


def golden(denoiser: GoldenSubset, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """The golden subset, image by image with a dense mask."""

    def form(x: Tensor, sigma: float, images: Tensor) -> Tensor:
        mask = denoiser.mask(sigma).to(x.dtype).T
        return baselines.golden_subset(x, sigma, images, mask, denoiser.sizes(sigma), denoiser.proxy_size)

    yield from plain(denoiser, form, clean, meter, steps)


def mixture(denoiser: LocalMixture, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """The local mixture, its windows' Gaussians written out."""
    for t in steps:
        x, sigma = noisy(clean, t)

        def known(dtype: torch.dtype, sigma: float = sigma) -> dict[str, Any]:
            size, windows, found = denoiser.parts(sigma)
            places = [(place, *corner) for place, corner in windows]
            parts = [gaussians(found, place, dtype) for place in range(len(found.weights))]
            basis, common = found.basis.double(), found.common.double()
            covariances = ((basis * common[:, None]) @ basis.mT).to(dtype)
            return {
                "sigma": sigma, "windows": places, "size": size, "parts": parts, "covariances": covariances,
            }  # fmt: skip

        def form(x: Tensor = x, known: Callable[..., Any] = known) -> Callable[[], Tensor]:
            return partial(baselines.mixture, x, **known(torch.float32))

        def exact(one: Tensor, known: Callable[..., Any] = known) -> Tensor:
            return baselines.mixture(one, **known(torch.float64))

        yield {"t": t} | meter.row(partial(denoiser, sigma=sigma), x, form, exact)


def gaussians(mixture: Mixture, place: int, dtype: torch.dtype) -> Gaussians:
    """Weights [K], means [K, d] and covariances [K, d, d] of a mixture, in the windows' own coordinates."""
    mean, basis, common, weights, means, lam, vectors = (one[place].double() for one in mixture)
    rank = means.shape[1]
    covariances = common.diag().repeat(len(weights), 1, 1)
    covariances[:, :rank, :rank] = (vectors * lam[:, None]) @ vectors.mT
    centres = mean + means @ basis[:, :rank].T
    return weights.to(dtype), centres.to(dtype), (basis @ covariances @ basis.T).to(dtype)


def golden_whole(denoiser: GoldenSubset, clean: Tensor, meter: Meter, steps: list[int]) -> Rows:
    """The masked softmax over a subset chosen for each image, against the same over the whole bank."""
    whole = PrecisionDenoiser(denoiser.bank, denoiser.mask)
    for t in steps:
        x, sigma = noisy(clean, t)

        def form(x: Tensor = x, sigma: float = sigma) -> Callable[[], Tensor]:
            whole(x[:1], sigma)  # plans and compiles
            return partial(whole, x, sigma)

        yield {"t": t} | meter.row(partial(denoiser, sigma=sigma), x, form)


def patches(bank: ImageBank, meter: Meter, steps: list[int]) -> Rows:
    """Every patch at every location, against unfold and one product, one image and eight at a time."""
    denoiser, images = EquivariantLocalScore.fit(bank, 9), to_float(bank.images)
    for t in steps:
        x, sigma = noisy(bank.images[:8], t)
        ours, one = partial(denoiser, sigma=sigma), x[:1]
        row = meter.row(ours, one, made(partial(baselines.all_patches, one, sigma, images, 9)))
        eight = meter.times(partial(ours, one), made(partial(ours, x)))
        yield {"t": t} | row | ({"batch_8_over_1": eight["ratio"]} if "ratio" in eight else {})


def patches_batch(bank: ImageBank, meter: Meter, steps: list[int]) -> Rows:
    """Every patch at every location, eight images at a time for both."""
    denoiser, images = EquivariantLocalScore.fit(bank, 9), to_float(bank.images)
    for t in steps:
        x, sigma = noisy(bank.images[:8], t)
        form = partial(baselines.all_patches, x, sigma, images, 9)
        yield {"t": t} | meter.times(partial(denoiser, x, sigma), made(form))


def wiener(bank: ImageBank, meter: Meter) -> Rows:
    """The ten steps by the eigenbasis, against building each n x n filter and multiplying by it."""
    denoiser = Wiener.fit(bank)
    lam, u, mean = denoiser.eigenvalues.float(), denoiser.eigenvectors.float(), denoiser.mean.float()
    steps = [noisy(bank.images[:8], t) for t in TIMESTEPS]

    def dense() -> None:
        for x, sigma in steps:
            w = u @ torch.diag(lam / (lam + sigma**2)) @ u.T
            _ = mean + (x.flatten(1) - mean) @ w.T

    yield meter.times(lambda: [denoiser(x, sigma) for x, sigma in steps], made(dense))


def fields(denoiser: BankDenoiser, meter: Meter, steps: list[int]) -> Rows:
    """The Jacobian of all pixels in closed form, against a product for each (16 of them, scaled up)."""
    height, width = denoiser.bank.image_shape[1:]
    pixels = [(r, c) for r in range(height) for c in range(width)]
    some = pixels[:: len(pixels) // 16][:16]
    for t in steps:
        x, sigma = noisy(denoiser.bank.images[:1], t)
        products = partial(vjp_jacobian, denoiser, x, torch.full((1,), sigma), some)
        ours = partial(denoiser.jacobian, x, sigma, pixels)
        yield {"t": t} | meter.times(ours, made(products), len(pixels) / len(some))


def enlarged(small: ImageBank, large: ImageBank) -> BankDenoiser:
    """PCA locality's masks of a bank for one of twice its size: an eigenbasis of its own takes minutes.

    Each output also tells itself apart from its neighbours, or four of them would share a row.
    """
    masks, (channels, height, width) = PCALocality.fit(small, tau=0.05), small.image_shape

    def precision(sigma: float) -> Tensor:
        planes = rearrange(
            masks.mask(sigma),
            "(c h w) (d y x) -> c h w d y x",
            c=channels, h=height, w=width, d=channels, y=height, x=width,
        )  # fmt: skip
        mask = repeat(planes, "c h w d y x -> (c h i w j) (d y k x l)", i=2, j=2, k=2, l=2)
        mask.diagonal().logical_not_()
        return mask

    return PrecisionDenoiser(large, precision)


def total(rows: list[Row]) -> str:
    """One line."""
    if not all("seconds" in row for row in rows):
        return f"{len(rows)} rows"
    if not all("rival_seconds" in row for row in rows):
        return json.dumps({"seconds": sum(row["seconds"] for row in rows)})
    ours, rival = (sum(row[key] for row in rows) for key in ("seconds", "rival_seconds"))
    return f"{ours:.2f} s against {rival:.2f} s: {rival / ours:.1f} times"
