"""Settings held against the annotations of what they are for: a wrong name or type is told at once."""

from __future__ import annotations

import inspect
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Union

from locality.config import UsageError, nearest_name

LARGEST = 2**63 - 1  # what torch and NumPy count with
OF_CANDIDATES = ("bank_counts", "sample_counts", "calibrated_as", "share")  # of comparisons: by candidate
_OURS = {"_target_", "_partial_", "_recursive_", "_convert_", "_args_"}  # Hydra's, of any node


def misfit(where: str, target: Callable[..., Any], settings: Mapping[str, Any]) -> str | None:
    """What is wrong with settings, in a line: a name that the target does not take, a value of another type.

    Types that are no plain values, and nodes that build an object, are left to the target.
    """
    parameters = inspect.signature(target).parameters
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name, value in settings.items():
        if name in _OURS:
            continue
        if name not in parameters:
            if open_ended:
                continue
            return f"no setting named '{where}.{name}'. {nearest_name(str(name), parameters)}"
        hint = _resolved(target, parameters[name].annotation)
        if not fits(value, hint):
            return f"{where}.{name}: want {words(hint)}, got {value!r}"
    return None


def check_candidates(
    setting: str,  # of a comparison
    given: Iterable[str],  # the names in it
    candidates: Iterable[str],
) -> None:
    """Raises UsageError, with the nearest name, for a name in a setting that is no candidate's."""
    names = list(candidates)
    for name in map(str, given) if names else ():  # without any, a comparison asks for some
        if name not in names:
            raise UsageError(f"compare.{setting}: no candidate named {name!r}. {nearest_name(name, names)}")


def fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of an annotated type. Numbers are finite, and whole ones fit into 64 bits."""
    if hint is Any or _builds(value):
        return True
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, one) for one in inside)
    if origin is Literal:
        return any(value == one and type(value) is type(one) for one in inside)
    if hint in (None, type(None)):
        return value is None
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and _finite(value)
    kind = origin or hint
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return isinstance(value, Mapping) and all(
            _each(value.keys(), inside[:1]) + _each(value.values(), inside[1:])
        )
    if isinstance(kind, type) and issubclass(kind, list | tuple | Sequence) and kind is not str:
        if not isinstance(value, list | tuple):
            return False
        if kind is tuple and inside and inside[-1] is not Ellipsis:
            return len(value) == len(inside) and all(fits(*pair) for pair in zip(value, inside, strict=True))
        return all(_each(value, inside[:1]))
    if hint in (str, bool):
        return isinstance(value, hint)
    if isinstance(kind, type):  # of an object: no plain value is one, but a path may be said as text
        return isinstance(value, kind) or (isinstance(value, str) and kind.__name__ == "Path")
    return True


def words(hint: Any) -> str:
    """An annotated type as people say it.

    >>> words(list[int] | None)
    'a list of whole numbers or null'
    """
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(words(one) for one in inside))
    if origin is Literal:
        return " or ".join(map(str, inside))
    plain = {
        int: "a whole number",
        float: "a finite number",
        str: "a word",
        bool: "true or false",
        type(None): "null",
    }
    if hint in plain:
        return plain[hint]
    kind = origin or hint
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return "{name: value}" if len(inside) < 2 else f"{{{_short(inside[0])}: {_short(inside[1])}}}"
    if isinstance(kind, type) and issubclass(kind, list | tuple | Sequence):
        return "a list" if not inside else f"a list of {_short(inside[0], 's')}"
    return f"an object ({getattr(kind, '__name__', kind)})"


def _short(hint: Any, plural: str = "") -> str:
    names = {int: "whole number", float: "number", str: "name", Any: "value"}
    return f"{names[hint]}{plural}" if hint in names else words(hint)


def _each(values: Any, inside: Sequence[Any]) -> list[bool]:
    return [fits(value, inside[0]) for value in values] if inside else []


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond floats
        return False


def _builds(value: Any) -> bool:
    """Whether an object is built in its place, which only the target can judge."""
    return isinstance(value, Mapping) and "_target_" in value


def _resolved(target: Callable[..., Any], annotation: Any) -> Any:
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    made: Any = vars(target).get("__init__", target) if isinstance(target, type) else target
    try:
        # As typing.get_type_hints does.
        return eval(annotation, vars(sys.modules[inspect.unwrap(made).__module__]))
    except (NameError, AttributeError, TypeError):  # imported for the type checker alone
        return Any


def nodes(where: str, node: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The nodes of a config that build something, with their places: the innermost first."""
    parts = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for name, part in parts:
        yield from nodes(f"{where}.{name}", part)
    if _builds(node):
        yield where, node
