"""What is typed wins over what an experiment sets, for every group and every experiment."""

from __future__ import annotations

import sys

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from locality import cli
from locality.choices import Choices
from locality.typed import typed

EXPERIMENTS = sorted(file.stem for file in (CONFIGS / "experiment").glob("*.yaml"))
OF_TRAINING = [
    name for name in EXPERIMENTS if "compare" not in (CONFIGS / f"experiment/{name}.yaml").read_text()
]


def composed(task: str, *settings: str) -> DictConfig:
    added = typed(task, Choices(CONFIGS), settings)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(task, [*settings, *added])


@pytest.mark.parametrize("name", OF_TRAINING)
def test_a_smoke_run_of_any_experiment_takes_two_batches(name):
    cfg = composed("train", f"experiment={name}", "trainer=smoke")
    assert (cfg.trainer.max_epochs, cfg.trainer.limit_train_batches) == (2, 1)
    assert composed("train", f"experiment={name}").trainer.max_epochs > 2


@pytest.mark.parametrize("name", OF_TRAINING)
@pytest.mark.parametrize("model", ["dit", "mlp"])
def test_another_model_takes_nothing_that_was_said_of_the_first_ones_network(name, model):
    network = composed("train", f"experiment={name}", f"model={model}").model.network
    alone = composed("train", f"model={model}").model.network
    assert network.keys() == alone.keys()
    assert network._target_ == alone._target_


def test_other_data_take_nothing_that_was_said_of_the_first_ones_source():
    cfg = composed("train", "experiment=cats_cpu", "data=digits")
    assert cfg.data.source == composed("train", "data=digits").data.source
    assert cfg.data.batch_size == 64  # of whatever data


def test_what_is_typed_key_by_key_wins_over_all():
    cfg = composed("train", "experiment=fashion_cpu", "trainer=smoke", "trainer.max_epochs=7")
    assert cfg.trainer.max_epochs == 7
    cfg = composed("train", "experiment=cats_cpu", "data=digits", "data.batch_size=8")
    assert cfg.data.batch_size == 8


@pytest.mark.parametrize(
    "settings",
    [["trainer=smoke"], ["experiment=nope", "trainer=smoke"], ["experiment=demo"], ["experiment="]],
)
def test_without_an_experiment_or_a_choice_nothing_is_added(settings):
    assert typed("train", Choices(CONFIGS), settings) == []


def test_what_a_choice_says_is_spelled_so_that_hydra_reads_it_back(tmp_path):
    values = {
        "a": [1, None, True],
        "b": {"c": 1e-4, "d": "it's, a {b} \\ [x] \\' \\\\"},
        "e": "${seed}",
        "f": "",
    }
    for group in ("trainer", "experiment"):
        (tmp_path / group).mkdir()
    OmegaConf.save(
        {"defaults": [{"trainer": "first"}, {"experiment": None}], "seed": 3}, tmp_path / "train.yaml"
    )
    first = {key: {"c": 0, "d": 0} if key == "b" else 0 for key in values}
    OmegaConf.save(first, tmp_path / "trainer" / "first.yaml")
    OmegaConf.save({"defaults": ["first"], **values}, tmp_path / "trainer" / "other.yaml")
    (tmp_path / "experiment" / "e.yaml").write_text(
        "# @package _global_\n" + OmegaConf.to_yaml({"trainer": {**first, "a": [0]}})
    )
    settings = ["trainer=other", "experiment=e"]
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        cfg = compose("train", [*settings, *typed("train", Choices(tmp_path), settings)])
    assert OmegaConf.to_container(cfg.trainer, resolve=True) == {**values, "e": 3}


def test_the_command_line_adds_it(monkeypatch, capsys):
    asked = ["experiment=fashion_cpu", "trainer=smoke", "logger=none", "dry_run=true"]
    monkeypatch.setattr(sys, "argv", ["train.py", *asked])
    cli.main("train", CONFIGS)
    assert OmegaConf.create(capsys.readouterr().out).trainer.max_epochs == 2
