"""`compare=sweep`: the runs of a sweep are found, what they differ in, and what came of each."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir

from locality import app, cli
from locality.checkpoints.networks import newest_jobs
from locality.compare.sweep import Row, _chart, differing
from locality.config import UsageError
from locality.schedule import NoiseSchedule

TINY = [
    "data=gaussian", "data.source.size=6", "+data.source.channels=1", "data.source.train=301",
    "data.source.val=20", "data.source.test=200", "data.batch_size=50", "logger=none",
    "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=1", "samples.count=1", "model=mlp", "model.network.width=16",
    "model.network.depth=1",
]  # fmt: skip


def evaluate(root: Path, *overrides: str) -> dict[str, float]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        asked = ["logger=none", "trainer.accelerator=cpu", f"runs={root}", *overrides]
        return app.run(compose("evaluate", ["compare=sweep", *asked]))


def metrics(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module", name="root")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two rates and two seeds, with a run beside it that is none of it."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        for arguments in (
            ["-m", *TINY, "seed=0,1", "model.learning_rate=0.001,0.01"],
            [*TINY, "seed=7"],
        ):
            patch.setattr(sys, "argv", ["train.py", *arguments, f"runs={root}"])
            cli.main("train", CONFIGS)
    return root


def runs(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("2*") if "sweep" not in path.name)


def test_the_table_of_a_sweep_has_the_numbers_of_its_runs(root):
    found = newest_jobs(root)
    assert list(found.values()) == runs(root)[:4]
    numbers = evaluate(root)
    made = metrics((root / "latest").resolve())
    table = made["tables"]["sweep/runs"]
    assert table["columns"][:4] == ["run", "seed", "learning_rate", "val/loss"]
    wanted = [(seed, rate) for seed in (0, 1) for rate in ("0.001", "0.01")]
    assert [tuple(row[1:3]) for row in table["rows"]] == wanted
    for row, folder in zip(table["rows"], runs(root), strict=False):
        kept = metrics(folder)
        assert row[3] == kept["scalars"]["val/loss"]
        ratios = [kept["scalars"][f"test/ratio_to_wiener/t{t}"] for t in (100, 300, 500, 700)]
        assert row[4:] == [*ratios, 7, kept["run"]["seconds"]]
        assert numbers[f"sweep/heldout_ratio/{row[0]}/t900"] == kept["scalars"]["test/ratio_to_wiener/t900"]
    assert (root / "latest" / "images" / "sweep" / "errors.png").is_file()


# A schedule of a network's own, and fewer images than coordinates: Wiener is fitted with shrinkage.
OWN = [
    "data.source.train=30", "+model.schedule._target_=locality.NoiseSchedule.ddpm",
    "+model.schedule.beta_end=0.03",
]  # fmt: skip


@pytest.mark.parametrize("more", [[], OWN], ids=["ddpm", "own schedule, few images"])
def test_an_error_over_wieners_that_a_run_lacks_is_measured(root, more, tmp_path, monkeypatch):
    if more:
        root = tmp_path
        arguments = ["-m", *TINY, *more, "seed=0,1", f"runs={root}"]
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        cli.main("train", CONFIGS)
    before = evaluate(root)
    for folder in newest_jobs(root).values():
        content = metrics(folder)
        content["scalars"] = {k: v for k, v in content["scalars"].items() if "ratio_to_wiener" not in k}
        (folder / "metrics.json").write_text(json.dumps(content))
    after = evaluate(root)
    assert {k: v for k, v in after.items()} == pytest.approx(before, rel=1e-5)


def test_runs_that_differ_in_nothing_or_are_none_are_refused_in_one_line(root, tmp_path):
    one = runs(root)[0]
    with pytest.raises(UsageError, match="want runs that differ in a setting"):
        evaluate(root, f"networks=[{one},{one}]")
    with pytest.raises(UsageError, match="networks: want at least two runs"):
        evaluate(root, f"networks=[{one}]")
    with pytest.raises(UsageError, match="no finished networks of a sweep"):
        newest_jobs(tmp_path)


def test_what_differs_is_named_once_and_briefly():
    def run(gamma: float, rate: float, kind: str, **network: int) -> dict:
        return {
            "gamma": gamma,
            "data": {"gamma": gamma, "seed": 0},
            "model": {"learning_rate": rate, "network": {"_target_": f"locality.networks.{kind}", **network}},
            "logger": {"project": str(rate)},
        }

    same = [run(0.0, 1e-3, "mlp", width=16), run(0.5, 1e-3, "mlp", width=16)]
    assert differing(same) == {"gamma": [0.0, 0.5]}
    kinds = [run(0.0, 1e-3, "mlp", width=16), run(0.0, 1e-2, "unet", layers=1)]
    assert differing(kinds) == {"learning_rate": [1e-3, 1e-2], "network": ["mlp", "unet"]}
    widths = [run(0.0, 1e-3, "mlp", width=16), run(0.0, 1e-3, "mlp", width=32)]
    assert differing(widths) == {"width": [16, 32]}
    assert differing([same[0], same[0]]) == {}


@pytest.mark.parametrize("count", [2, 9])
def test_few_runs_are_lines_and_many_are_points_over_the_one_setting(count):
    rates = [10.0 ** -(k + 1) for k in range(count)]
    rows = [Row(f"job{k}", 0.1, {100: k + 1.0, 300: k + 2.0}, 7, 1.0) for k in range(count)]
    chart = _chart({"learning_rate": rates}, rows, [100, 300], [300])
    if count == 2:
        assert list(chart.x) == [float(NoiseSchedule.ddpm().sigma(t)) for t in (100, 300)]
        assert list(chart.series["learning_rate=0.01"].mean) == [2.0, 3.0]
    else:
        assert list(chart.x) == rates[::-1]
        assert list(chart.series["t = 300"].mean) == [k + 2.0 for k in range(count)][::-1]
