"""What a compiled function is: free of the interpreter's lock, kept on disk, and loose about rounding."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

from locality.posterior.vectors.llvm import FAST


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call, and keep it until its file changes or one that it is made of.

    Numba itself looks at the function's own file only, and goes on with what other files were.
    """
    compiled: Any = njit(nogil=True, cache=True, fastmath=FAST)(function)
    index, path = compiled._cache._cache_file, Path(inspect.getfile(function))
    index._source_stamp = (index._source_stamp, _sources(path, path.parents[function.__module__.count(".")]))
    return compiled


@cache
def _sources(path: Path, root: Path) -> str:
    """A digest of a file and of all that it imports, and those import, below the root."""
    found, waiting, digest = set(), [path], hashlib.blake2b(digest_size=16)
    while waiting:
        path = waiting.pop()
        if path not in found and path.exists():
            found.add(path)
            source = path.read_bytes()
            digest.update(b"%d " % len(source) + source)
            waiting += [root.joinpath(*name.split(".")).with_suffix(".py") for name in _imported(source)]
    return digest.hexdigest()


def _imported(source: bytes) -> Iterator[str]:
    """What may be the names of modules that a file imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            yield from ([module] if module else [])
            yield from (f"{module}.{alias.name}" if module else alias.name for alias in node.names)
