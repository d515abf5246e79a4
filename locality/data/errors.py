"""What can be wrong with data, each said in one line."""

from __future__ import annotations


class DataError(ValueError):
    """The data cannot be used; the message is one line that names the file or setting and the remedy."""


class DataNotFound(DataError):
    """The data are in none of the places where they are looked for, and could not be downloaded."""


class DataDamaged(DataError):
    """A file is there and is not what it should be: truncated, of another format, size or colour."""
