"""train.py, whose last rank gets a SIGTERM in step $STOP_AT."""

from __future__ import annotations

import os
import signal
import sys

from conftest import CONFIGS

from locality.cli import main as command
from locality.modules import DDPMModule


def main() -> None:
    """Run the arguments of this process."""
    original = DDPMModule.training_step

    def step(self: DDPMModule, *args: object) -> object:
        last = self.trainer.global_rank == self.trainer.world_size - 1
        if last and self.global_step == int(os.environ["STOP_AT"]):
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, *args)  # type: ignore[arg-type]

    DDPMModule.training_step = step  # type: ignore[method-assign, assignment]
    command("train", CONFIGS)


if __name__ == "__main__":
    sys.exit(main())
