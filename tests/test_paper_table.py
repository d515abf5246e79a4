"""The paper's table: who had how many seeds and images, who copies, and the figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from test_modules import NETWORK, TINY, config, latest

from locality import ImageBank, app, build
from locality.calibration import calibrate
from locality.checkpoints.reading import calibrations, load
from locality.compare.paper_beside import PARTS, Beside
from locality.compare.paper_figures import FEW, figure_5
from locality.compare.paper_row import Row
from locality.config import UsageError
from locality.metrics import ratio_interval
from locality.modules.comparison import Scores
from locality.report.names import NAMES, known

ASKED = ["experiment=paper_table", "trainer.accelerator=cpu", "logger=none", "compare.count=4"]
COUNTS = [
    "compare.bank_counts={equivariant_local_score: 16, soft_locality: 50, patch_composite: 50, smoothed: 50}",
    "compare.sample_counts={equivariant_local_score: 2, patch_composite: 2, smoothed: 2}",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    app.run(config(root, *TINY, *NETWORK, "trainer.max_epochs=1"))
    return latest(root)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "runs" / trained.name)


def test_the_table_has_every_row_with_its_seeds_images_and_calibration(run, tmp_path, capsys):
    cfg = config(tmp_path, *ASKED, *COUNTS, f"checkpoint={run}", task="evaluate")
    data = build.datamodule(config(tmp_path, *TINY).data)
    images = data.bank("val").images[:2]
    found = calibrate(
        build.fit(cfg.candidates.pca_locality), data.bank("train"), images, [0.5, 2.0], [0.5, 0.1],
        target=load(run), parameter="tau",
    )  # fmt: skip
    found.save(calibrations(run) / "pca_locality.tau.json")
    numbers = app.run(cfg)
    # Its own, the batch-averaged one's, the golden subset's, and that of a member of the stack.
    assert capsys.readouterr().out.count("pca_locality.tau.json") == 4
    assert numbers["paper/samples/wiener"] == 4
    assert numbers["paper/samples/equivariant_local_score"] == 2
    assert numbers["paper/bank/equivariant_local_score"] == 16
    assert numbers["paper/bank/optimal"] == len(data.bank("train"))
    assert numbers["paper/copy_rate/nearest"] == 1  # it puts out training images
    assert numbers["paper/copy_rate/wiener"] == 0
    assert -1 <= numbers["paper/pearson/wiener"] <= 1
    assert "paper/r2/network" not in numbers
    assert {f"paper/step_r2/optimal/t{t:03d}" for t in range(0, 1000, 100)} <= numbers.keys()
    assert numbers["paper/heldout_ratio/wiener/t300"] == numbers["paper/heldout_ratio_high/wiener/t300"] == 1
    assert numbers["paper/heldout_ratio/smoothed/t300"] > 0
    over = numbers["paper/r2_over_pca_locality/optimal"]
    assert over == pytest.approx(numbers["paper/r2/optimal"] - numbers["paper/r2/pca_locality"])
    assert numbers["paper/r2_over_pca_locality_low/optimal"] <= over
    assert numbers["paper/r2_over_pca_locality/pca_locality"] == 0
    assert numbers["paper/median_r2_over_wiener/wiener"] == 0
    assert numbers["paper/heldout_over_pca_locality/pca_locality/t300"] == 1
    tables = json.loads((latest(tmp_path) / "metrics.json").read_text())["tables"]
    assert "paper/step_r2" in tables
    assert "paper/coarse" not in tables  # parts of the distance are set against a second network's
    pictures = {path.stem for path in (latest(tmp_path) / "images/paper").glob("*.png")}
    assert pictures == {"figure1", "figure1_mse", "figure5", "figure5_short"}


@pytest.mark.parametrize("names", [("network", "golden_subset", "wiener", "nn2"), ("network", "nn2")])
def test_the_short_figure_has_few_rows_in_its_own_order_and_the_same_nearest_images(names):
    images = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
    drawn = {}
    report = SimpleNamespace(grid=lambda name, rows, title: drawn.update({name: rows}))
    samples = dict.fromkeys(names, images[:3])
    figure_5(report, "paper", samples, ImageBank(images), pictures=2)
    whole, owner = drawn.pop("paper/figure5"), "network"  # where PCA locality is not there, the first's
    nearest = f"training image nearest to {owner}'s"
    assert list(whole) == [*names, nearest]
    if len(names) == 2:
        assert not drawn  # nothing to leave out
        return
    short = drawn["paper/figure5_short"]
    assert list(short) == ["network", "nn2", "wiener", nearest]
    assert all(torch.equal(short[name], whole[name]) for name in short)
    assert {known(name) for name in FEW} <= set(NAMES)


@pytest.mark.slow
def test_variants_of_pca_locality_share_a_tau_and_a_part_of_the_bank(run, tmp_path):
    asked = [
        "compare=paper_variants",
        *ASKED[1:-1],
        "compare.count=2",
        "compare.bank_counts=40",
        "candidates.pca_locality.tau=0.05",
    ]
    numbers = app.run(config(tmp_path, *asked, f"checkpoint={run}", task="evaluate"))
    assert numbers["variants/bank/wssm_128"] == numbers["variants/bank/axis_row"] == 40
    same = [numbers[f"variants/mse/{name}"] for name in ("pca_locality", "tau_05", "wssm_128")]
    assert same == [same[0]] * 3  # 40 images are one batch
    assert numbers["variants/mse/tau_5"] != same[0]


def test_outputs_that_choose_stand_beside_one_setting_for_all(run, tmp_path):
    asked = ["compare=by_output", *ASKED[1:-1], "compare.count=2", "compare.bank_counts=40", "networks=null"]
    few = ["~candidates.stacked_mixtures"]
    numbers = app.run(config(tmp_path, *asked, *few, f"checkpoint={run}", task="evaluate"))
    for kind in ("local_score", "pca_locality"):
        assert numbers[f"by_output/mse/{kind}_by_output"] != numbers[f"by_output/mse/{kind}_entropy"]
        assert f"by_output/median_r2_over_{kind}_entropy/{kind}_by_output" in numbers


def test_the_released_form_has_a_tau_of_its_own_and_stands_beside_the_exact_one(run, tmp_path):
    asked = [*ASKED[1:-1], "compare.count=2", f"checkpoint={run}"]
    taus = ["compare=calibrate_released", "compare.taus=[0.5,0.1]"]
    app.run(config(tmp_path, *taus, *asked, task="evaluate"))
    few = [f"~candidates.stacked_{kind}" for kind in ("mixtures", "locality")]
    app.run(config(tmp_path, "compare=released", *asked, *few, "networks=null", task="evaluate"))
    found = json.loads((latest(tmp_path) / "metrics.json").read_text())
    ways = {row[0]: row[2] for row in found["tables"]["compare/settings"]["rows"]}
    assert [ways[f"pca_locality{end}"] == "calibrated" for end in ("", "_wssm", "_released")] == [
        False,
        False,
        True,
    ]
    numbers = found["scalars"]
    assert {f"released/mse/pca_locality{end}" for end in ("", "_wssm")} <= set(numbers)
    assert numbers["released/median_r2_over_pca_locality_released/pca_locality_released"] == 0


def test_larger_images_are_set_against_wiener_alone_with_settings_of_clean_images(tmp_path):
    app.run(config(tmp_path, *TINY, "model=wiener", "denoiser.shrinkage=ledoit_wolf"))
    fitted = latest(tmp_path)
    asked = [*ASKED[1:-1], "compare.count=2", f"checkpoint={fitted}"]
    cheap = ["compare.patch_sizes=[3]", "~candidates.stacked_mixtures", "~candidates.local_mixture"]
    app.run(config(tmp_path, "compare=calibrate_larger", *asked, *cheap, task="evaluate"))
    kept = json.loads((calibrations(fitted) / "local_score.patch_size.json").read_text())
    assert kept["target"] == "clean images"
    few = ["~candidates.stacked_mixtures", "compare.sample_counts={smoothed: 1}"]
    numbers = app.run(config(tmp_path, "compare=larger", *asked, *few, task="evaluate"))
    found = json.loads((latest(tmp_path) / "metrics.json").read_text())
    ways = {row[0]: row[2] for row in found["tables"]["compare/settings"]["rows"]}
    assert ways["local_score"] == ways["equivariant_broken"] == "calibrated"
    assert numbers["larger/heldout_ratio/wiener/t300"] == 1
    assert numbers["larger/bank/optimal"] == numbers["larger/bank/pca_locality"] == 103
    for name in ("optimal", "local_mixture", "local_score_entropy", "pca_locality", "patch_composite"):
        low, high = (numbers[f"larger/heldout_ratio_{end}/{name}/t300"] for end in ("low", "high"))
        assert low <= numbers[f"larger/heldout_ratio/{name}/t300"] <= high


def test_samples_are_set_against_those_of_a_network_that_predicts_the_noise(run, tmp_path):
    app.run(config(tmp_path, *TINY, *NETWORK, "trainer.max_epochs=1", "model.prediction=epsilon"))
    few = ["compare.count=2", "~candidates.stacked_mixtures", "~compare.bank_counts.stacked_mixtures"]
    asked = ["compare=epsilon", *ASKED[1:-1], *few, f"networks={{epsilon: {latest(tmp_path)}}}"]
    numbers = app.run(config(tmp_path, *asked, f"checkpoint={run}", task="evaluate"))
    for row in ("network", "wiener", "pca_locality", "optimal"):
        assert f"epsilon/median_r2_second/{row}" in numbers
    assert "epsilon/median_r2_second_over_pca_locality/wiener" in numbers


def test_rows_with_parts_of_the_training_images_are_set_beside_one_another(run, tmp_path):
    parts = ["compare.bank_counts.pca_locality_5000=20", "compare.bank_counts.pca_locality_20000=1000"]
    few = [f"~candidates.stacked_mixtures{end}" for end in ("", "_5000", "_20000")]
    few += [f"~compare.{place}.stacked_mixtures_5000" for place in ("bank_counts", "calibrated_as")]
    few += [f"~compare.{place}.stacked_mixtures_20000" for place in ("bank_counts", "calibrated_as")]
    few += ["~compare.bank_counts.stacked_mixtures", "compare.baselines=[pca_locality_20000]"]
    asked = ["compare=bank_sizes", *ASKED[1:], *few, *parts, "networks=null", f"checkpoint={run}"]
    numbers = app.run(config(tmp_path, *asked, task="evaluate"))
    assert numbers["bank_sizes/bank/pca_locality_5000"] == 20
    assert numbers["bank_sizes/bank/pca_locality"] == numbers["bank_sizes/bank/pca_locality_20000"] > 20
    assert numbers["bank_sizes/r2_over_pca_locality_20000/pca_locality"] == 0  # the same images
    assert numbers["bank_sizes/r2_over_pca_locality_20000/pca_locality_5000"] != 0


def test_rows_of_parts_are_named_by_their_images_and_take_the_settings_of_the_whole(tmp_path):
    compare = config(tmp_path, "compare=bank_sizes", "data=digits", task="evaluate").compare
    for name, count in compare.bank_counts.items():
        whole, _, part = name.rpartition("_")
        assert part != str(count) or compare.calibrated_as[name] == whole
        assert part == str(count) or count > 100_000  # all
    assert set(compare.calibrated_as) == {name for name in compare.bank_counts if name[-1].isdecimal()}


def test_where_estimates_leave_the_networks_is_told_beside_a_second_network(run, tmp_path):
    app.run(config(tmp_path, *TINY, *NETWORK, "trainer.max_epochs=1", "seed=1"))
    few = [
        "~candidates.stacked_mixtures",
        "~candidates.local_mixture",
        f"networks={{nn2: {latest(tmp_path)}}}",
    ]
    asked = ["compare=remaining", *ASKED[1:], *few, f"checkpoint={run}"]
    numbers = app.run(config(tmp_path, *asked, task="evaluate"))
    for row in ("wiener", "pca_locality", "nn2"):
        shares = [numbers[f"remaining/{part}_share/{row}/t300"] for part in ("coarse", "middle", "fine")]
        assert sum(shares) == pytest.approx(1)
        assert numbers[f"remaining/samples_edges_share/{row}"] < 1
    assert numbers["remaining/samples_coarse_over_second/wiener"] > 0
    assert numbers["remaining/coarse_over_second_low/wiener/t300"] > 0
    assert "remaining/coarse_over_second/nn2/t300" not in numbers


def test_counts_that_do_not_fit_are_refused(run, tmp_path):
    asked = [*ASKED, f"checkpoint={run}"]
    for wrong, message in (
        ("compare.count=5000", "test images"),
        ("compare.sample_counts.smoothed=0", "sample_counts.smoothed: want a whole number from 1"),
        ("compare.bank_counts.smoothed=true", "bank_counts"),
        ("compare.bank_counts=0", "bank_counts: want a whole number from 1, got 0"),
        ("compare.sample_counts=5", "sample_counts: want"),
        ("compare.baselines=[pca_locality, wienner]", "baselines: want rows .*, got 'wienner'"),
        ("+compare.variants={pca: {mine: {tau: 1}}}", "variants.pca: There are: .*pca_locality"),
        ("+compare.variants={pca_locality: {mine: {taus: 1}}}", "variants.pca_locality.mine: .* 'taus'"),
    ):
        with pytest.raises(UsageError, match=message):
            app.run(config(tmp_path, *asked, wrong, task="evaluate"))


def test_samples_are_set_against_those_of_a_second_network_over_the_seeds_of_both():
    images = torch.randn(5, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    blank = torch.zeros(5, 2)

    def row(samples: torch.Tensor) -> Row:
        return Row(Scores(0.1, [], []), samples, images, blank, blank, None)

    rows = {
        "nn2": row(images),
        "copy": row(images[:3]),
        "mean": row(images.mean((1, 2, 3), True).expand(images.shape)),
    }
    found = {name: Beside(name, one, rows, None, "nn2").to_second for name, one in rows.items()}
    assert found["nn2"] == {}
    assert found["copy"]["median_r2_second"].mean == 1
    assert found["mean"]["median_r2_second"].mean == pytest.approx(0, abs=1e-6)  # of each image's own mean
    assert Beside("copy", rows["copy"], rows, None, None).to_second == {}
    over = Beside("copy", rows["copy"], rows, None, "nn2").second_over
    assert over("mean")["median_r2_second_over"].mean == pytest.approx(1)  # of the three seeds of both
    assert over("copy") == over("nn2") == over("none") == {}


def test_single_steps_are_set_against_those_of_a_second_network_image_by_image():
    r2 = {"nn2": [torch.tensor([0.9, 0.5, 0.7])], "ours": [torch.tensor([0.8, 0.6])]}
    rows = {
        name: Row(Scores(0.1, [], one, forward_r2=one), *[torch.zeros(3, 2)] * 4, None)
        for name, one in r2.items()
    }
    found = {name: Beside(name, one, rows, None, "nn2").levels for name, one in rows.items()}
    (less,) = found["ours"]["step_r2_over_second"]
    assert less.mean == pytest.approx(0, abs=1e-6)  # of -.1 and +.1: the third image was seen by one alone
    assert "step_r2_over_second" not in found["nn2"]


def test_intervals_of_single_steps_are_over_photographs_where_the_images_are_crops_of_them():
    values = [torch.tensor([1.0, 2.0, 3.0, 4.0])]
    floor = [torch.tensor([2.0, 2.5, 3.0, 5.0])]
    own, other = (Row(Scores(0.1, errors, []), *[torch.zeros(4, 2)] * 4, None) for errors in (values, floor))
    groups = torch.tensor([0, 0, 1, 1, 2])
    (crops,), (photographs,) = own.heldout_over(other, None), own.heldout_over(other, groups)
    assert crops.mean == photographs.mean == pytest.approx(10 / 12.5)
    assert (photographs.low, photographs.high) == ratio_interval(values[0], floor[0], groups=groups[:4])
    assert (photographs.low, photographs.high) != (crops.low, crops.high)


def test_parts_of_the_distance_are_set_against_the_second_networks_on_the_images_that_both_saw():
    def row(*errors: float) -> Row:
        values = [torch.tensor(errors, dtype=torch.float64)]
        sums = {"coarse": 0.5, "middle": 0.3, "fine": 0.2, "edges": 0.4, "plain": 0.6}
        more = {f"{way}/{part}": [sums[part] * values[0]] for part in PARTS for way in ("forward", "path")}
        scores = Scores(0.1, values, [], values, values, values, values, more)
        return Row(scores, *[torch.zeros(len(errors), 2)] * 4, None)

    rows = {"nn2": row(1.0, 2.0, 3.0, 9.0), "ours": row(2.0, 4.0, 7.0)}
    levels = Beside("ours", rows["ours"], rows, None, "nn2").levels
    for part in PARTS:
        (found,) = levels[f"{part}_over_second"]
        assert found.mean == pytest.approx(13 / 6)
        assert found.low < 13 / 6 < found.high
    beside = Beside("ours", rows["ours"], rows, None, "nn2")
    assert sum(levels[f"{part}_share"][0].mean for part in ("coarse", "middle", "fine")) == pytest.approx(1)
    assert sum(levels[f"{part}_share"][0].mean for part in ("edges", "plain")) == pytest.approx(1)
    assert beside.sample_parts["samples_coarse_over_second"].mean == pytest.approx(13 / 6)
    assert beside.sample_parts["samples_edges_share"].mean == pytest.approx(0.4)
    for name, second in (("nn2", "nn2"), ("ours", None), ("ours", "nobody")):
        levels = Beside(name, rows[name], rows, None, second).levels
        assert not any(key.endswith("_over_second") for key in levels)
