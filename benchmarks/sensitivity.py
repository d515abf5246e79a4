"""What sensitivity fields cost: closed forms against autograd, and the fields of a network.

    python -m benchmarks.sensitivity [--images 5000] [--size 32] [--rounds 3]

Closed form: the fields of ALL pixels of one noisy image, by `denoiser.jacobian`. Autograd: vector-Jacobian
products through the same denoiser, one estimate and then a backward pass for each of a few pixels; all pixels
are one estimate and as many passes more. By turns, in this process; the figure is the median ratio over
rounds. Network: all pixels of 32 images, output channels summed, at one noise level, extrapolated likewise;
`cpu` is processor time, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from locality import Denoiser, ImageBank
from locality.data import photos
from locality.denoisers import LocalScore, NetworkDenoiser, Optimal, PCALocality, Wiener
from locality.denoisers.base import vjp_jacobian
from locality.networks import unet
from locality.sensitivity import choose_pixels, sensitivity_maps

SIGMA = 3.44  # t = 500; much lower, one image of the bank takes all the weight, and fields are rounding
KINDS: dict[str, Callable[[ImageBank], Denoiser]] = {
    "wiener": Wiener.fit,
    "optimal": Optimal.fit,
    "local_score": LocalScore.fit,
    "pca_locality": PCALocality.fit,
}


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000, help="of the bank")
    parser.add_argument("--size", type=int, default=32, help="pixels, side of the bank's images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", type=int, default=4, help="pixels that autograd is timed on")
    parser.add_argument("--only", nargs="*", default=[*KINDS, "network"], choices=[*KINDS, "network"])
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/sensitivity.json"))
    arguments = parser.parse_args()
    rows: dict[str, Any] = {"threads": torch.get_num_threads()}
    analytic = [name for name in arguments.only if name in KINDS]
    if analytic:
        images = photos(size=arguments.size, train=arguments.images, val=1, test=1, split="train", seed=0)
        bank = ImageBank(images)
        for name in analytic:
            rows[name] = closed_against_autograd(KINDS[name](bank), bank, arguments.rounds, arguments.few)
            report(name, rows[name])
    if "network" in arguments.only:
        rows["network"] = network_fields(arguments.rounds)
        report("network", rows["network"])
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=2))


def closed_against_autograd(denoiser: Denoiser, bank: ImageBank, rounds: int, few: int) -> dict[str, float]:
    """Seconds for all pixels, both ways by turns, and whether the fields agree."""
    clean = bank.images[:1].float() / 127.5 - 1 if bank.images.dtype == torch.uint8 else bank.images[:1]
    x = clean + SIGMA * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    sigma = torch.full((1,), SIGMA)
    every = choose_pixels("all", *x.shape[-2:])
    some = every[:: len(every) // few][:few]
    denoiser(x, sigma)  # the first call at a noise level prepares masks, bases and compiled sums
    closed, slow = [], []
    fields = slopes = x
    for _ in range(rounds):
        seconds, fields = timed(lambda: denoiser.jacobian(x, sigma, every))
        closed.append(seconds)
        once, _ = timed(lambda: denoiser(x, sigma))
        seconds, slopes = timed(lambda: vjp_jacobian(denoiser, x, sigma, some))
        slow.append(once + (seconds - once) * len(every) / len(some))
    picked = fields[:, [every.index(pixel) for pixel in some]]
    return {
        "closed_s": statistics.median(closed),
        "autograd_s": statistics.median(slow),
        "ratio": statistics.median(b / a for a, b in zip(closed, slow, strict=True)),
        "difference": ((picked - slopes).norm() / slopes.norm()).item(),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def network_fields(rounds: int) -> dict[str, float]:
    """Seconds for all 256 pixels of 32 images at 16 x 16, from those of 8 and of 16 pixels."""
    net = NetworkDenoiser(unet((3, 16, 16), groups=8)).eval()
    x = torch.randn(32, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    every = choose_pixels("all", 16, 16)
    found = {}
    for name, clock in (("wall", time.perf_counter), ("cpu", time.process_time)):
        short, long = (
            min(timed(partial(sensitivity_maps, net, x, 1.0, some), clock)[0] for _ in range(rounds))
            for some in (every[::32], every[::16])
        )
        found[f"all_pixels_{name}_s"] = short + (long - short) / 8 * (len(every) - 8)
    return found


def timed(work: Callable[[], Tensor], clock: Callable[[], float] = time.perf_counter) -> tuple[float, Tensor]:
    """Seconds, and the result."""
    began = clock()
    result = work()
    return clock() - began, result


def report(name: str, row: dict[str, float]) -> None:
    """One line."""
    print(f"{name:<14}" + "  ".join(f"{key} {value:.4g}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
