"""The classes of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Labels:
    """The class of each image of a set, read when it is first asked for.

    Few ask. Files of classes are not read for the others, and may be missing there. A copy of whoever holds
    labels shares them.
    """

    def __init__(
        self,
        read: Callable[[], Tensor],  # -> [N] int64, classes from 0
    ) -> None:
        self._read = read
        self._found: Tensor | None = None

    def __call__(self) -> Tensor:  # [N] int64
        """The classes. Raises ValueError for what can be none, and what reading raises."""
        if self._found is None:
            self._found = checked(self._read())
        return self._found

    def at(
        self,
        places: Tensor,  # [M] whole numbers, or a bool mask [N]
    ) -> Labels:
        """The classes of some of the images."""
        return Labels(lambda: self()[places.cpu()])

    def __deepcopy__(self, memo: dict[int, Any]) -> Labels:
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {"_read": None, "_found": self()}


def checked(labels: object) -> Tensor:  # [N] int64
    """Labels as whole numbers from 0. Raises ValueError for anything else."""
    good = isinstance(labels, Tensor) and labels.ndim == 1 and not labels.is_floating_point()
    if not isinstance(labels, Tensor) or not good or labels.dtype == torch.bool or bool((labels < 0).any()):
        raise ValueError(f"labels: want a tensor [N] of classes, whole numbers from 0, got {labels!r:.80}")
    return labels.long().cpu()
