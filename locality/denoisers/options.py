"""Named options, checked."""

from __future__ import annotations

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
