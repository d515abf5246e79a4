"""Named options, checked."""

from __future__ import annotations

from collections.abc import Sequence


def choice(name: str, given: str, accepted: Sequence[str]) -> str:
    """The option, if it is one of those accepted; else a ValueError that lists them."""
    if given not in accepted:
        raise ValueError(f"{name}: want one of {', '.join(map(repr, accepted))}, got {given!r}")
    return given
