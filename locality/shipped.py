"""What comes with the package, where it lies, and what its commands are called."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped_folder(name: str) -> Path:
    """A folder that comes with the package, `configs` or `pretrained`.

    An installed wheel has it inside the package. A checkout has it beside the package.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def command(task: str) -> str:
    """How one types `train` or `evaluate`: `python train.py` in a checkout, `locality-train` elsewhere.

    Whoever typed `locality-train` in a checkout is told `locality-...` there, too.
    """
    installed = (_PACKAGE / "configs").is_dir() or Path(sys.argv[0]).name.startswith("locality-")
    return f"locality-{task}" if installed else f"python {task}.py"


def script(task: str) -> str:
    """The last word of `command`: `train.py` or `locality-train`."""
    return command(task).split()[-1]
