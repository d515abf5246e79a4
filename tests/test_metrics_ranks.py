"""The metrics on two real processes."""

from __future__ import annotations

from pathlib import Path

import torch

from locality.metrics import Curve, ImageR2

COUNT, STEPS = 5, 2


def measure(rank: int, meeting: str) -> None:
    """One of two processes; a repeat of weight 0 pads to equal counts."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    try:
        preds, target = torch.randn(2, COUNT, 1, 4, 4, generator=torch.Generator().manual_seed(0))
        curve = Curve(ImageR2(), [1.0, 0.1])
        for place in torch.arange(rank, COUNT + COUNT % 2, 2):
            row = place[None] % COUNT
            for step in range(STEPS):
                curve.update(step, preds[row] + step, target[row], row, (place[None] < COUNT).float())
        means, values = curve.compute(), curve.values()
    finally:
        torch.distributed.destroy_process_group()
    for step in range(STEPS):
        alone = ImageR2()
        alone.update(preds + step, target)
        torch.testing.assert_close(values[step], alone.values(), rtol=0, atol=0)
        torch.testing.assert_close(means[step], alone.compute(), rtol=0, atol=0)


def other(_: int, meeting: str) -> None:
    """Rank 1, in a process of its own."""
    measure(1, meeting)


def test_two_processes_give_the_numbers_of_one(tmp_path: Path) -> None:
    meeting = str(tmp_path / "meeting")
    context = torch.multiprocessing.spawn(other, (meeting,), nprocs=1, join=False)
    measure(0, meeting)
    while not context.join():
        pass
