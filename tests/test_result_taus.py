"""Whose tau a row had: a page says where it was another's, and what that leaves open."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.results.kept import borrowed
from benchmarks.results.kept.recipes import CONFIGS
from benchmarks.results.page_parts import source
from benchmarks.results.pages import told_of
from benchmarks.results.questions.asked import QUESTIONS
from benchmarks.results.questions.batches import batches_beside, batches_together
from benchmarks.results.questions.released_beside import released_beside
from benchmarks.results.words.answers import EXACT, RELEASED, WSSM
from benchmarks.results.words.titles import called

BY_PAGE = {question.page: question for question in QUESTIONS}


def over(kind: str, row: str, base: str, *median: float, mean: tuple[float, ...] = ()) -> dict[str, float]:
    """Differences in r2, median and mean with their intervals, of rows that had 100 training images."""
    scalars = {f"{kind}/bank/{one}": 100.0 for one in (row, base)}
    for start, values in (("median_", median), ("", mean or median)):
        keys = (f"{kind}/{start}r2_over_{base}{end}/{row}" for end in ("", "_low", "_high"))
        scalars |= dict(zip(keys, values, strict=True))
    return scalars


def record(scalars: dict[str, float], **more: Any) -> dict[str, Any]:
    run = {"command": "python evaluate.py", "commit": "abc", "started": "2026-11-30 10:00", "seconds": 1.0}
    return {"run": run, "scalars": scalars, "tables": {}, "calibrated": [], **more}


@pytest.mark.parametrize(("command", "lender"), [
    ("python evaluate.py compare=released data=cats", EXACT),
    ("python evaluate.py experiment=cifar_released", EXACT),
    ("python evaluate.py experiment=photos_table", EXACT),  # by what its comparison is made of
    ("python evaluate.py compare=by_output data=cifar", None),
    ("python train.py experiment=cats_cpu", None),
    ("python -m benchmarks.precision pretrained/cifar", None),
])  # fmt: skip
def test_whose_calibration_a_row_took_is_read_from_the_recipe_of_old_runs(command, lender) -> None:
    one = {"run": {"command": command}, "scalars": {f"paper/bank/{WSSM}": 8.0}}
    assert borrowed.with_borrowed(one).get("borrowed", {}).get(WSSM) == lender
    assert "borrowed" not in borrowed.with_borrowed({**one, "scalars": {}})  # no such row
    told = OmegaConf.create({"compare": {"calibrated_as": {WSSM: "other"}}})
    new = {**one, "borrowed": borrowed.of_config(told)}
    assert borrowed.with_borrowed(new)["borrowed"] == {WSSM: "other"}  # as that run was told


def test_a_list_of_calibrations_says_which_are_of_another_row() -> None:
    rows = {f"released/{key}/{one}": 1.0 for one in (WSSM, EXACT) for key in ("samples", "median_r2")}
    rows |= {f"released/seconds/{one}": 1.0 for one in (WSSM, EXACT)}
    found = record(rows, borrowed={WSSM: EXACT}, calibrated=[[EXACT, "tau", "24 samples", "100"]])
    own = f"| {called(EXACT)} | tau | 24 samples | 100 |"
    lent = f"| {called(WSSM)} | tau of {called(EXACT)} | 24 samples | 100 |"
    for known in (found, {**found, "calibrated": [[WSSM, "tau", "24 samples", "100"], *found["calibrated"]]}):
        told = source(BY_PAGE["released_form"], "A", known)
        assert told.count(lent) == told.count(own) == 1
    assert "tau of" not in source(BY_PAGE["released_form"], "A", {**found, "borrowed": {}})


def batches(*, cats: tuple[float, ...], fewer: float = 100.0, cifar: tuple[float, ...] = (0, -1, 1)) -> str:
    """The answer of the page, of one typed tau on Fashion-MNIST and of found ones on cats and CIFAR-10."""
    table = over("paper", WSSM, EXACT, *cats) | {f"paper/bank/{WSSM}": fewer}
    kept = {
        "variants": {"fashion_mnist": record(
            over("variants", "wssm_512", EXACT, 0.2, 0.1, 0.3) | {"variants/median_r2/wssm_512": 0.8}
        )},
        "paper": {"afhq32": record(table)},
        "released": {
            "afhq32": record(over("released", WSSM, EXACT, 0.02, 0.01, 0.03)),
            "cifar": record(over("released", WSSM, EXACT, *cifar)),
        },
    }  # fmt: skip
    known = {"Fashion-MNIST": told_of(kept)["variants"]["fashion_mnist"]}
    told = batches_together(known).split("\n\n")[0]
    return f"{told} {batches_beside(known)}"


def test_batch_averages_are_judged_with_the_tau_that_was_found_before_one_that_was_typed() -> None:
    lead = "With the tau found for the exact form, r2 of batches of 512 is"
    typed = "With one typed tau and 100 images: yes. With batches of 512 r2 is higher by 0.200 on"
    said = batches(cats=(0.04, 0.03, 0.05))
    assert said.startswith(
        f"On some data. {lead} higher by 0.020 on cats (32 x 32). On CIFAR-10 nothing is sure. {typed}"
    )
    assert "Not counted" not in said
    said = batches(cats=(0.0, -0.1, 0.1), cifar=(0.1, 0.1, 0.1))
    assert (
        f"{lead} higher by 0.100 on CIFAR-10 and in 1 of 2 runs by 0.020 on cats (32 x 32). With one" in said
    )
    assert batches(cats=(0.1, 0.1, 0.1), cifar=(0.1, 0.1, 0.1)).startswith("Yes. With the tau")
    said = batches(cats=(0.04, 0.03, 0.05), fewer=50.0, cifar=(-0.1, -0.1, -0.1))
    assert "higher by 0.020 on cats (32 x 32). R2 of batches of 512 is lower by 0.100 on CIFAR-10." in said
    assert "Not counted above, as images differ: cats (32 x 32) (the paper's table)" in said
    assert "| 50, the exact form 100 |" in said
    said = batches_beside({"A": record(
        {f"variants/heldout_over_{EXACT}{end}/wssm_128/t{t}": ratio
         for t, ratio in ((0, 2.0), (300, 0.5)) for end in ("", "_low", "_high")}
    )})  # fmt: skip
    assert said == (
        "On A at sigma 0.01 the error on unseen images is surely more than that of "
        f"{called(EXACT)} with batches of 128."
    )


def test_batches_of_512_are_those_of_the_recipes() -> None:
    for name in ("analytic_vs_nn", "released"):
        recipe = OmegaConf.load(CONFIGS / "compare" / f"{name}.yaml")
        assert recipe.candidates[WSSM].softmax == "wssm:512"
        assert recipe.compare.calibrated_as[WSSM] == EXACT


def test_that_the_released_form_had_a_tau_of_its_own_and_batch_averages_had_not_is_told() -> None:
    scalars = over("released", RELEASED, EXACT, 0.1, 0.05, 0.2) | over(
        "released", RELEASED, WSSM, 1e-5, 0, 2e-5
    )
    said = released_beside({"A": record(scalars, borrowed={WSSM: EXACT}), "B": record({})})
    assert f"| less that of {called(EXACT)} | +0.100 [+0.050, +0.200] (higher) | - |" in said
    assert "+0.00001 [+0.000, +0.00002] (the same to three digits)" in said
    assert "may be of masks or of tau" in said
    assert "of tau" not in released_beside({"A": record(scalars)})
    assert released_beside({"B": record({})}) == ""
    assert "borrowed" not in BY_PAGE["released_form"].why
