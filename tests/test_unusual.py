"""What is told of the settings before a run: what is typed or what an experiment sets, nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from conftest import CONFIGS
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from locality.config import check
from locality.unusual import unusual

Compose = Callable[[str, list[str]], DictConfig]
EXPERIMENTS = sorted(path.stem for path in (CONFIGS / "experiment").glob("*.yaml"))


@pytest.fixture(name="compose")
def composing() -> Iterator[Compose]:
    with initialize_config_dir(str(CONFIGS), version_base=None):
        loader = GlobalHydra.instance().config_loader()
        yield lambda task, words: loader.load_configuration(task, words, RunMode.RUN)


def told(compose: Compose, task: str, words: list[str]) -> str:
    cfg = compose(task, words)
    choices = OmegaConf.to_container(cfg.hydra.runtime.choices)
    assert isinstance(choices, dict)
    with open_dict(cfg):
        del cfg["hydra"]
    return unusual(check(cfg), choices, lambda others: compose(task, others))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_is_told_of(experiment, compose):
    head = (CONFIGS / "experiment" / f"{experiment}.yaml").read_text()
    command = re.search(r"python (train|evaluate)\.py (\S+(?: \S+)*)", head)
    task, words = (command[1], command[2].split()) if command else ("train", ["experiment=demo"])
    assert f"experiment={experiment}" in told(compose, task, words)


def test_what_is_usual_is_not_told(compose):
    assert told(compose, "train", []).startswith("settings: as usual")


@pytest.mark.parametrize("data", ["afhq", "celeba_hq", "cats"])
def test_a_place_in_the_home_folder_is_told_of_where_it_is_another(data, compose):
    assert told(compose, "train", [f"data={data}"]) == f"settings: data={data} (all of them: config.yaml)"
    line = told(compose, "train", [f"data={data}", "data.source.cache='~/other'"])
    assert line == f"settings: data={data} data.source.cache=~/other (all of them: config.yaml)"


def test_a_setting_whose_name_is_a_number_is_told_of(compose):
    typed = "candidates.soft_locality.beta={0.2:3.0,0.6:1.5,2.0:1.0}"
    line = told(compose, "evaluate", ["compare=paper_table", typed])
    assert "soft_locality.beta.0.2=3.0" in line
    assert "beta.0.6" not in line


@pytest.mark.parametrize(
    "typed",
    ["compare.counts=[1000,null]", "compare.share={local_score:0.47,pca_locality:0.58}", "trust=true"],
)
def test_a_value_is_told_as_it_is_typed(typed, compose):
    assert f" {typed} " in " ".join(
        told(compose, "evaluate", ["compare=information", "data=photos", typed]).split()
    )


def test_a_pattern_is_told_as_it_is_typed(compose):
    letter = told(compose, "train", ["data=digits", "+pattern@data.pattern=cross", "gamma=0.5"])
    assert letter == "settings: data=digits pattern=cross gamma=0.5 (all of them: config.yaml)"
    place = f"/{'a' * 60}/{'b-c ' * 20}.png"
    picture = f"data.pattern.pattern='{place}'"
    line = told(compose, "train", ["data=digits", "+pattern@data.pattern=letter_w", picture, "gamma=0.5"])
    assert f"pattern='{place}'" in line
    assert "letter_w" not in line
    assert "PatternInjection" not in line
    again = told(compose, "train", ["data=digits_pattern", "data.pattern.pattern=/my.png", "gamma=0.5"])
    assert "data=digits_pattern pattern=/my.png" in again
