"""Modules whose numbers do not survive 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

SHORT = (torch.float16, torch.bfloat16)


class FullPrecision(nn.Module):
    """A module whose buffers keep their type where others become 16-bit floats, and move as all do.

    Lightning's "16-true" and `half()` cast every tensor of a module. Statistics would lose what masks are
    made of, and images the small distances between them.
    """

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        def move(tensor: Tensor) -> Tensor:
            result = fn(tensor)
            return tensor.to(result.device) if result.dtype in SHORT else result

        return super()._apply(move, recurse)
