"""Random command lines of train.py and evaluate.py, good and bad, from the real config tree."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from hypothesis import strategies as st
from omegaconf import DictConfig

from locality import cli

PLAIN = ["logger=none", "trainer.accelerator=cpu"]
SMALL = {
    "train": [
        "data=digits", "data.subset=64", "model=mlp", "trainer=smoke", "samples.count=2", "samples.steps=2",
    ],
    "evaluate": ["compare=quick", "compare.count=2"],
}  # fmt: skip
VALUES = [
    "null", "", "-1", "0", "1", "2.5", "true", "abc", "None", "nan", "inf", "-inf", "1e999", "1e-30", "[]",
    "99999999999999999999", "[1]", "[null]", "{}", "{a: 1}", "{a: {b: null}}", "é", "日本", "'x y'", '"', "'",
    "a=b", "a,b", "~/x", "/etc/passwd", "/proc/nope", "../..", "x" * 300, "${nope}", "${seed}", "${",
    "${oc.env:NOPE}", "@", "%", "\\", "*", "a\nb", "\x1b[31m", "\udcff",
]  # fmt: skip
ODD = ["+{}={}", "++{}={}", "~{}", "~{}={}", "{}", "{}.={}", ".{}={}", "@{}={}", "{}@x={}", "{}=={}"]
FORMS = 12 * ["{}={}"] + ODD
COUNTS = [1, 1, 1, 1, 2, 2, 3, 4]  # of settings: the first mistake hides the others
OPTIONS = ["--nope", "-x", "--cfg", "--info=nope", "-m", "--config-name=nope", "--package=nope"]


def paths(node: Any, before: str = "") -> Iterator[str]:
    """Every key of a config, dots between its parts."""
    if isinstance(node, DictConfig):
        for name in node:
            yield f"{before}{name}"
            yield from paths(node._get_node(name), f"{before}{name}.")


def keys() -> dict[str, list[str]]:
    """The keys of what both scripts compose, for every comparison and model; groups; some that are none."""
    found: dict[str, set[str]] = {"train": set(), "evaluate": set()}
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for task, group in (("train", "model"), ("evaluate", "compare")):
            for file in (CONFIGS / group).glob("*.yaml"):
                found[task] |= set(paths(compose(task, [f"{group}={file.stem}"])))
    groups = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    others = {
        "nope",
        "data.nope",
        "a..b",
        "hydra.nope",
        "hydra.job.name",
        "hydra",
        "",
        "é",
        "pattern@data.pattern",
    }
    others |= {"denoiser@candidates.mine", "trainer.max_time", "trainer.overfit_batches", "trainer.callbacks"}
    return {task: sorted(names | groups | others) for task, names in found.items()}


def choices() -> list[str]:
    """What the groups offer."""
    names = {file.stem for file in CONFIGS.glob("*/*.yaml")}
    return sorted(names - {"ddp"})  # which starts this very process again, and that is no script


@st.composite
def command_lines(
    draw: st.DrawFn,
    known: dict[str, list[str]],  # of `keys`
    dry: int,  # of ten, how many are to be composed and checked alone
) -> tuple[str, list[str]]:
    """A script and its arguments: what makes it cheap, then one to four settings of any kind."""
    task = draw(st.sampled_from(["train", "evaluate"]))
    value = st.one_of(st.sampled_from(VALUES), st.sampled_from(VALUES), st.sampled_from(choices()))
    settings = [
        draw(st.sampled_from(FORMS)).format(draw(st.sampled_from(known[task])), draw(value))
        for _ in range(draw(st.sampled_from(COUNTS)))
    ]
    options = [draw(st.sampled_from(OPTIONS))] if draw(st.integers(0, 9)) == 0 else []
    small = [*SMALL[task], *PLAIN, *(["dry_run=true"] if draw(st.integers(0, 9)) < dry else [])]
    return task, [*options, *small, *settings]


@dataclass(frozen=True)
class Ended:
    """What a command line came to."""

    code: int | str | None
    errors: list[str]  # lines on stderr
    printed: str
    left: set[str]  # in runs/ and beside it

    def wrong(self) -> str | None:
        """What a user should never see, if it is there."""
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}"
        if self.code and len(self.errors) != 1:
            return f"{len(self.errors)} lines on stderr"
        if "Traceback (most recent call last)" in self.printed + "".join(self.errors):
            return "a traceback"
        if self.code == 2 and self.left:
            return f"left {sorted(self.left)}"
        return None


def ended(task: str, arguments: list[str], place: Path, seconds: int = 60) -> Ended:
    """Runs a command line in this process, in a folder of its own; one that works is cut off in the end."""
    before, there, words = _files(place), Path.cwd(), sys.argv
    out, errors = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    sys.argv = [f"{task}.py", *arguments]
    os.chdir(place)
    try:
        with redirect_stdout(out), redirect_stderr(errors), _cut_off(seconds) as cut:
            cli.main(task, CONFIGS)
    except SystemExit as stopped:
        code = 0 if cut else stopped.code  # a run tells being cut off as an interruption
    except _TookLong:
        code = 0
    except BaseException as error:  # whatever leaves the command line is a fault to be told
        code = f"{type(error).__name__}: {error}"
    finally:
        sys.argv = words
        os.chdir(there)
    lines = [] if cut else [line for line in errors.getvalue().splitlines() if line.strip()]
    return Ended(code or 0, lines, out.getvalue(), _files(place) - before)


class _TookLong(BaseException):
    """A run that works, and longer than a test has time for."""


@contextmanager
def _cut_off(seconds: int) -> Iterator[list[bool]]:
    """Ends what is inside after so long; what is yielded is empty until then."""
    cut: list[bool] = []

    def stop(*_: object) -> None:
        cut.append(True)
        raise _TookLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield cut
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _files(place: Path) -> set[str]:
    found = {path.name for path in place.iterdir()} | {f"runs/{path.name}" for path in place.glob("runs/*")}
    return found - {"cache"}
