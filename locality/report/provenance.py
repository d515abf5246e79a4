"""Where a number comes from: the command, the commit and the versions behind a run."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("locality", "torch", "lightning", "torchmetrics", "diffusers", "wandb", "numpy", "scikit-image")


def provenance() -> dict[str, Any]:
    """Command, commit, date and versions, as plain strings."""
    return {
        "command": shlex.join(_typed()),
        "commit": commit(),
        "started": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": {"python": platform.python_version(), **_versions()},
    }


def _typed() -> list[str]:
    program = Path(sys.argv[0]).name
    return [*(["python"] if program.endswith(".py") else []), program, *sys.argv[1:]]


def told(command: str) -> str:
    """A command without the places of this machine."""
    return re.sub(r"[^\s'\[{:,=]*/runs/", "runs/", re.sub(r" (runs|cache|logger)=\S+", "", command))


def commit() -> str | None:
    """The commit of the checkout that this package runs from, `+edits` if files differ; None elsewhere."""
    here = Path(__file__)
    # An installed copy may lie inside somebody else's repository, whose commit says nothing about us.
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return None
    head = _git(here.parent, "rev-parse", "--short=12", "HEAD")
    edits = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
    return f"{head}+edits" if edits else head


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):  # without git the commit is unknown, which is what None says
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
