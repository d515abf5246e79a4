"""Settings of comparisons that say something of each candidate take the name of any, without a plus."""

from __future__ import annotations

import sys
from functools import cache
from inspect import signature

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf

from locality import cli
from locality.choices import Choices
from locality.config import UsageError, check
from locality.settings import OF_CANDIDATES
from locality.typed import of_candidates, placed

COMPARISONS = sorted(file.stem for file in (CONFIGS / "compare").glob("*.yaml"))
VALUES = {"bank_counts": "500", "sample_counts": "8", "calibrated_as": "wiener", "share": "0.25"}


@cache
def composed(*settings: str) -> DictConfig:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("evaluate", placed("evaluate", Choices(CONFIGS), list(settings)))


def checked(*settings: str) -> DictConfig:
    """What it says, checked; where there are no networks, of some data."""
    alone = composed(*settings)
    data = ["data=digits"] if alone.checkpoint is alone.networks is None else []
    return of_candidates(check(composed(*settings, *data)), settings)


def taken(choice: str) -> list[str]:
    """The settings of candidates that a comparison takes, whether its file names them or not."""
    parameters = signature(get_method(composed(f"compare={choice}").compare._target_)).parameters
    words = {name: str(parameters[name].annotation) for name in VALUES if name in parameters}
    return [name for name, kind in words.items() if "Mapping" in kind or kind == "Shares"]


@pytest.mark.parametrize("choice", COMPARISONS)
def test_any_candidate_can_be_named_and_the_others_stay_as_they_are(choice):
    usual = composed(f"compare={choice}")
    for setting in taken(choice):
        known = usual.compare.get(setting)
        before = dict(known) if isinstance(known, DictConfig) else {}
        value = OmegaConf.create(f"x: {VALUES[setting]}").x
        name = next((one for one in usual.candidates if one not in before), next(iter(usual.candidates)))
        for given in (f"{setting}={{{name}: {VALUES[setting]}}}", f"{setting}.{name}={VALUES[setting]}"):
            found = checked(f"compare={choice}", f"compare.{given}").compare[setting]
            assert found == {**before, name: value}


def test_the_settings_of_candidates_are_those_that_are_tried():
    assert set(VALUES) == set(OF_CANDIDATES)
    assert taken("paper_table") == ["bank_counts", "sample_counts", "calibrated_as"]
    assert (taken("information"), taken("labels"), taken("pattern")) == (["share"], ["bank_counts"], [])


def test_two_forms_together_add_up():
    found = composed("compare.bank_counts={wiener: 5, smoothed: 7}", "compare.bank_counts.wiener=6").compare
    usual = composed("compare=analytic_vs_nn").compare.bank_counts
    assert found.bank_counts == {**usual, "wiener": 6, "smoothed": 7}


def test_a_recipe_says_which_comparison_it_is():
    found = composed("experiment=information", "compare.share.pca_locality=0.4").compare
    assert found.share == {"pca_locality": 0.4}


@pytest.mark.parametrize("setting", ["bank_counts={a: 1}", "bank_counts.a=1"])
def test_a_comparison_without_the_setting_is_left_to_refuse_it(setting):
    asked = ["compare=halves", f"compare.{setting}"]
    assert placed("evaluate", Choices(CONFIGS), asked) == asked
    assert placed("train", Choices(CONFIGS), asked) == asked


@pytest.mark.parametrize(
    "asked", ["compare.bank_counts=500", "compare.bank_counts=null", "+compare.bank_counts.wiener=5"]
)
def test_what_hydra_takes_stays_as_it_is_typed(asked):
    assert placed("evaluate", Choices(CONFIGS), [asked]) == [asked]


@pytest.mark.parametrize("setting", OF_CANDIDATES)
def test_a_name_that_is_no_candidate_gets_the_nearest(setting):
    choice = "information" if setting == "share" else "larger"
    words = [f"compare={choice}", f"compare.{setting}={{local_scor: {VALUES[setting]}}}"]
    with pytest.raises(UsageError) as told:
        checked(*words)
    said = str(told.value)
    assert said.startswith(f"compare.{setting}: no candidate named 'local_scor'. Did you mean 'local_score'")


def test_a_row_that_is_a_variant_can_be_named():
    words = ["compare=paper_variants", "compare.bank_counts={tau_5: 9, wiener: 8}"]
    assert checked(*words).compare.bank_counts == {"tau_5": 9, "wiener": 8}


@pytest.mark.parametrize("choice", COMPARISONS)
def test_no_file_names_a_candidate_that_it_lacks(choice):
    checked(f"compare={choice}")


@pytest.mark.parametrize("sweep", [False, True])
def test_the_command_line_takes_it_and_tells_of_wrong_names(monkeypatch, capsys, sweep):
    asked = [*(["-m"] if sweep else []), "compare=quick", "data=digits", "logger=none", "dry_run=true"]
    counts = "{optimal: 5},{optimal: 6}" if sweep else "{optimal: 5}"
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *asked, f"compare.bank_counts={counts}"])
    cli.main("evaluate", CONFIGS)
    printed = capsys.readouterr().out
    assert printed.count("optimal: 5") == 1
    assert printed.count("optimal: 6") == sweep
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *asked, "compare.bank_counts.optimol=5"])
    with pytest.raises(SystemExit) as stopped:
        cli.main("evaluate", CONFIGS)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "evaluate.py: compare.bank_counts: no candidate named 'optimol'. Did you mean 'optimal'?\n"
    )
