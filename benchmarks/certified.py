"""Would PCA locality be faster over fewer images, each answer with a bound on its error? What a screen costs.

python -m benchmarks.denoisers --only certified      minutes of CPU time; benchmarks.page writes the table

The exact scan weighs every image for every output. A screen bounds distances from below, cheaply, and weighs
the images that the bound lets pass (`screened`). Times are CPU seconds in turns, over noisy images, images of
the bank and outputs: nanoseconds for one weight.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final

import torch
from torch import Tensor

from benchmarks.cases import Rows, noisy
from benchmarks.screened import Screened
from benchmarks.timing import Row, cpu_seconds
from locality.bank import to_float
from locality.denoisers import PCALocality

GREATEST: Final = 1e-3  # error of an output that is asked for, in pixel units
LATE: Final = (10, 20, 50)  # more time-steps between the last two of the ten
_PLACES = 15_000  # of all masks that a screen is timed on: of masks that see much, fewer outputs
_FEWEST = 8  # outputs
_CHECKED = 4  # outputs whose every weight is found in float64
_PART = 4096  # images at once


def rows(denoiser: PCALocality, clean: Tensor, rounds: int, steps: list[int]) -> Rows:
    """A row for each time-step, the least noise first, and after t = 0 those of `LATE`."""
    for t in [each for step in reversed(steps) for each in ((step, *LATE) if step == 0 else (step,))]:
        x, sigma = noisy(clean, t)
        yield {"t": t} | measured(denoiser, x, sigma, rounds)


def measured(
    denoiser: PCALocality,
    x: Tensor,  # [B, C, H, W]
    sigma: float,
    rounds: int,
) -> Row:
    """What the exact scan, the screened one and its bounds cost; which images count; how far off it is."""
    mask, n = denoiser.mask(sigma), x[0].numel()
    count = max(_FEWEST, min(n, int(_PLACES / mask.sum(1).double().mean())))
    outputs = torch.arange(count) * n // count
    images, flat = denoiser.images, x.flatten(1)
    screened = Screened(images, x.shape[1:], mask[outputs], outputs, sigma, GREATEST)
    single = Screened(images, x.shape[1:], mask[outputs[:1]], outputs[:1], sigma, GREATEST)
    work: list[Callable[[], object]] = [
        lambda: denoiser(x, sigma), lambda: single.bounds_alone(flat),
        lambda: screened.bounds_alone(flat), lambda: screened(flat),
    ]  # fmt: skip
    denoiser(x[:1], sigma)  # plans and compiles
    screened(flat[:1])
    times = [_of_all([cpu_seconds(each) for each in work], n / count) for _ in range(rounds)]
    exact, bounds, ours = (
        median(column) / (x.numel() * len(images)) * 1e9 for column in zip(*times, strict=True)
    )
    faster = median(scan / screen for scan, _, screen in times)
    answer = screened(flat)
    best = exact / (bounds + answer.passed * exact)  # were an image that is picked no dearer than in the scan
    checked = torch.arange(_CHECKED) * count // _CHECKED + count // (2 * _CHECKED)
    needed, means = weighed(images, mask[outputs[checked]], outputs[checked], flat, sigma)
    off = (answer.mean[:, checked] - means).abs().max().item()
    return {
        "exact": exact, "bounds": bounds, "screened": ours, "faster": faster, "best": best,
        "needed": 100 * needed, "passed": 100 * answer.passed, "bound": answer.bound.max().item(), "off": off,
    }  # fmt: skip


def _of_all(seconds: list[float], times: float) -> tuple[float, float, float]:
    """Seconds for all outputs, where screens had some, so many times fewer: images are read once for all."""
    exact, reading, *screens = seconds
    bounds, screened = (reading + (each - reading) * times for each in screens)
    return exact, bounds, screened


def weighed(
    images: Tensor,  # [N, n] as at rest
    mask: Tensor,  # [R, n] bool
    outputs: Tensor,  # [R]
    x: Tensor,  # [B, n]
    sigma: float,
) -> tuple[float, Tensor]:  # and [B, R] the means, in float64
    """The share of images that no screen can leave out, the heaviest first, on average over the outputs.

    What is left out may weigh `GREATEST` over the output's range in the bank.
    """
    shares, means = [], []
    for row, q in zip(mask, outputs, strict=True):
        seen = row.nonzero()[:, 0]
        parts = (to_float(part[:, seen], torch.float64) for part in images.split(_PART))
        squares = torch.cat([torch.cdist(x[:, seen].double(), part) ** 2 for part in parts], 1)
        weights = (-squares / (2 * sigma**2)).softmax(1)
        values = to_float(images[:, q], torch.float64)
        left = weights.sort(1).values.cumsum(1) * (values.max() - values.min())
        shares.append((left > GREATEST).double().mean())
        means.append(weights @ values)
    return torch.stack(shares).mean().item(), torch.stack(means, 1)
