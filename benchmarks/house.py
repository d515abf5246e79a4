"""Draw the rooms of `locality` and who imports whom, and put the picture into CONTRIBUTING.md.

python -m benchmarks.house

FLOORS is the plan, from the roof down: a room imports rooms of lower floors alone. `tests/test_layers.py`
holds the code to it, and the picture to the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, PAGE = ROOT / "locality", ROOT / "CONTRIBUTING.md"
FLOORS = (  # what a floor is about, and its rooms: folders, and files that stand alone
    ("the command line", ("cli",)),
    ("a command", ("app", "arguments", "unusual")),
    ("what it does, and what is typed", ("evaluation", "typed")),
    ("comparing, training, shipping, showing", ("compare", "dashboard", "export", "pipelines", "training")),
    ("denoisers of files", ("checkpoints", "holding", "training_card")),
    ("objects of configs", ("build",)),
    ("Lightning's callbacks", ("callbacks",)),
    ("Lightning's modules", ("heldout", "modules")),
    ("numbers, pages, images", ("data", "metrics", "report")),
    ("what a denoiser looks at, and which settings serve", ("calibration", "sensitivity")),
    ("with denoisers", ("networks", "sampling")),
    ("denoisers", ("denoisers",)),
    ("with banks, and run folders", ("finite_sample", "information", "making", "runs")),
    ("averages over a bank", ("posterior", "statistics", "ranks", "sums", "trust", "settings", "choices")),
    ("sums over a bank", ("power_sums",)),
    ("images, numbers at rest, checks", ("bank", "statistics_cache", "config")),
    ("images in a file, a trainer's settings", ("mapped_file", "trainer_settings")),
    (
        "the ground",
        (
            "at_rest",
            "bank_place",
            "counts",
            "disk",
            "full_precision",
            "labels",
            "live",
            "mixture",
            "noise",
            "paths",
            "schedule",
            "shards",
            "shipped",
            "stopping",
            "whole_numbers",
        ),
    ),
)
BLOCK = re.compile(r"(<!-- house: .*? -->\n```text\n).*?(```\n<!-- end -->)", re.DOTALL)


def main() -> None:
    """Rewrite the picture in CONTRIBUTING.md."""
    PAGE.write_text(BLOCK.sub(lambda match: match[1] + picture() + match[2], PAGE.read_text()))


def picture() -> str:
    """A line for each room, the roof first, with the rooms that it imports.

    A room that is reached through another one is left out: who imports `app` has `training`, too.
    """
    arrows, lines = between_rooms(), []
    widest = max(len(name) for name in arrows)
    for k, (about, rooms) in enumerate(FLOORS):
        lines.append(f"{len(FLOORS) - 1 - k:>2}  {about}")
        for name in sorted(rooms):
            below = ", ".join(sorted(_direct(name, arrows)))
            lines.append(f"      {name:<{widest}} {'-> ' + below if below else ''}".rstrip())
    return "\n".join(lines) + "\n"


def between_rooms() -> dict[str, set[str]]:
    """The rooms that each room imports, wherever in its files."""
    arrows: dict[str, set[str]] = {room(module): set() for module in modules() if room(module)}
    for module in modules():
        if room(module):  # the package's own door imports when a name is used
            targets = {room(target) for target in imported(module, lazy=True)}
            arrows[room(module)] |= targets - {room(module), ""}
    return arrows


def at_import() -> dict[str, set[str]]:
    """The modules that each module imports while it is imported itself."""
    return {module: imported(module, lazy=False) for module in modules()}


@cache
def modules() -> dict[str, Path]:
    """The files of the package by the names of their modules."""
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in sorted(PACKAGE.rglob("*.py"))}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): path for path, p in parts.items()}


def room(module: str) -> str:
    """The room of a module; "" for the package's own door."""
    return module.split(".")[1] if "." in module else ""


def imported(module: str, lazy: bool) -> set[str]:
    """The modules of the package that a module imports; `lazy`: also in functions, and for types alone."""
    found = set()
    for name in names(modules()[module], lazy):
        while name and name not in modules():
            name = name.rpartition(".")[0]
        found |= {name} if name else set()
    return found - {module}


@cache
def names(path: Path, lazy: bool = True) -> frozenset[str]:
    """Everything that a file imports, in dots; `lazy` as in `imported`."""
    found = set()
    for node in _nodes(ast.parse(path.read_text()), lazy):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write the whole name"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _nodes(tree: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        waits = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        waits |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if lazy or not waits:
            yield node
            yield from _nodes(node, lazy)


def cycles(arrows: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of names that reach one another along the arrows."""
    reached = {name: _reached(name, arrows) for name in arrows}
    groups = {tuple(sorted(a for a in reached[name] if name in reached[a])) for name in arrows}
    return [list(group) for group in sorted(groups) if group]


def _reached(name: str, arrows: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(arrows[name])
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += arrows[one]
    return found


def _direct(name: str, arrows: Mapping[str, set[str]]) -> set[str]:
    return arrows[name] - set().union(*(_reached(one, arrows) for one in arrows[name]))


if __name__ == "__main__":
    main()
