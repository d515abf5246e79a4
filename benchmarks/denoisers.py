"""Times of the analytical denoisers against plain implementations of the same formulas, and their errors.

python -m benchmarks.denoisers                           everything, about an hour on two cores
python -m benchmarks.denoisers --only pca-.05 local      some cases
python -m benchmarks.denoisers --images 1000 --rounds 1  a quick look
"""

from __future__ import annotations

import argparse
import json
import platform
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from einops import rearrange

from benchmarks import baselines
from benchmarks.timing import peak_bytes, race, seconds
from locality import ImageBank, NoiseSchedule
from locality.bank import to_float
from locality.data import photos
from locality.denoisers import (
    EquivariantLocalScore,
    LocalScore,
    Optimal,
    PatchComposite,
    PCALocality,
    Wiener,
)
from locality.denoisers.bank_denoiser import BankDenoiser
from locality.denoisers.base import vjp_jacobian

TIMESTEPS = list(range(900, -1, -100))
SCHEDULE = NoiseSchedule.ddpm()
Row = dict[str, Any]


def noisy(bank: ImageBank, t: int, batch: int) -> tuple[torch.Tensor, float]:
    """The first images of the bank at a time-step."""
    sigma = SCHEDULE.sigma(t).item()
    clean = to_float(bank.images[:batch])
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(t))
    return clean + sigma * noise, sigma


def masked_case(
    make: Callable[[ImageBank], BankDenoiser],
    precision: Callable[[Any, float], torch.Tensor],  # of the denoiser and sigma: [n, n]
    bank: ImageBank,
    batch: int,
    rounds: int,
    rival: bool = True,
) -> list[Row]:
    """A masked softmax at the ten noise levels of the paper, against one matrix product."""
    denoiser, rows = make(bank), []
    flat = rearrange(to_float(bank.images), "i c h w -> i (c h w)")
    for t in TIMESTEPS:
        x, sigma = noisy(bank, t, batch)
        queries = rearrange(x, "b c h w -> b (c h w)")
        row: Row = {"t": t, "peak_bytes": peak_bytes(lambda: denoiser(x, sigma))}  # noqa: B023
        if rival:
            dense = precision(denoiser, sigma).float().T.contiguous()
            result = race(
                lambda: denoiser(x, sigma),  # noqa: B023
                lambda: baselines.masked_softmax(queries, sigma, flat, dense),  # noqa: B023
                rounds,
            )
            images = rearrange(bank.images, "i c h w -> i (c h w)")
            exact = baselines.truth(queries[:1], sigma, images, dense.T)
            found = rearrange(denoiser(x, sigma)[:1], "b c h w -> b (c h w)")
            row |= result._asdict() | {"error": ((found - exact).norm() / exact.norm()).item()}
        else:
            row["seconds"] = seconds(lambda: denoiser(x, sigma))  # noqa: B023
        print("   ", json.dumps(row), flush=True)
        rows.append(row)
    return rows


def local_precision(denoiser: Any, sigma: float) -> torch.Tensor:
    """The windows of a local score machine, channel by channel."""
    channels = denoiser.image_shape[0]
    return denoiser.rows(sigma).mask.repeat(channels, channels)


def patches_case(bank: ImageBank, rounds: int) -> list[Row]:
    """Every patch at every location, against unfold and one product; and how a batch of 8 compares with 1."""
    denoiser, rows = EquivariantLocalScore.fit(bank, 9), []
    images = to_float(bank.images)
    for t in (100, 500, 900):
        x, sigma = noisy(bank, t, 8)
        result = race(
            lambda: denoiser(x[:1], sigma),  # noqa: B023
            lambda: baselines.all_patches(x[:1], sigma, images, 9),  # noqa: B023
            rounds,
        )
        batch = race(lambda: denoiser(x[:1], sigma), lambda: denoiser(x, sigma), rounds)  # noqa: B023
        rows.append({"t": t} | result._asdict() | {"batch_8_over_1": batch.ratio})
        rows[-1]["peak_bytes"] = peak_bytes(lambda: denoiser(x, sigma))  # noqa: B023
        print("   ", json.dumps(rows[-1]), flush=True)
    return rows


def wiener_case(bank: ImageBank, rounds: int) -> list[Row]:
    """The ten steps by the eigenbasis, against building each n x n filter and multiplying by it."""
    denoiser = Wiener.fit(bank)
    lam, u, mean = denoiser.eigenvalues.float(), denoiser.eigenvectors.float(), denoiser.mean.float()
    steps = [noisy(bank, t, 8) for t in TIMESTEPS]

    def dense() -> None:
        for x, sigma in steps:
            w = u @ torch.diag(lam / (lam + sigma**2)) @ u.T
            _ = mean + (x.flatten(1) - mean) @ w.T

    return [race(lambda: [denoiser(x, sigma) for x, sigma in steps], dense, rounds)._asdict()]


def fields_case(make: Callable[[ImageBank], BankDenoiser], bank: ImageBank, rounds: int) -> list[Row]:
    """The Jacobian of all pixels in closed form, against a product for each (16 of them, scaled up)."""
    denoiser, rows = make(bank), []
    height, width = bank.image_shape[1:]
    pixels = [(r, c) for r in range(height) for c in range(width)]
    some = pixels[:: len(pixels) // 16][:16]
    for t in (100, 500, 900):
        x, sigma = noisy(bank, t, 1)
        level = torch.full((1,), sigma)
        result = race(
            lambda: denoiser.jacobian(x, sigma, pixels),  # noqa: B023
            lambda: vjp_jacobian(denoiser, x, level, some),  # noqa: B023
            rounds,
        )
        scale = len(pixels) / len(some)
        row = result._asdict() | {"t": t, "rival_seconds": result.rival_seconds * scale}
        rows.append(row | {"ratio": result.ratio * scale})
        print("   ", json.dumps(rows[-1]), flush=True)
    return rows


def cases(images: int, rounds: int) -> dict[str, Callable[[], list[Row]]]:
    """Everything that can be timed, by name."""

    def bank(count: int = images) -> ImageBank:
        return ImageBank(photos("train", 0, size=32, train=count))

    def mask(denoiser: Any, sigma: float) -> torch.Tensor:
        return denoiser.mask(sigma)

    def ones(denoiser: Any, sigma: float) -> torch.Tensor:
        n = denoiser.image_shape.numel()
        return torch.ones(n, n)

    def pca(tau: float) -> Callable[[ImageBank], BankDenoiser]:
        return lambda data: PCALocality.fit(data, tau=tau)

    return {
        "pca-.05": lambda: masked_case(pca(0.05), mask, bank(), 8, rounds),
        "pca-.005": lambda: masked_case(pca(0.005), mask, bank(), 8, rounds),
        "large-pca-.05": lambda: masked_case(pca(0.05), mask, bank(4 * images), 8, 1),
        "optimal": lambda: masked_case(Optimal.fit, ones, bank(), 8, rounds),
        "local-3": lambda: masked_case(lambda b: LocalScore.fit(b, 3), local_precision, bank(), 8, rounds),
        "local-31": lambda: masked_case(lambda b: LocalScore.fit(b, 31), local_precision, bank(), 8, rounds),
        "composite": lambda: masked_case(lambda b: PatchComposite.fit(b, 9), ones, bank(), 8, 1, rival=False),
        "patches": lambda: patches_case(bank(min(images, 1000)), rounds),
        "wiener": lambda: wiener_case(bank(), rounds),
        "fields-pca": lambda: fields_case(pca(0.05), bank(), 1),
        "fields-optimal": lambda: fields_case(Optimal.fit, bank(), 1),
    }


def main() -> None:
    """Run the cases and write what they measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", default=[], help="cases whose names begin so")
    parser.add_argument("--images", type=int, default=5000, help="of the bank, 32 x 32 x 3")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each rival takes")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks/denoisers.json"))
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*covariance lacks rank.*")
    chosen = cases(options.images, options.rounds)
    if options.only:
        chosen = {name: run for name, run in chosen.items() if name.startswith(tuple(options.only))}
    results: dict[str, Any] = {"images": options.images, "threads": torch.get_num_threads()}
    results |= {"machine": platform.machine(), "torch": torch.__version__, "cases": {}}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name, run in chosen.items():
        print(name, flush=True)
        rows = run()
        results["cases"][name] = rows
        if all("rival_seconds" in row for row in rows):
            ours, rival = (sum(row[key] for row in rows) for key in ("seconds", "rival_seconds"))
            print(f"  total {ours:.2f} s against {rival:.2f} s: {rival / ours:.1f} times", flush=True)
        options.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
