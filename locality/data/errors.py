"""What can be wrong with data, each said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Self


class DataError(ValueError):
    """The data cannot be used; the message is one line that names the file or setting and the remedy.

    Names of files may hold anything: what cannot be printed, or is no UTF-8, is spelled out (`\\n`, `\\xe9`).
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(map(_printable, message)))


class DataNotFound(DataError):
    """The data are in none of the places where they are looked for, and could not be downloaded."""


class DataDamaged(DataError):
    """A file is there and is not what it should be: truncated, of another format, size or colour."""

    @classmethod
    def at(cls, path: Path, what: str) -> Self:
        """What is wrong with a file of a known data set, which can be got again."""
        return cls(f"{path} is damaged: {what}; delete it and get it again")


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    byte = ord(character) - 0xDC00  # how Python keeps a byte of a name that is no UTF-8
    return f"\\x{byte:02x}" if 0x80 <= byte <= 0xFF else character.encode("unicode_escape").decode()
