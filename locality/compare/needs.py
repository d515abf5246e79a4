"""What a comparison says of itself before it runs: whether it does without a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Comparison = TypeVar("Comparison", bound=Callable[..., dict[str, float]])

_WITHOUT: set[Callable[..., Any]] = set()


def without_network(comparison: Comparison) -> Comparison:
    """A decorator: `checkpoint=null` will do for this comparison, one of one's own included."""
    _WITHOUT.add(comparison)
    return comparison


def needs_network(
    comparison: Callable[..., Any],  # the function, or with its settings bound
) -> bool:
    """Whether there must be a checkpoint or `networks=`."""
    return (comparison.func if isinstance(comparison, partial) else comparison) not in _WITHOUT
