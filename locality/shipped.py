"""What comes with the package, where it lies, and what its commands are called."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_folder(name: str) -> Path:
    """A folder that comes with the package, `configs` or `pretrained`.

    An installed wheel has it inside the package. A checkout has it beside the package.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def is_ours(made: object) -> bool:
    """Whether a function or a class is of this package, and not of a user."""
    return str(getattr(made, "__module__", "")).startswith("locality.")


def command(task: str) -> str:
    """How one types `train` or `evaluate`: `python train.py` in a checkout, `locality-train` elsewhere.

    Whoever typed `locality-train` in a checkout is told `locality-...` there, too.
    """
    installed = (_PACKAGE / "configs").is_dir() or Path(sys.argv[0]).name.startswith("locality-")
    return f"locality-{task}" if installed else f"python {task}.py"


def script(task: str) -> str:
    """The last word of `command`: `train.py` or `locality-train`."""
    return command(task).split()[-1]


def as_typed(
    words: Sequence[str],  # of a command, as Hydra takes them
) -> list[str]:
    """The words of a command with its pattern as people type it.

    >>> as_typed(["+pattern@data.pattern=letter_w", "data.pattern.pattern='/my.png'", "gamma=1"])
    ['pattern=/my.png', 'gamma=1']
    """
    pictures = [word.partition("=")[2] for word in words if word.startswith("data.pattern.pattern=")]
    told = []
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") == "pattern@data.pattern":
            told.append(f"pattern={_unspelled(pictures[-1]) if pictures else value}")
        elif not (key == "data.pattern.pattern" and any("pattern@data.pattern=" in one for one in words)):
            told.append(word)
    return told


def _unspelled(value: str) -> str:
    """A value without the quotes that Hydra wants; those of a list of several stay."""
    quoted = re.fullmatch(r"'((?:[^'\\]|\\.)*)'", value)
    return re.sub(r"\\(['\\])", r"\1", quoted[1]) if quoted else value
