"""What Lightning costs: seconds a training step, against a bare PyTorch loop of the same net and work.

    python -m benchmarks.training [--steps 60]

One `Trainer.fit`; after each of its steps a callback runs a step of a plain loop that has its own net,
optimiser, schedule, average and data. Both are timed, and whatever slows the machine down slows the pair
down: the figure is the median of the paired ratios, with a bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer

from locality.data import ImageDataModule, photos
from locality.data.batch import Batch
from locality.metrics import interval
from locality.modules import DDPMModule
from locality.networks import unet
from locality.report import FolderLogger

LEARNING_RATE, DECAY, CLIP = 4e-4, 0.999, 1.0
WARM = 3  # first steps, which allocate and compile


def main() -> None:
    """Measure, print and write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=60, help=f"pairs; the first {WARM} do not count")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/training.json"))
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    data = ImageDataModule(partial(photos, train=64 * arguments.steps, val=64, test=64), flip=True)
    pair = Pair(BareLoop(data))
    train(data, pair, arguments.out.parent, arguments.steps)
    found = summary(pair)
    print(
        f"Lightning {found['lightning']:.4f} s, bare {found['bare']:.4f} s a step; ratio "
        f"{found['ratio']:.3f} [{found['low']:.3f}, {found['high']:.3f}], median of {found['pairs']} pairs, "
        f"{torch.get_num_threads()} threads"
    )
    arguments.out.write_text(json.dumps(found | {"threads": torch.get_num_threads()}, indent=2))


def make_module() -> DDPMModule:
    """The default U-Net at 16 x 16."""
    return DDPMModule((3, 16, 16), partial(unet, groups=8), LEARNING_RATE, ema_decay=DECAY)


class BareLoop:
    """A plain loop's step: a batch, its noise, the loss, the gradient, clip, AdamW, schedule, average."""

    def __init__(self, data: ImageDataModule) -> None:
        self.module = make_module()
        self.net = self.module.denoiser.net
        self.batches = _endless(data)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), LEARNING_RATE, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1.0)
        self.average = [parameter.detach().clone() for parameter in self.net.parameters()]

    def step(self) -> None:
        """One optimiser step; the loss is eq. 14 of Ho et al. 2020, written out."""
        images = next(self.batches).images
        t = torch.randint(1000, (len(images),))
        noise = torch.randn_like(images)
        ab = self.module.schedule.alpha_bars[t].float()[:, None, None, None]
        guess = self.net(ab.sqrt() * images + (1 - ab).sqrt() * noise, t).sample
        loss = (guess - noise).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        self.optimizer.step()
        self.schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.net.parameters()), 1 - DECAY)


class Pair(Callback):
    """Times the trainer from the end of one bare step to the start of the next: all that it does for a step.

    Lightning calls a module's own callbacks last, so the average of a step falls into the next interval.
    """

    def __init__(self, bare: BareLoop) -> None:
        self.bare = bare
        self.pairs: list[tuple[float, float]] = []  # seconds: Lightning's, bare
        self._began: float | None = None

    def on_train_batch_end(self, *_: Any) -> None:
        """Ends a step of the trainer, runs a bare one, and begins the next."""
        ended = time.perf_counter()
        self.bare.step()
        now = time.perf_counter()
        if self._began is not None:
            self.pairs.append((ended - self._began, now - ended))
        self._began = now


def train(data: ImageDataModule, pair: Pair, folder: Path, steps: int) -> None:
    """The trainer as train.py sets it up: averaging, clipping, logging; without its progress bar's lines."""
    warnings.filterwarnings("ignore", module=r"lightning\..*")
    Trainer(
        accelerator="cpu", max_epochs=1, limit_train_batches=steps, limit_val_batches=0,
        gradient_clip_val=CLIP, logger=FolderLogger(folder), log_every_n_steps=10, callbacks=[pair],
        enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False,
        use_distributed_sampler=False, inference_mode=False, num_sanity_val_steps=0,
    ).fit(make_module(), datamodule=data)  # fmt: skip


def summary(pair: Pair) -> dict[str, float]:
    """The medians, and the median ratio with its 95 % interval."""
    pairs = pair.pairs[WARM:]
    ratios = [lightning / bare for lightning, bare in pairs]
    low, high = interval(ratios, statistic=lambda drawn: drawn.quantile(0.5, -1))
    return {
        "ratio": statistics.median(ratios), "low": low, "high": high, "pairs": len(pairs),
        "lightning": statistics.median(lightning for lightning, _ in pairs),
        "bare": statistics.median(bare for _, bare in pairs),
    }  # fmt: skip


def _endless(data: ImageDataModule) -> Iterator[Batch]:
    while True:
        yield from data.train_dataloader()


if __name__ == "__main__":
    main()
