"""What a wheel ships, and the files of the image; .ci/run builds the wheel itself and tries it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import CONFIGS, PRETRAINED

from locality import shipped
from locality.report import provenance
from locality.runs import files
from locality.runs.finding import training_run

ROOT = CONFIGS.parent
SCRIPT = ROOT / "docker" / "wheel.sh"
MOST = 95 * 2**20  # bytes of what ships; PyPI takes files of 100 MB


def test_a_checkout_has_its_configs_beside_the_package():
    assert shipped.shipped_folder("configs") == CONFIGS
    assert shipped.shipped_folder("pretrained") == PRETRAINED


def test_a_wheel_has_them_inside_whatever_else_lies_beside_it(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()  # somebody else's
    (tmp_path / "locality" / "configs").mkdir(parents=True)
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "locality")
    assert shipped.shipped_folder("configs") == tmp_path / "locality" / "configs"
    assert shipped.command("train") == "locality-train"


@pytest.mark.parametrize(
    ("program", "said"), [("/x/train.py", "python train.py"), ("/venv/bin/locality-train", "locality-train")]
)
def test_who_typed_a_command_reads_the_same_command(program, said, monkeypatch):
    monkeypatch.setattr(sys, "argv", [program, "a=1"])
    assert shipped.command("train") == said
    assert provenance.provenance()["command"] == f"{said} a=1"


def test_a_network_that_ships_is_found_wherever_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    assert training_run(Path("pretrained/photos16")) == PRETRAINED / "photos16"
    assert training_run(Path("pretrained/nope")) == Path("pretrained/nope")
    Path("pretrained/photos16").mkdir(parents=True)  # one's own of that name
    assert training_run(Path("pretrained/photos16")) == Path("pretrained/photos16")


def test_what_ships_fits_into_a_file_of_pypi():
    assert sum(path.stat().st_size for path in (*PRETRAINED.rglob("*"), *CONFIGS.rglob("*"))) < MOST


def test_every_command_of_the_wheel_is_there():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    for target in scripts.values():
        module, _, name = target.partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_the_image_installs_and_tries_what_ci_does():
    """The words of docker/wheel.sh that CI runs (`all`) are those of the Dockerfile."""
    of_image = re.findall(r"wheel\.sh (\w+)", (ROOT / "docker" / "Dockerfile").read_text())
    whole = re.search(r"^all\(\).*?^}", SCRIPT.read_text(), re.DOTALL | re.MULTILINE)
    assert whole is not None
    of_ci = re.findall(r"^  (build|install|smoke) ", whole[0], re.MULTILINE)
    assert [word for word in of_image if word in of_ci] == of_ci == ["build", "install", "smoke"]
    assert "wheel.sh all" in (ROOT / "Makefile").read_text()
    assert re.search(r"^make .*\bwheel\b", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)


def test_the_script_is_whole_and_says_how_it_is_called():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "docker/wheel.sh smoke VENV" in done.stderr


def test_the_services_are_the_two_bases_of_the_image():
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
    bases = re.findall(
        r"^FROM \S+ AS (cpu|cuda)$", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE
    )
    assert sorted(one["build"]["args"]["BASE"] for one in services.values()) == sorted(bases)
    (device,) = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert "deploy" not in services["cpu"]
    for service in services.values():
        folder = (ROOT / "docker" / service["build"]["context"]).resolve()
        assert (folder / service["build"]["dockerfile"]).is_file()
