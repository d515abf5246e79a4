"""Random command lines end in a result, or in one line; no traceback, and no folder left by a mistake."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_lines import command_lines, ended, keys
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tiny_runs import NETWORK, TINY, config, finished

from locality import app

Line = tuple[str, list[str]]
LINES = 50  # of a part


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place with a trained network in runs/, deep enough for ../.. to be nobody else's."""
    place = tmp_path_factory.mktemp("lines") / "one" / "two" / "three"
    place.mkdir(parents=True)
    app.run(config(place, *TINY, *NETWORK, "trainer=smoke", "trainer.accelerator=cpu"))
    return place


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, trained: Path) -> None:
    monkeypatch.setenv("HOME", str(trained))
    monkeypatch.setenv("LOCALITY_CACHE", str(trained / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")


def faults(
    lines: st.SearchStrategy[Line], number: int, part: int, try_: Callable[[Line], str | None]
) -> list[str]:
    """What so many command lines came to that no user should see; the same lines for a part each time."""
    found: list[str] = []

    @seed(part)
    @settings(
        max_examples=number, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(lines)
    def each(line: Line) -> None:
        wrong = try_(line)
        if wrong:
            found.append(f"{wrong}: {line[0]}.py {shlex.join(line[1])}")

    each()
    return found


def in_place(place: Path, seconds: int) -> Callable[[Line], str | None]:
    def try_(line: Line) -> str | None:
        return ended(*line, place, seconds).wrong()

    return try_


@pytest.mark.usefixtures("quiet")
@pytest.mark.slow
def test_sixty_random_command_lines_end_in_a_result_or_in_one_line(trained):
    assert faults(command_lines(keys(), dry=9), 60, 0, in_place(trained, 10)) == []


@pytest.mark.faults
@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("part", range(1, 11))
def test_five_hundred_random_command_lines_end_in_a_result_or_in_one_line(part, trained, tally):
    """A random command line ends in a result, or in one line; no traceback, no folder left by a mistake."""
    found = faults(command_lines(keys(), dry=4), LINES, part, in_place(trained, 60))
    tally(LINES, survived=LINES - len(found))
    assert found == []


@pytest.mark.faults
@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["dry_run=true"], "task: train"), (["model=wiener", "data=digits", "logger=none"], "done in ")],
)
def test_a_process_of_its_own_does_the_same(arguments, words, tmp_path):
    """A command in a process of its own ends in its result."""
    assert words in finished("train.py", *arguments, cwd=tmp_path)
    shutil.rmtree(tmp_path)
