"""What Lightning costs: seconds a training step, against a bare PyTorch loop of the same net and work.

    python -m benchmarks.training [--blocks 6] [--steps 12]

Both loops run in this process by turns, a block of steps each; the figure is the median ratio over blocks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer

from locality.data import ImageDataModule, photos
from locality.data.batch import Batch
from locality.modules import DDPMModule
from locality.networks import unet

LEARNING_RATE, DECAY, CLIP = 4e-4, 0.999, 1.0


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--steps", type=int, default=12, help="steps a block; the first two do not count")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/training.json"))
    arguments = parser.parse_args()
    data = ImageDataModule(partial(photos, train=64 * arguments.steps, val=64, test=64))
    measure_lightning(data, 3)  # the first calls of a process compile and allocate
    rows = []
    for block in range(arguments.blocks):
        bare, ours = measure_bare(data, arguments.steps), measure_lightning(data, arguments.steps)
        rows.append({"bare": bare, "lightning": ours, "ratio": ours / bare})
        print(
            f"block {block}: bare {bare:.4f} s, Lightning {ours:.4f} s a step, ratio {ours / bare:.3f}",
            flush=True,
        )
    ratio = statistics.median(row["ratio"] for row in rows)
    print(f"median ratio {ratio:.3f} over {len(rows)} blocks, {torch.get_num_threads()} threads")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(
        json.dumps({"ratio": ratio, "threads": torch.get_num_threads(), "blocks": rows}, indent=2)
    )


def make_module() -> DDPMModule:
    """The default U-Net at 16 x 16."""
    return DDPMModule((3, 16, 16), partial(unet, groups=8), LEARNING_RATE, ema_decay=DECAY)


class Clock(Callback):
    """The time at the end of every training batch."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        """Notes the time."""
        self.ticks.append(time.perf_counter())


def measure_lightning(data: ImageDataModule, steps: int) -> float:
    """Median seconds a step under the Trainer, averaging, clipping and logging included."""
    clock = Clock()
    Trainer(
        accelerator="cpu", max_epochs=1, limit_train_batches=steps, limit_val_batches=0,
        gradient_clip_val=CLIP, logger=False, enable_checkpointing=False, enable_model_summary=False,
        callbacks=[clock], use_distributed_sampler=False, inference_mode=False,
    ).fit(make_module(), datamodule=data)  # fmt: skip
    return median_step(clock.ticks)


def measure_bare(data: ImageDataModule, steps: int) -> float:
    """Median seconds a step of a plain loop that does the same."""
    module = make_module()
    net = module.denoiser.net
    optimizer = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    average = [parameter.detach().clone() for parameter in net.parameters()]
    ticks = []
    for batch in data.train_dataloader():
        loss = bare_loss(module, batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(net.parameters()), 1 - DECAY)
        ticks.append(time.perf_counter())
        if len(ticks) == steps:
            break
    return median_step(ticks)


def bare_loss(module: DDPMModule, batch: Batch) -> torch.Tensor:
    """Ho et al. 2020, eq. 14, written out."""
    t = torch.randint(1000, (len(batch.images),))
    noise = torch.randn_like(batch.images)
    ab = module.schedule.alpha_bars[t].float()[:, None, None, None]
    guess = module.denoiser.net(ab.sqrt() * batch.images + (1 - ab).sqrt() * noise, t).sample
    return (guess - noise).square().mean()


def median_step(ticks: list[float]) -> float:
    """The median time between two ticks, without the first two."""
    return statistics.median(b - a for a, b in pairwise(ticks[1:]))


if __name__ == "__main__":
    main()
