"""What bfloat16 does to sensitivity fields: a network's in float32 and under autocast, at the same images.

python -m benchmarks.precision pretrained/cifar      half a minute of a core; benchmarks.results has the page
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn.functional import cosine_similarity

import locality
from benchmarks.results.kept.choosing import data_name
from locality import NoiseSchedule
from locality.bank import to_float
from locality.build import datamodule
from locality.making import plain
from locality.noise import image_noise
from locality.report.provenance import provenance
from locality.sensitivity import sensitivity_maps

COUNT = 16  # test images
TIMES = (900, 800, 700, 600, 500, 400, 300, 200, 100)  # time-steps of DDPM
RUNS = Path(__file__).resolve().parent.parent / "runs"


def main() -> None:
    """Measure one network, and leave a JSON file where benchmarks.results looks for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", type=Path, help="a folder of pretrained/, or a run")
    parser.add_argument("--runs", type=Path, default=RUNS, help="the folder of the run folders")
    asked = parser.parse_args()
    begun = time.monotonic()
    recipe = OmegaConf.load(asked.network / "config.yaml").data
    scalars = measured(asked.network, recipe)
    run = {**provenance(), "command": f"python -m benchmarks.precision {asked.network}"}
    run["seconds"] = round(time.monotonic() - begun, 1)
    folder = asked.runs / "benchmarks" / "precision"
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "name": data_name(recipe),
        "network": asked.network.name,
        "size": COUNT,
        "run": run,
        "scalars": scalars,
    }
    (folder / f"{asked.network.name}.json").write_text(json.dumps(found, indent=1) + "\n")
    for name, value in scalars.items():
        print(f"{name} {value:.3g}")


def measured(network: Path, recipe: Any) -> dict[str, float]:
    """Turns (1 - cosine) and distances of the fields of the centre, `precision/<what>/t<time-step>`."""
    denoiser = locality.load(network)
    bank = datamodule(plain(recipe)).bank("test")
    clean = to_float(bank.images[:COUNT], torch.float32)
    noise = image_noise(range(COUNT), clean.shape[1:], 0, "test")
    height, width = clean.shape[-2:]
    numbers: dict[str, float] = {}
    for t in TIMES:
        sigma = NoiseSchedule.ddpm().sigma(t).item()
        x, pixels = clean + sigma * noise, [(height // 2, width // 2)]
        plain_maps = sensitivity_maps(denoiser, x, sigma, pixels)
        with torch.autocast("cpu", torch.bfloat16):
            short_maps = sensitivity_maps(denoiser, x, sigma, pixels).float()
        numbers |= {f"precision/{name}/t{t:03d}": v for name, v in compared(plain_maps, short_maps).items()}
    return numbers


def compared(
    plain_maps: Tensor,  # [B, 1, H, W]
    short_maps: Tensor,  # [B, 1, H, W]
) -> dict[str, float]:
    """How alike the maps of single images are, and those of their means."""
    first, second = plain_maps.flatten(1).double(), short_maps.flatten(1).double()
    cosine = cosine_similarity(first, second)
    distance = (first - second).norm(dim=1) / first.norm(dim=1)
    together = cosine_similarity(first.mean(0), second.mean(0), dim=0)
    return {
        "turn": 1 - cosine.mean().item(), "most": 1 - cosine.min().item(), "distance": distance.max().item(),
        "mean": 1 - together.item(),
    }  # fmt: skip


if __name__ == "__main__":
    main()
