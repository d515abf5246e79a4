"""The commands on pages, and what is checked of each without running it."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import CONFIGS

from locality import arguments, cli
from locality.choices import Choices

ROOT = CONFIGS.parent
BLOCK = re.compile(r'^```(python|sh|yaml)(?: title="([\w./]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"python train.py": "train", "python evaluate.py": "evaluate",
        "locality-train": "train", "locality-evaluate": "evaluate"}  # fmt: skip
SHELL = ("docker", "eval", "export")  # not ours: nothing of them is checked
COMPOSED: set[tuple[str, ...]] = set()  # of this process, without files of a page's own


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command of a page's `sh` blocks, without comments; a placeholder is a name."""
    for language, _, code in BLOCK.findall(page.read_text()):
        for line in code.splitlines() if language == "sh" else ():
            words = shlex.split(re.sub(r"<[^<>]*>", "one", line), comments=True)
            if words:
                yield words


def task_of(words: list[str]) -> tuple[str, list[str]] | None:
    """`train` or `evaluate`, and the arguments; None for other commands."""
    for start in (1, 2):
        task = OURS.get(" ".join(words[:start]))
        if task:
            return task, words[start:]
    return None


def check_command(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fails, or SystemExit, where a command cannot be one."""
    found = task_of(words)
    if found:
        composed(*found, monkeypatch)
        capsys.readouterr()
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
    elif words[:2] == ["pip", "install"]:
        extras = re.findall(r"\[(\w+)\]", " ".join(words))
        assert set(extras) <= set(PROJECT["optional-dependencies"]), words
    elif words[0] not in SHELL:
        parsed(words, monkeypatch)


def composed(task: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """SystemExit where there is a mistake. A sweep is composed by its first job."""
    asked = [word for word in words if word.startswith("hydra/launcher=")]
    if asked and find_spec(f"hydra_plugins.hydra_{asked[0].split('=')[1].split('_')[0]}_launcher") is None:
        return  # joblib's comes with the tests, others are an extra
    if any(word.startswith("resume=") for word in words):  # wants a run that is there
        choices = Choices.of(CONFIGS, arguments.config_dir(words))
        wrong = (arguments.wrong_option(words), arguments.wrong_choice(task, choices, words))
        assert not any((*wrong, arguments.wrong_grammar(words))), words
        return
    known = (task, *words)
    if known in COMPOSED:
        return
    first = [re.sub(r"^([\w.]+=[^,\[{(]+),[^\[{(]*$", r"\1", word) for word in words]
    monkeypatch.setattr(sys, "argv", [f"{task}.py", *first, "dry_run=true"])
    cli.main(task, CONFIGS)
    if not any("mine" in word or "my" in word for word in words):
        COMPOSED.add(known)


def entry(module: str) -> str:
    """The module whose `main` a command calls: of a package, that of its `__main__`."""
    inside = f"{module}.__main__"
    return inside if hasattr(import_module(module), "__path__") and find_spec(inside) else module


class Parsed(Exception):
    """The arguments are good."""


def parsed(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments of a console script or of `python -m`, as far as its parser."""
    real = argparse.ArgumentParser.parse_args

    def stop(parser: argparse.ArgumentParser, *given: object) -> None:
        real(parser, *given)
        raise Parsed

    module = words[2] if words[:2] == ["python", "-m"] else PROJECT["scripts"][words[0]].split(":")[0]
    places = 2 if words[0] == "python" else 0
    main = import_module(entry(module)).main
    with monkeypatch.context() as patched:
        patched.setattr(argparse.ArgumentParser, "parse_args", stop)
        patched.setattr(sys, "argv", words[places:])
        with pytest.raises(Parsed):
            main()
