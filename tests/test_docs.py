"""What the documentation shows runs: code, commands, examples; and its pages are built without a warning."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import CONFIGS
from doc_commands import BLOCK, check_command, commands, composed, parsed, task_of
from PIL import Image

from locality import cli

ROOT = CONFIGS.parent
README, CONTRIBUTING = ROOT / "README.md", ROOT / "CONTRIBUTING.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
WITH_CODE = [page for page in PAGES if "\n```python" in page.read_text()]
WITH_COMMANDS = [page for page in PAGES if "\n```sh" in page.read_text()]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples/gallery").glob("*.py"))
CLIENTS = ("k_diffusion", "deepinv", "smalldiffusion")  # of `make clients`, which may not be here
sys.path.insert(0, str(ROOT))


def name(page: Path) -> str:
    return page.stem


@pytest.fixture(name="place")
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One on the path, as a reader's, with the reader's picture `my.png` in it and nothing else."""
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8), 255).save("my.png")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("LOCALITY_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    for known, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[known]


def write_files(page: Path) -> None:
    for _, file, code in BLOCK.findall(page.read_text()):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(code)


def imports(code: str) -> set[str]:
    """The packages that a block imports."""
    nodes = list(ast.walk(ast.parse(code)))
    found = {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
    found |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {package.split(".")[0] for package in found}


def test_code_is_fenced_with_its_language():
    for page in [*PAGES, CONTRIBUTING]:
        text = page.read_text()
        assert all(re.match(r" *```\w", found[0]) for found in FENCE.finditer(text)), page
        rest = re.sub(r"^\?\?\? .*$", "", FENCE.sub("", text), flags=re.MULTILINE)
        indented = re.search(r"(?:\A|\n\n)( {4,}\S.*)", rest)
        assert not indented, f"{page}: {indented and indented[1]}"


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs_in_its_order(page, place):
    scope: dict[str, object] = {"__name__": "__main__"}
    missing = set()
    for language, _, code in BLOCK.findall(page.read_text()):
        absent = {
            one for one in CLIENTS if language == "python" and one in imports(code) and not find_spec(one)
        }
        missing |= absent
        if language == "python" and not absent:
            exec(compile(code, str(page), "exec"), scope)
    if missing:
        pytest.skip(f"ran but for the blocks of {', '.join(sorted(missing))}: make clients")


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_the_commands_of_a_page_are_commands(page, place, monkeypatch, capsys):
    """Composed, or their arguments parsed; not run."""
    write_files(page)
    for words in commands(page):
        check_command(words, monkeypatch, capsys)


def test_commands_with_a_mistake_are_told(place, monkeypatch):
    with pytest.raises(SystemExit):
        composed("train", ["data=cifar_patern"], monkeypatch)
    with pytest.raises(SystemExit):
        parsed(["locality-report", "--outt", "a.html", "runs/A"], monkeypatch)
    with pytest.raises(KeyError):
        parsed(["locality-trains"], monkeypatch)


def test_files_that_are_named_are_there_and_pages_are_linked_not_named():
    named = re.compile(
        r"\b(?:benchmarks|configs|docker|docs|examples|locality|tests)/[\w/]+\.(?:py|sh|md|json|yaml)\b"
    )
    others = [*(ROOT / "docker").iterdir(), ROOT / "Makefile", CONTRIBUTING]
    for page in [*PAGES, *others]:
        text = page.read_text()
        for path in named.findall(text):
            assert (ROOT / path).is_file(), f"{page}: {path}"
    for page in PAGES:
        prose = re.sub(r"\[[^\]]*\]\([^)]*\)|`[^`\n]*`|<!--.*?-->", "", FENCE.sub("", page.read_text()))
        assert not re.search(r"\S+\.md\b", prose), f"{page}: {re.findall(r'[^ ]+[.]md', prose)}"


SHORT = {
    "train": ["trainer=smoke"],
    "evaluate": ["compare.count=4", f"checkpoint={ROOT}/pretrained/photos16", "networks=null"],
}


@pytest.mark.parametrize("page", ["own_data", "own_denoiser", "own_network"])
def test_the_first_command_of_a_page_on_ones_own_runs(page, place, monkeypatch):
    path = ROOT / "docs/how_to" / f"{page}.md"
    write_files(path)
    task, words = next(filter(None, map(task_of, commands(path))))
    short = [*SHORT[task], "logger=none", "trainer.accelerator=cpu"]
    monkeypatch.setattr(sys, "argv", [f"{task}.py", *words, *short])
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
