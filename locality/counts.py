"""Whole numbers among what people give."""

from __future__ import annotations

from numbers import Integral


def is_whole(
    number: object,
    least: int | None = None,
) -> bool:
    """Whether something is a whole number, of whatever type, from `least`.

    >>> is_whole(0), is_whole(0, 1), is_whole(2.0), is_whole(True)
    (True, False, False, False)
    """
    if not isinstance(number, Integral) or isinstance(number, bool):
        return False
    return least is None or int(number) >= least


def is_count(number: object) -> bool:
    """Whether something is a whole number from 1."""
    return is_whole(number, 1)
