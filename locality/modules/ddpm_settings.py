"""What a training's optimiser accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from locality.counts import is_whole


def check_settings(
    learning_rate: float, weight_decay: float, betas: Sequence[float], warmup_steps: int, ema_decay: float
) -> None:
    """Raises ValueError for a setting out of its range, naming it and what is accepted."""
    for name, value, want, good in (
        ("learning_rate", learning_rate, "a number above 0, to 1e36", lambda v: _number(v) and 0 < v <= 1e36),
        ("weight_decay", weight_decay, "a number from 0", lambda v: _number(v) and v >= 0),
        ("betas", betas, "two numbers in [0, 1)", lambda v: len(v) == 2 and all(map(_decay, v))),
        ("warmup_steps", warmup_steps, "a whole number from 0", lambda v: is_whole(v, 0)),
        ("ema_decay", ema_decay, "a number in [0, 1)", _decay),
    ):
        if not good(value):
            raise ValueError(f"{name}: want {want}, got {value!r}")


def _number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decay(value: object) -> bool:
    return _number(value) and 0 <= value < 1
