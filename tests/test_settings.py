"""Settings are held against annotations, and no config of the project is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from omegaconf import OmegaConf

from locality.arguments import expanded
from locality.settings import fits, misfit, nodes

NUMBERS = int | Mapping[float, int]


@pytest.mark.parametrize(
    ("value", "hint", "good"),
    [
        (1, int, True), (True, int, False), (1.0, int, False), (2**63, int, False), (-(2**63) + 1, int, True),
        (1, float, True), (float("nan"), float, False), (float("inf"), float, False), (10**400, float, False),
        ("1", float, False), (None, int | None, True), (0, bool, False), ("x", str, True), (b"x", str, False),
        ("a", Literal["a", "b"], True), ("c", Literal["a", "b"], False), (["a"], Literal["a"], False),
        ([1, 2], Sequence[int], True), ([1, None], Sequence[int], False), ("12", Sequence[int], False),
        ((0.9, 0.999), tuple[float, float], True), ([0.9], tuple[float, float], False),
        ({0.5: 3}, NUMBERS, True), ({"a": 3}, NUMBERS, False), ({0.5: "b"}, NUMBERS, False),
        (3, NUMBERS, True), ({"_target_": "x"}, int, True), (object(), Any, True),
    ],
)  # fmt: skip
def test_a_value_fits_its_annotation_or_does_not(value, hint, good):
    assert fits(value, hint) == good


def test_a_name_that_a_function_does_not_take_is_told_with_the_nearest():
    def compare(count: int, sigmas: Sequence[float] = ()) -> None: ...

    assert misfit("compare", compare, {"count": 3, "sigmas": [1, 2.5]}) is None
    assert (
        misfit("compare", compare, {"cuont": 3}) == "no setting named 'compare.cuont'. Did you mean 'count'?"
    )
    assert misfit("compare", compare, {"count": None}) == "compare.count: want a whole number, got None"


@pytest.mark.parametrize(
    ("task", "group"), [("train", "model"), ("train", "data"), ("train", "denoiser"), ("evaluate", "compare")]
)
def test_no_config_of_the_project_is_refused(task, group):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        for file in (CONFIGS / group).glob("*.yaml"):
            given = ["pretrained=x"] if file.stem == "hub" else []
            cfg = compose(task, [f"{group}={file.stem}", *given])
            for where, node in nodes("", OmegaConf.to_container(cfg, resolve=True)):
                assert misfit(where, get_object(node["_target_"]), node) is None, file


def test_the_tilde_of_a_path_is_expanded_and_no_other(monkeypatch):
    monkeypatch.setenv("HOME", "/home/it's")
    for given in ("runs=~/x", "runs='~/x'", 'runs="~/x"'):
        assert expanded([given]) == ["runs='/home/it\\'s/x'"]
    others = ["~data", "runs=a~b", "runs=~nobody-of-that-name/x", "-m", "seed=1", "~candidates.x=~/y"]
    assert expanded(others) == others
