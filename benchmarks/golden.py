"""The golden curve: 50 steps of one small training, kept in tests/golden so that a silent change is seen.

python -m benchmarks.golden     after a change of training that is meant; the commit says why the curve moved
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hydra import compose, initialize_config_dir

from locality import app
from locality.report.history import HISTORY, read_history

ROOT = Path(__file__).resolve().parents[1]
CURVE = ROOT / "tests" / "golden" / "digits_unet.json"
STEPS = 50
ASKED = [
    "data=digits", "data.batch_size=16", "data.subset=400", "data.eval_batch_size=4", "logger=none",
    "trainer.accelerator=cpu", "trainer.precision=64-true", "cache=null",
    f"trainer.max_steps={STEPS}", "trainer.log_every_n_steps=1", "trainer.limit_val_batches=0",
    "trainer.limit_test_batches=1", "samples.count=1", "samples.steps=1", "data.flip=true",
    "model.prediction=epsilon",
    "model.network.channels=[16,32]", "model.network.layers=1", "model.network.dropout=0.1",
]  # fmt: skip


def curve() -> dict[str, list[float]]:
    """Loss and gradient norm of each step, with order, flips, noise, time-steps and dropout by the seed."""
    with tempfile.TemporaryDirectory() as folder:
        with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
            cfg = compose("train", [*ASKED, f"runs={folder}"])
        app.run(cfg)
        points = read_history(Path(folder) / "latest" / HISTORY)
    names = ("train/loss", "train/gradient_norm")
    return {name: [value for _, value in points[name]] for name in names}


if __name__ == "__main__":
    CURVE.parent.mkdir(exist_ok=True)
    CURVE.write_text(json.dumps(curve(), indent=1) + "\n")
    print(CURVE)
