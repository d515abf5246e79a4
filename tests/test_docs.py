"""What the documentation shows runs: code, commands, examples; and its pages are built without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import CONFIGS
from PIL import Image

from locality import cli

ROOT = CONFIGS.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/how_to").glob("*.md")])
BLOCK = re.compile(r'^```(python|sh)(?: title="([\w.]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"python (train|evaluate)\.py (.*)")
WITH_CODE = [page for page in PAGES if "\n```python" in page.read_text()]
WITH_COMMANDS = [page for page in PAGES if "\n```sh" in page.read_text()]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples/gallery").glob("*.py"))
sys.path.insert(0, str(ROOT))


def name(page: Path) -> str:
    return page.stem


@pytest.fixture(name="place")
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One on the path, as a reader's, with the reader's picture `my.png` in it and nothing else."""
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8), 255).save("my.png")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("LOCALITY_CACHE", str(tmp_path / "cache"))
    return tmp_path


def write_files(page: Path) -> None:
    for _, file, code in BLOCK.findall(page.read_text()):
        if file:
            Path(file).write_text(code)


def words(line: str) -> list[str]:
    import shlex

    return shlex.split(line)


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs_in_its_order(page, place):
    scope: dict[str, object] = {"__name__": "__main__"}
    for language, _, code in BLOCK.findall(page.read_text()):
        if language == "python":
            exec(compile(code, str(page), "exec"), scope)


def launcher_is_here(arguments: str) -> bool:
    """Whether Hydra has the launcher of a command: joblib's comes with the tests, others are an extra."""
    asked = re.search(r"hydra/launcher=([a-z]+)", arguments)
    return asked is None or find_spec(f"hydra_plugins.hydra_{asked[1]}_launcher") is not None


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_the_commands_of_a_page_are_commands(page, place, monkeypatch, capsys):
    """Composed and checked, not run."""
    write_files(page)
    for language, _, code in BLOCK.findall(page.read_text()):
        for task, arguments in COMMAND.findall(code) if language == "sh" else ():
            if not launcher_is_here(arguments):
                continue
            monkeypatch.setattr(sys, "argv", [f"{task}.py", *words(arguments), "dry_run=true"])
            cli.main(task, CONFIGS)  # SystemExit where there is a mistake
            assert f"task: {task}" in capsys.readouterr().out


SHORT = {
    "train": ["trainer=smoke"],
    "evaluate": ["compare.count=4", f"checkpoint={ROOT}/pretrained/photos16", "networks=null"],
}


@pytest.mark.parametrize("page", ["own_data", "own_denoiser", "own_network"])
def test_the_first_command_of_a_page_on_ones_own_runs(page, place, monkeypatch):
    path = ROOT / "docs/how_to" / f"{page}.md"
    write_files(path)
    task, arguments = COMMAND.findall(path.read_text())[0]
    short = [*SHORT[task], "logger=none", "trainer.accelerator=cpu"]
    monkeypatch.setattr(sys, "argv", [f"{task}.py", *words(arguments), *short])
    cli.main(task, CONFIGS)
    (run,) = (place / "runs").glob("2*")
    assert (run / "report.html").is_file()


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_gallery_runs_and_leaves_a_picture(example, place):
    from benchmarks import gallery

    gallery.picture(example, place / "picture.png")
    from matplotlib import pyplot

    drawn = [axis for axis in pyplot.gcf().axes if axis.has_data()]
    assert drawn
    pyplot.close("all")


def test_the_gallery_shows_every_example_as_it_is():
    from benchmarks import gallery

    assert sorted(gallery.ORDER) == EXAMPLES
    assert gallery.PAGE.read_text() == "\n".join([gallery.INTRODUCTION, *map(gallery.section, gallery.ORDER)])
    assert all((gallery.PICTURES / f"{one}.png").is_file() for one in EXAMPLES)


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("material", reason="mkdocs-material is not here: pip install -e '.[dev]'")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    concepts = (tmp_path / "site/concepts/index.html").read_text()
    assert "<math" in concepts
    assert "arithmatex" not in concepts
    reference = (tmp_path / "site/reference/index.html").read_text()
    assert "PCALocality" in reference
    assert "https://unpkg" not in concepts
    assert "fonts.googleapis" not in concepts
