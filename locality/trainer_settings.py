"""What Lightning's trainer would take and stumble over later, or what a run sets by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from locality.counts import is_whole


def _share(value: Any, least: int) -> bool:
    return value is None or is_whole(value, least) or (isinstance(value, float) and 0 <= value <= 1)


# Settings of the trainer that would be overruled.
OURS = (
    "logger", "callbacks", "default_root_dir", "inference_mode", "use_distributed_sampler",
    "num_sanity_val_steps", "enable_model_summary", "enable_checkpointing",
)  # fmt: skip
# What Lightning would take and stumble over later; it judges the other settings itself, when it is built.
_SETTINGS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "max_epochs": ("a whole number from 1, or -1 for no bound", lambda v: v == -1 or is_whole(v, 1)),
    "max_steps": ("a whole number from 1, or -1 for no bound", lambda v: v == -1 or is_whole(v, 1)),
    "limit_train_batches": ("batches from 1, a fraction of 1.0, or null", lambda v: _share(v, 1) and v != 0),
    "limit_val_batches": ("batches from 0, a fraction of 1.0, or null", lambda v: _share(v, 0)),
    "limit_test_batches": (
        "batches from 1, a fraction of 1.0, or null: a run ends with numbers of test images",
        lambda v: _share(v, 1) and v != 0,
    ),
    "overfit_batches": ("0; to learn few images by heart use data.subset=<images>", lambda v: v == 0),
    "fast_dev_run": ("false; to see that all works use trainer=smoke", lambda v: v is False),
    "barebones": ("false: a run has a record", lambda v: v is False),
    **dict.fromkeys(OURS, ("it left out: every run sets it itself", lambda v: False)),
}


def check_trainer(trainer: Mapping[str, Any]) -> None:
    """Raises ValueError for a setting of the trainer that cannot be meant."""
    for name, (want, good) in _SETTINGS.items():
        if name in trainer and not good(trainer[name]):
            raise ValueError(f"trainer.{name}: want {want}, got {trainer[name]!r}")
    if trainer.get("max_epochs") == -1 and trainer.get("max_steps", -1) == -1:
        raise ValueError("trainer: want a bound, max_epochs or max_steps; the learning rate falls towards it")
