"""The three parts of every data set."""

from __future__ import annotations

from typing import Literal, get_args

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def check_split(split: str) -> None:
    """Raises ValueError unless the name is that of a split."""
    if split not in SPLITS:
        raise ValueError(f"split: want one of {', '.join(SPLITS)}, got {split!r}")
