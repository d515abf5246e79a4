"""What is typed wins over what an experiment sets, for every group and every experiment."""

from __future__ import annotations

import re
import shlex
import sys
from functools import cache
from inspect import signature

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept.store import read
from locality import cli
from locality.choices import Choices
from locality.typed import said, typed

EXPERIMENTS = sorted(file.stem for file in (CONFIGS / "experiment").glob("*.yaml"))
OF_COMPARISON = [
    name for name in EXPERIMENTS if "/compare" in (CONFIGS / f"experiment/{name}.yaml").read_text()
]
OF_TRAINING = [name for name in EXPERIMENTS if name not in OF_COMPARISON]
COMPARISONS = sorted(file.stem for file in (CONFIGS / "compare").glob("*.yaml"))


@cache
def composed(task: str, *settings: str) -> DictConfig:
    added = typed(task, Choices(CONFIGS), settings)
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(task, [*settings, *added])


@pytest.mark.parametrize("choice", COMPARISONS)
@pytest.mark.parametrize("name", OF_COMPARISON)
def test_a_typed_comparison_is_as_it_is_without_the_experiment(name, choice):
    alone = composed("evaluate", f"compare={choice}")
    cfg = composed("evaluate", f"experiment={name}", f"compare={choice}")
    assert cfg.compare == alone.compare
    assert {name: cfg.candidates[name] for name in alone.get("candidates", {})} == alone.get("candidates", {})
    assert cfg.networks == alone.networks
    own = OmegaConf.load(CONFIGS / "experiment" / f"{name}.yaml").get("checkpoint", "auto")
    assert cfg.checkpoint == (own if alone.checkpoint else None)


@pytest.mark.parametrize("name", OF_TRAINING)
@pytest.mark.parametrize(("group", "choice"), [("trainer", "default"), ("logger", "wandb")])
def test_a_typed_choice_wins_where_it_is_the_usual_one(name, group, choice):
    cfg = composed("train", f"experiment={name}", f"{group}={choice}")
    alone = composed("train", f"{group}={choice}")[group]
    assert {key: cfg[group][key] for key in alone} == alone


def test_a_typed_network_wins_where_it_is_the_usual_one():
    usual = composed("train").model.network
    assert composed("train", "experiment=fashion_cpu", "model=unet").model.network == usual
    assert composed("train", "experiment=fashion_cpu").model.network != usual


@pytest.mark.parametrize("name", OF_TRAINING)
@pytest.mark.parametrize("choice", ["ddp", "gpu"])
def test_where_a_training_runs_does_not_change_how_long_it_is(name, choice):
    cfg = composed("train", f"experiment={name}", f"trainer={choice}").trainer
    alone, experiment = (
        composed("train", f"trainer={choice}").trainer,
        composed("train", f"experiment={name}"),
    )
    assert (cfg.devices, cfg.strategy) == (alone.devices, alone.strategy)
    assert cfg.max_epochs == experiment.trainer.max_epochs


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_what_a_choice_says_is_where_hydra_puts_it(task):
    choices = Choices(CONFIGS)
    for group in ("data", "model", "denoiser", "trainer", "logger", "compare"):
        if group not in composed(task):
            continue
        for choice in choices.names(group):
            whole = OmegaConf.to_container(composed(task, f"{group}={choice}"))
            assert OmegaConf.to_container(OmegaConf.merge(whole, said(choices, group, choice))) == whole


def test_an_experiment_that_builds_on_another_is_overcome_in_all_that_it_says(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [pattern_cpu]\ntrainer: {max_steps: 9}\n"
    )
    choices, settings = Choices(CONFIGS, (tmp_path,)), ["experiment=mine", "trainer=default"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("train", [*settings, *typed("train", choices, settings), *choices.settings()])
        alone = compose("train", [])
    assert cfg.trainer == alone.trainer
    assert cfg.model.prediction == "epsilon"


def test_candidates_of_a_comparison_that_is_not_compared_leave_nothing_behind(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [{override /compare: paper_table}]\n"
        "candidates: {soft_locality: {beta: 1}, wiener: {shrinkage: ledoit_wolf}}\n"
    )
    choices, settings = Choices(CONFIGS, (tmp_path,)), ["experiment=mine", "compare=quick"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("evaluate", [*settings, *typed("evaluate", choices, settings), *choices.settings()])
    assert set(cfg.candidates) == {"wiener", "optimal", "nearest"}


def test_what_is_taken_out_by_hand_is_taken_out_once():
    cfg = composed("train", "experiment=pattern_cpu", "model=analytic", "~model.prediction")
    assert "prediction" not in cfg.model
    cfg = composed("evaluate", "experiment=cifar_table", "compare=quick", "compare.bank_counts.smoothed=7")
    assert cfg.compare.bank_counts == {"smoothed": 7}
    assert "stacked_locality" not in cfg.candidates  # of which the recipe says how many images members have


@pytest.mark.parametrize("name", OF_TRAINING)
def test_a_smoke_run_of_any_experiment_takes_two_batches(name):
    cfg = composed("train", f"experiment={name}", "trainer=smoke")
    assert cfg.trainer == composed("train", "trainer=smoke").trainer
    assert composed("train", f"experiment={name}").trainer.max_epochs > 2


@pytest.mark.parametrize("name", OF_TRAINING)
@pytest.mark.parametrize("model", ["dit", "mlp"])
def test_another_model_takes_nothing_that_was_said_of_the_first_ones_network(name, model):
    network = composed("train", f"experiment={name}", f"model={model}").model.network
    alone = composed("train", f"model={model}").model.network
    assert network.keys() == alone.keys()
    assert network._target_ == alone._target_


@pytest.mark.parametrize("name", ["pattern_cpu", "cifar_paper", "afhq_paper", "fashion_paper"])
@pytest.mark.parametrize("model", ["dit", "mixer"])
def test_another_model_keeps_what_a_recipe_says_of_all_models(name, model):
    cfg = composed("train", f"experiment={name}", f"model={model}").model
    assert cfg.prediction == "epsilon"
    assert composed("train", f"model={model}").model.prediction == "v_prediction"
    assert cfg.learning_rate == composed("train", f"model={model}").model.learning_rate


def test_what_is_typed_wins_over_what_a_recipe_says_of_all_models():
    cfg = composed("train", "experiment=cats_cpu", "model=dit", "model.prediction=sample").model
    assert cfg.prediction == "sample"


@pytest.mark.parametrize(("name", "model"), [("demo", "mlp"), ("cifar_paper", "mlp"), ("cifar_paper", "dit")])
def test_another_model_has_its_own_rate_and_the_recipes_average(name, model):
    cfg, alone = (composed("train", *words, f"model={model}").model for words in ([f"experiment={name}"], []))
    assert (cfg.learning_rate, cfg.warmup_steps) == (alone.learning_rate, alone.warmup_steps)
    recipe = composed("train", f"experiment={name}").model
    assert (cfg.ema_decay, cfg.prediction) == (recipe.ema_decay, recipe.prediction)


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


def test_every_job_of_a_sweep_has_what_is_typed(monkeypatch, capsys):
    asked = ["-m", "experiment=fashion_cpu,cats_cpu", "trainer=smoke,default", "model=dit", "logger=none"]
    monkeypatch.setattr(sys, "argv", ["train.py", *asked, "dry_run=true"])
    cli.main("train", CONFIGS)
    configs = [
        OmegaConf.create(text) for text in re.split(r"^(?=data:)", capsys.readouterr().out, flags=re.M)[1:]
    ]
    assert [cfg.trainer.max_epochs for cfg in configs] == [2, 50, 2, 50]
    assert [cfg.trainer.precision for cfg in configs] == ["32-true"] * 4
    assert [cfg.model.network.get("channels") for cfg in configs] == [None] * 4


def recorded() -> dict[str, str]:
    """The command of each table of the paper that docs/results.json keeps."""
    kept = read(CONFIGS.parent / "docs" / "results.json")["paper"]
    return {name: found["run"]["command"] for name, found in kept.items()}


@pytest.mark.parametrize("name", ["cifar", "afhq32", "fashion_mnist", "photos16"])
def test_make_measure_has_the_settings_of_the_recorded_tables(name):
    words = shlex.split(recorded()[name])[2:]
    lines = (CONFIGS.parent / "Makefile").read_text()
    tables = [
        composed("evaluate", f"experiment={one}") for one in re.findall(r"experiment=(\w+_table)\b", lines)
    ]
    old = composed("evaluate", *words)
    same = [one for one in tables if (one.checkpoint, one.data) == (old.checkpoint, old.data)]
    assert [one.compare for one in same] == [old.compare]
    assert [one.candidates for one in same] == [old.candidates]


@pytest.mark.parametrize("choice", COMPARISONS)
def test_a_comparison_that_takes_calibrations_can_be_told_to_leave_them(choice):
    comparison = get_method(composed("evaluate", f"compare={choice}").compare._target_)
    if "calibration" in signature(comparison).parameters:
        cfg = composed("evaluate", f"compare={choice}", "compare.calibration=none")  # without a +
        assert cfg.compare.calibration == "none"
