"""The house rules that a machine can read: imports point down, heavy ones wait, files have one subject."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CONFIGS

from benchmarks import house

ROOT = CONFIGS.parent
PACKAGE = ROOT / "locality"
FILES = sorted(PACKAGE.rglob("*.py"))
FLOOR = {room: k for k, (_, rooms) in enumerate(reversed(house.FLOORS)) for room in rooms}
OWNERS = {  # the rooms that import a library
    "wandb": "report",
    "matplotlib": "report",
    "diffusers": "networks pipelines",
    "numba": "posterior",
    "wandb_workspaces": "dashboard",
    "triton": "posterior",
    "hydra": "cli arguments unusual making runs",
    "omegaconf": "cli arguments typed unusual app evaluation training training_card making checkpoints runs "
    "config holding",
    "lightning": "evaluation compare training build making callbacks modules data report runs ranks holding",
}
HEAVY = {"lightning", "hydra", "omegaconf", "wandb", "diffusers", "matplotlib"}


def short(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_file_has_a_floor_and_every_floor_its_files():
    assert set(FLOOR) == set(house.between_rooms())


@pytest.mark.parametrize("name", sorted(house.modules()))
def test_imports_point_down(name):
    mine = house.room(name)
    for other in house.imported(name, lazy=True) if mine else ():
        theirs = house.room(other)
        if theirs and theirs != mine:
            assert FLOOR[theirs] < FLOOR[mine], f"{name} imports {other}, which is not below it"


def test_rooms_of_the_pages_of_results_use_what_stands_before_them():
    pages = ROOT / "benchmarks" / "results"
    order = ("kept", "words", "questions", "bar", "caveats", "page_parts", "networks", "paper", "front")
    order += ("dots", "pages", "__main__")
    for path in pages.rglob("*.py"):
        mine = path.relative_to(pages).with_suffix("").parts[0]
        for name in house.names(path) if mine != "__init__" else ():
            if name.startswith("benchmarks.results."):
                theirs = name.split(".")[2]
                assert order.index(theirs) <= order.index(mine), f"{path}: {theirs} stands above {mine}"


def test_no_room_comes_back_to_itself():
    assert house.cycles(house.between_rooms()) == []


def test_no_module_needs_itself_while_it_is_imported():
    assert house.cycles(house.at_import()) == []


def test_a_cycle_is_found():
    assert house.cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_a_file_that_stands_alone_is_read():
    assert "locality.full_precision" in house.imported("locality.bank", lazy=False)
    assert "bank" in house.between_rooms()["statistics"]


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_a_library_has_owners(library):
    importers = {
        house.room(name)
        for name, path in house.modules().items()
        if any(other.split(".")[0] == library for other in house.names(path))
    }
    assert importers == set(OWNERS[library].split())


@pytest.mark.parametrize("rooms", ["locality.denoisers, locality.sensitivity", "locality.calibration"])
def test_the_mathematics_loads_no_framework(rooms):
    code = f"import json, sys, {rooms}; print(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "torch" in loaded
    assert not loaded & HEAVY


def test_the_picture_of_the_house_is_true():
    (found,) = house.BLOCK.finditer(house.PAGE.read_text())
    assert found[0] == found[1] + house.picture() + found[2], "python -m benchmarks.house"


@pytest.mark.parametrize("room", ["compare", "posterior"])
def test_the_map_of_a_room_names_each_of_its_files(room):
    told = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    files = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    assert files - set(re.findall(r"\w+", told)) == set()


def test_nothing_is_a_junk_drawer():
    banned = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert not [path for path in PACKAGE.rglob("*") if path.stem in banned]


@pytest.mark.parametrize("path", FILES, ids=short)
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
