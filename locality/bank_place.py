"""What `bank=` says: where the training images of a bank are held."""

from __future__ import annotations

from typing import NamedTuple, Self


class BankPlace(NamedTuple):
    """Where they are held; neither: in the memory of each rank.

    >>> BankPlace.of("mapped_sharded")
    BankPlace(mapped=True, sharded=True)
    """

    mapped: bool = False  # in a file of the cache
    sharded: bool = False  # each rank has a part

    @classmethod
    def of(cls, name: str) -> Self:
        """The place of a name. Raises ValueError for one that is none."""
        places = {
            "memory": cls(),
            "mapped": cls(mapped=True),
            "sharded": cls(sharded=True),
            "mapped_sharded": cls(mapped=True, sharded=True),
        }
        if name not in places:
            *others, last = places
            raise ValueError(f"bank: want {', '.join(others)} or {last}, got {name!r}")
        return places[name]
