"""Saving while a training runs: whole files, two generations, and failures that are told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, final

from lightning import Trainer
from lightning.fabric.plugins import CheckpointIO

from locality.disk import shown_path
from locality.ranks import first_rank
from locality.runs.checkpoint_file import read_checkpoint, write_checkpoint
from locality.runs.files import CHECKPOINT, PREVIOUS

# Of the states of Lightning's ModelCheckpoint.
_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path", "best_k_models")


class SaveFailed(RuntimeError):
    """The last checkpoint of a training could not be written."""


@final
class WholeCheckpoints(CheckpointIO):
    """Lightning's way to disk: `last.ckpt` is whole at every moment, and `previous.ckpt` the one before it.

    A save that fails is told at once on stderr and the training goes on: a later one may succeed. What has
    still failed at the end is told again, and `check_saved` makes a run of it that failed.
    """

    def __init__(self) -> None:
        self.failed: dict[Path, str] = {}  # files whose newest save failed, and why
        self._written: set[Path] = set()

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes the file, beside its target first."""
        path = Path(path)
        _sweep(path)
        old = path.with_name(PREVIOUS.name) if path.name == CHECKPOINT.name else None
        try:
            write_checkpoint(checkpoint, path, old)
        except OSError as error:
            step, reason = checkpoint.get("global_step"), error.strerror or str(error)
            kept = "the checkpoint of before stays" if path.is_file() else "there is none yet"
            self.failed[path] = f"{shown_path(path)} of step {step}: {reason}; {kept}"
            print(f"SAVING FAILED: {self.failed[path]}; the training goes on", file=sys.stderr, flush=True)
        else:
            self.failed.pop(path, None)
            self._written.add(path.resolve())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: Any = None
    ) -> dict[str, Any]:
        """Reads the file if it is whole; `weights_only` always.

        Lightning deletes checkpoints by paths that earlier ones hold. The file may be somebody else's, so its
        paths are not believed.
        """
        content: dict[str, Any] = read_checkpoint(Path(path))
        for state in (content.get("callbacks") or {}).values():
            if isinstance(state, dict):
                state |= {name: type(state[name])() for name in _PATHS if name in state}
        return content

    def remove_checkpoint(self, path: Any) -> None:
        """Removes the file, if it is one that this run has written."""
        if Path(path).resolve() in self._written:
            Path(path).unlink(missing_ok=True)

    def teardown(self) -> None:
        """Tells again what could not be saved."""
        for failed in self.failed.values():
            print(f"NOT SAVED: {failed}", file=sys.stderr, flush=True)


def check_saved(trainer: Trainer) -> None:
    """Raises SaveFailed if the newest save of the checkpoint that a run resumes from failed."""
    files = trainer.strategy.checkpoint_io
    failed = getattr(files, "failed", {})
    for path, what in failed.items():
        if path.name == CHECKPOINT.name:
            raise SaveFailed(f"not saved: {what}; make room or mend the rights, and resume the run")


def set_aside(
    run: Path,
    chosen: Path,  # the checkpoint that the run goes on from
) -> None:
    """Takes a damaged newest checkpoint out of the way, so that it never takes the place of a whole one."""
    damaged = run / CHECKPOINT
    if chosen.name == PREVIOUS.name and damaged.is_file() and first_rank():
        damaged.replace(damaged.with_name("damaged.ckpt"))


def _sweep(path: Path) -> None:
    """Removes what processes that were killed left beside the target."""
    for left in path.parent.glob(f".{path.name}-*"):
        left.unlink(missing_ok=True)
