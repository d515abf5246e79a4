"""What is known of a comparison before it runs: whether it does without a network, and what no data allow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from locality.config import UsageError
from locality.denoisers.options import noise_levels
from locality.settings import fits

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


def check_given(
    settings: Mapping[str, Any],  # of a comparison, with its `_target_`
) -> None:
    """Raises UsageError for counts and noise levels that will do with no data. One's own judges its own."""
    if not str(settings["_target_"]).startswith("locality."):
        return
    for name in ("count", "grid"):
        value = settings.get(name)
        if isinstance(value, int) and value < 1 and not isinstance(value, bool):
            raise UsageError(f"compare.{name}: want at least 1, got {value}")
    sigmas: Any = settings.get("sigmas")
    if fits(sigmas, list[float]):  # else it is told that the type is wrong
        try:
            noise_levels(sigmas)
        except ValueError as error:
            raise UsageError(f"compare.{error}") from error
