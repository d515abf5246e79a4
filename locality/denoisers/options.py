"""Named options, checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any


def choice(name: str, given: str, accepted: Sequence[str]) -> str:
    """The option, if it is one of those accepted; else a ValueError that lists them."""
    if given not in accepted:
        raise ValueError(f"{name}: want one of {', '.join(map(repr, accepted))}, got {given!r}")
    return given


def real(name: str, given: Any, good: Callable[[float], bool], wanted: str) -> float:
    """The number, whoever's type it has; else a ValueError that says what is `wanted`."""
    number = given.item() if getattr(given, "ndim", None) == 0 else given  # numpy's or torch's
    if isinstance(number, bool) or not isinstance(number, Real) or not good(float(number)):
        raise ValueError(f"{name}: want {wanted}, got {given!r}")
    return float(number)


def noise_levels(given: Sequence[float]) -> list[float]:
    """Distinct noise levels above 0; else a ValueError that says so."""
    good = [type(sigma) in (int, float) and 0 < sigma < math.inf for sigma in given]
    if not good or not all(good) or len(set(given)) < len(given):
        raise ValueError(f"sigmas: want distinct noise levels above 0, got {list(given)}")
    return list(given)
