"""The house rules that a machine can read: imports point down, heavy ones wait, files have one subject."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import CONFIGS

ROOT = CONFIGS.parent
PACKAGE = ROOT / "locality"
LEVELS = [
    {
        "disk",
        "sums",
        "schedule",
        "bank",
        "full_precision",
        "noise",
        "power_sums",
        "statistics",
        "statistics_cache",
        "mixture",
        "config",
        "finite_sample",
        "trust",
        "paths",
        "trainer_settings",
        "settings",
    },
    {"runs", "ranks", "stopping"},
    {"posterior"},
    {"information"},
    {"denoisers", "networks", "sampling", "sensitivity", "calibration"},
    {"data", "metrics", "report"},
    {"modules", "callbacks"},
    {"build", "arguments"},
    {"checkpoints"},
    {"compare", "heldout"},
    {"training_card"},
    {"training", "evaluation"},
    {"app", "export"},
    {"cli"},
]
FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} - {"__init__"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def level(name: str) -> int:
    found = [k for k, names in enumerate(LEVELS) if name in names]
    assert found, f"{name} is not in the list of rooms: say where it belongs"
    return found[0]


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    if path == PACKAGE / "__init__.py":
        pytest.skip("the package's own door; its imports wait until a name is used")
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "locality" and len(parts) > 1 and parts[1] in ROOMS:
            assert level(parts[1]) <= level(room(path)), f"{path} imports {name}, which is above it"


@pytest.mark.parametrize(
    ("library", "owner"), [("wandb", "report"), ("matplotlib", "report"), ("diffusers", "networks")]
)
def test_a_heavy_library_has_one_importer(library, owner):
    importers = {room(path) for path in FILES if any(n.split(".")[0] == library for n in imports(path))}
    assert importers <= {owner}


def test_nothing_is_a_junk_drawer():
    banned = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert not [path for path in PACKAGE.rglob("*") if path.stem in banned]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_has_one_subject(path):
    assert len(path.read_text().splitlines()) <= 250, "two ideas in one file?"


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*/*.yaml")), ids=lambda p: str(p.relative_to(CONFIGS)))
def test_a_config_file_is_short_and_says_how_to_use_it(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= 15
    assert any(line.startswith("# ") and ("python " in line or "make " in line) for line in lines[:2])


def test_the_scripts_are_entry_points_only():
    for script in ("train.py", "evaluate.py"):
        assert len((ROOT / script).read_text().splitlines()) <= 15
