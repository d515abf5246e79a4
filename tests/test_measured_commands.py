"""`make measure` runs what docs/results.json was written from: the same settings, but for what is listed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from benchmarks.results.kept import store
from benchmarks.results.networks import networks
from benchmarks.results.page_parts import made, source, sources
from benchmarks.results.pages import STORE
from benchmarks.results.questions.asked import QUESTIONS
from benchmarks.results.words.commands import OTHERWISE, WITHOUT_COMMIT, with_checkpoint

PARTS = ("compare", "candidates", "networks", "data", "checkpoint", "gamma")
SAME = ("compare.explorer",)  # a picture, and no number
DIFFER = {  # of OTHERWISE: how the names of settings begin that differ, and each does
    ("information", "cifar"): ("networks.steps500", "networks.steps2000"),
    ("released", "fashion_mnist"): ("candidates.local_score_entropy", "candidates.pca_locality_entropy",
                                    "compare."),
    ("released", "photos16"): ("candidates.local_score_entropy", "candidates.pca_locality_entropy",
                               "candidates.stacked_locality.members.stacked_mixtures.places",
                               "candidates.stacked_mixtures.places", "compare."),
}  # fmt: skip
Settings = dict[str, Any]
BY_PAGE = {question.page: question for question in QUESTIONS}


def lines() -> Iterator[list[str]]:
    """The arguments of each evaluation of `make measure`."""
    target = (CONFIGS.parent / "Makefile").read_text().split("\nmeasure:")[1].split("\n\n")[0]
    for line in target.splitlines()[1:]:
        for command in line.lstrip("\t-").split("&&"):
            words = shlex.split(command)
            if words[1] == "evaluate.py":
                yield words[2:]


@cache
def settings(*words: str) -> tuple[tuple[Any, ...], Settings]:
    """What tells one measurement from others, and all its settings."""
    cfg = OmegaConf.to_container(compose("evaluate", list(words)), resolve=False)
    assert isinstance(cfg, dict)
    parts = {one: cfg.get(one) for one in PARTS}
    data, networks, checkpoint = (parts[one] for one in ("data", "networks", "checkpoint"))
    source = data and f"{data['source']['_target_'].rsplit('.', 1)[-1]}{data['source'].get('size') or ''}"
    checkpoint = (
        f"pretrained/{source}" if checkpoint == "auto" and data else checkpoint
    )  # the one of the data
    parts["checkpoint"] = re.sub(r"^runs/.*", "runs", checkpoint or "") or checkpoint
    if networks == "twin":
        parts["networks"] = {"nn2": f"{parts['checkpoint']}_seed1"}
    told = parts["compare"]
    first = source or str(networks)
    return (told["_target_"], told.get("section"), told.get("magnitude"), first), dict(_flat(parts))


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, one in value.items():
            yield from _flat(one, f"{before}.{name}" if before else str(name))
    else:
        yield before, value


@pytest.mark.filterwarnings("ignore")
def test_make_measure_runs_every_kept_command_with_the_same_settings() -> None:
    differ: dict[tuple[str, str], set[str]] = {}
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        ours = dict(settings(*words) for words in lines())
        for kind, known in store.read(STORE).items():
            for name, one in known.items():
                words = shlex.split(one["run"]["command"])
                if words[1] != "evaluate.py":
                    continue  # trainings, and a benchmark
                key, kept = settings(*words[2:])
                assert key in ours, f"{kind} of {name}: no line of `measure`"
                both = kept.keys() | ours[key].keys()
                unlike = {place for place in both if kept.get(place) != ours[key].get(place)} - set(SAME)
                if unlike:
                    differ[kind, name] = unlike
    assert differ.keys() == DIFFER.keys() == OTHERWISE.keys(), differ
    for place, unlike in differ.items():
        assert all(one.startswith(DIFFER[place]) for one in unlike), (place, unlike)
        assert all(any(one.startswith(start) for one in unlike) for start in DIFFER[place]), place


def table(command: str, commit: str) -> dict[str, Any]:
    run = {"command": command, "commit": commit, "started": "2026-11-30 05:22 UTC", "seconds": 1.0}
    return {"run": run, "scalars": {}, "tables": {"heldout": {"rows": []}}, "calibrated": []}


def test_a_commit_that_does_not_say_all_is_told_on_each_page_that_rests_on_it() -> None:
    question = BY_PAGE["heldout"]
    for commit, told in (("cbd6+edits", True), ("cbd6", False)):
        assert (
            f"commit `{commit}` ({WITHOUT_COMMIT}), " in source(question, "A", table("a", commit))
        ) == told
        trained = {"networks": {"photos16": table("python train.py", commit)}}
        for command in ("experiment=photos_table", "compare=released checkpoint=pretrained/photos16"):
            said = made(table(f"python evaluate.py {command}", "cbd6"), trained)
            assert (said == [f"photographs (16 x 16) was trained {WITHOUT_COMMIT}."]) == told
        assert (WITHOUT_COMMIT in networks(trained)) == told
    assert made(table("python evaluate.py experiment=cats_table", "cbd6"), trained) == []


def test_a_command_that_make_measure_runs_otherwise_is_told_of_beside_it() -> None:
    for kind, name in OTHERWISE:
        question = next(one for one in QUESTIONS if one.kind == kind)
        assert f"{OTHERWISE[kind, name]}." in sources(question, name, table("python evaluate.py", "cbd6"))
    assert len(sources(BY_PAGE["heldout"], "cifar", table("python evaluate.py", "cbd6"))) == 1


def test_a_recipe_names_its_network() -> None:
    assert with_checkpoint("a experiment=cats_table") == "a experiment=cats_table checkpoint=pretrained/cats"
    for command in (
        "a experiment=cats_table checkpoint=b",
        "a experiment=information",
        "a experiment=nope",
        "a",
    ):
        assert with_checkpoint(command) == command
