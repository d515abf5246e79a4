"""What a compiled function is: free of the interpreter's lock, kept on disk, and loose about rounding."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from locality.posterior.compiled.vectors import FAST


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call, and keep it until a file beside its own changes.

    Numba itself looks at the function's own file only, and goes on with what other files were.
    """
    compiled: Any = njit(nogil=True, cache=True, fastmath=FAST)(function)
    index = compiled._cache._cache_file
    index._source_stamp = (index._source_stamp, _sources(Path(inspect.getfile(function)).parent))
    return compiled


@cache
def _sources(folder: Path) -> str:
    """A digest of the Python files of a folder."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
