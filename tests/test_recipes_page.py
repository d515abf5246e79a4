"""docs/recipes.md: what a recipe reaches, from finished runs and from networks that ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from benchmarks.recipes import RECIPE, RECIPES, best_early, composed, ending, outcome, page, ratios
from locality.report.history import HISTORY
from locality.runs.files import CONFIG, SHIPPED, STATUS

MIXER = RECIPES["an MLP-Mixer"]


def test_the_loss_at_the_end_of_a_recipe_is_that_of_the_network_that_ships() -> None:
    metrics = json.loads((SHIPPED / "cats_mixer" / "metrics.json").read_text())
    found = ending(MIXER, composed(MIXER), SHIPPED)
    assert found is not None
    assert found["last"] == metrics["scalars"]["val/loss"]
    row = {"parameters": 1e6, "seconds": 1.0, "steps": 1200, "reached": found}
    assert f"| 1,200 | - | {found['last']:.3f} (" in page({"an MLP-Mixer": row})


def test_a_recipe_that_nothing_was_trained_by_has_no_loss() -> None:
    typed = RECIPES["an MLP on top of Wiener"]
    assert ending(typed, composed(typed), SHIPPED) is None


def test_a_run_that_was_stopped_has_the_loss_of_a_step_that_it_came_near_to(tmp_path: Path) -> None:
    cfg = composed(MIXER)
    run = tmp_path / "20260101-000000-mixer"
    run.mkdir()
    OmegaConf.save(cfg, run / CONFIG)
    status = {"task": "train", "state": "interrupted", "network": True, "time": "2026-01-01T00:00:00"}
    (run / STATUS).write_text(json.dumps(status))
    (run / HISTORY).write_text("step,name,value\n99,val/loss,0.3\n199,val/loss,0.2\n")
    found = outcome(cfg, tmp_path, 200)
    assert found == {"loss": 0.2, "at": 199}
    row = {"parameters": 1e6, "seconds": 6.0, "steps": 200, "reached": found}
    assert "| 200 | 0.200 (199) | - |" in page({"an MLP-Mixer": row})
    assert outcome(cfg, tmp_path, 300) is None  # it did not come so far
    (run / STATUS).write_text(json.dumps({**status, "state": "running"}))
    assert outcome(cfg, tmp_path, 200) is None


@pytest.mark.parametrize(
    ("command", "size", "is_it"),
    [
        ("python train.py experiment=cats_cpu model=mixer seed=3", 32, True),
        ("python train.py experiment=cats_cpu model=mixer trainer.max_epochs=2", 32, False),
        ("python train.py experiment=cats_cpu model=mixer", 64, False),  # as the recipe once was
        ("python evaluate.py experiment=cats_cpu model=mixer", 32, False),
    ],
)
def test_a_network_ships_by_a_recipe_if_its_command_and_its_config_are_the_recipes(
    command: str, size: int, is_it: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    cfg = OmegaConf.load(SHIPPED / "cats_mixer" / "config.yaml")
    cfg.data.source.size = size
    OmegaConf.save(cfg, folder / "config.yaml")
    metrics = {"run": {"command": command}, "scalars": {"val/loss": 0.1}}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    found = ending(MIXER, composed(MIXER), tmp_path)
    assert found == ({"last": 0.1, "steps": cfg.step - 1} if is_it else None)


def test_what_is_said_of_costs_is_that_of_the_rows() -> None:
    seconds = dict(zip(RECIPES, (0.5, 1.0, 0.8, 2.0, 0.35), strict=False))
    told = ratios({name: {"seconds": value} for name, value in seconds.items()}, 1.25)
    for words in (
        "in 16 bits costs 0.50 of one in 32 bits, and 0.40 with the usual", "U-Net costs 1.6 times",
        "on squares costs 0.70 times", "channels last in memory a step of the recipe costs 1.25 times",
    ):  # fmt: skip
        assert words in told


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (0.2, "Near 20 minutes the recipe has the least loss of these of CIFAR-10."),
        (
            0.08,
            "Less loss near 20 minutes than the recipe's, on CIFAR-10: in batches of 32. The recipe's is 25",
        ),
        (None, ""),
    ],
)
def test_which_recipe_has_the_least_loss_is_told_from_the_rows(other, told) -> None:
    rows: dict[str, dict[str, Any]] = {name: {"reached": None, "steps": 9} for name in RECIPES}
    rows[RECIPE]["reached"] = {"loss": 0.1, "at": 9}
    rows["the recipe for cats"]["reached"] = {"loss": 0.01, "at": 9}  # of other images
    if other is not None:
        rows["in batches of 32"]["reached"] = {"loss": other, "at": 9}
    said = best_early(rows)
    assert said.startswith(told)
    assert bool(said) is bool(told)
