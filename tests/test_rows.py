"""Comparisons that speak: each row is told and kept as it is finished, and a stopped one has what it had."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import CONFIGS, PRETRAINED
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from tiny_runs import NETWORK, TINY, config, latest

from locality import app, build
from locality.calibration import Calibration
from locality.checkpoints.reading import calibrations
from locality.checkpoints.resolving import resolve
from locality.checkpoints.shelf import Shelf
from locality.compare.attention import Attention
from locality.compare.following import conclude
from locality.compare.origins import Origins
from locality.compare.summary import Quantity, with_ends
from locality.config import check
from locality.denoisers import LocalScore, Nearest, Wiener
from locality.denoisers.fitting import Recipe
from locality.evaluation import (
    Evaluation,
    _calibrate,
    calibrated_anyway,
    calibrating,
    of_others,
    unlike,
)
from locality.making import plain
from locality.report import Report
from locality.runs import resuming
from locality.runs.finding import quoted, training_run, words_of_data
from locality.runs.status import read_status, this_process

pytestmark = pytest.mark.usefixtures("no_pictures")

QUICK = ["compare=quick", "compare.count=4", "networks=null", "trainer.accelerator=cpu", "logger=none"]
FIELDS = ["compare.count=2", "compare.sigmas=[2,1]", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained network in runs/."""
    folder = tmp_path_factory.mktemp("rows")
    app.run(config(folder, *TINY, *NETWORK))
    return folder


def kept(place: Path) -> dict[str, list[list[object]]]:
    """The tables of the newest run folder."""
    return {name: table["rows"] for name, table in whole(place)["tables"].items()}


def whole(place: Path) -> dict:
    return json.loads((latest(place) / "metrics.json").read_text())


def stops(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, number: int) -> None:
    """The first call of a method of a denoiser is where the signal arrives."""
    monkeypatch.setattr(kind, method, lambda *_, **__: os.kill(os.getpid(), number))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_stopped_has_the_rows_that_it_had(number, place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stops(patch, Nearest, "estimate", number)
        with pytest.raises(app.RunStopped) as stopped:
            app.run(config(place, *QUICK, task="evaluate"))
    assert stopped.value.code == 128 + number
    assert read_status(latest(place))["state"] == "interrupted"
    rows = kept(place)["compare/summary"]
    assert [row[0] for row in rows] == ["network", "wiener", "optimal", "nearest"]
    assert [row[1] == "not measured" for row in rows] == [False, False, False, True]
    scalars = whole(place)["scalars"]
    assert {"compare/sample_r2/optimal", "compare/heldout_ratio/network"} <= set(scalars)
    assert "compare/sample_r2/nearest" not in scalars
    said = capsys.readouterr().out
    assert "cut short: 3 of 4 rows" in said
    # What was kept is what a run that is not stopped has.
    app.run(config(place, *QUICK, task="evaluate"))
    for row, other in zip(rows[:3], kept(place)["compare/summary"], strict=False):
        assert row[:-2] == other[:-2]  # all but the milliseconds


def test_each_row_is_told_and_kept_while_the_others_are_still_to_come(place, monkeypatch, capsys):
    seen: list[tuple[list[object], str]] = []

    def look(self: Nearest, *_: object) -> None:
        seen.append((kept(place)["compare/summary"], capsys.readouterr().out))
        raise RuntimeError("enough")

    monkeypatch.setattr(Nearest, "estimate", look)
    with pytest.raises(app.RunFailed):
        app.run(config(place, *QUICK, task="evaluate"))
    rows, said = seen[0]
    assert [row[1] == "not measured" for row in rows] == [False, False, False, True]
    for name in ("network", "Wiener", "optimal"):
        assert any(line.startswith(f"  {name} ") for line in said.splitlines())


@pytest.mark.parametrize("compare", ["sensitivity", "mirror"])
def test_fields_that_are_measured_are_kept(compare, place, monkeypatch):
    asked = [f"compare={compare}", *FIELDS, *(["compare.pixels={a: [2, 2]}", "compare.radius=1"]
             if compare == "mirror" else [])]  # fmt: skip
    with monkeypatch.context() as patch:
        stops(patch, Wiener, "closed_form_jacobian", signal.SIGTERM)
        with pytest.raises(app.RunStopped):
            app.run(config(place, *asked, task="evaluate"))
    folder = latest(place)
    assert read_status(folder)["state"] == "interrupted"
    assert (folder / "fields" / "network.safetensors").is_file()
    name = "sensitivity/radius" if compare == "sensitivity" else "mirror/ratio"
    rows = kept(place)[name]
    assert "network" in rows[0]
    assert isinstance(rows[0][-1], float | str)
    left = [row for row in rows if "not measured" in row]
    assert {"wiener", "pca_locality"} <= {cell for row in left for cell in row}


def test_every_row_says_how_its_settings_were_found(place, capsys):
    local = [
        "+denoiser@candidates.local_score=local_score", "+denoiser@candidates.pca_locality=pca_locality",
        "+denoiser@candidates.local_score_entropy=local_score_entropy",
        "+denoiser@candidates.local_score_by_output=local_score_by_output",
        "candidates.local_score.patch_size=3", "~candidates.nearest",
    ]  # fmt: skip
    cfg = config(place, *QUICK, *local, task="evaluate")
    trained = training_run(latest(place))
    cfg.checkpoint = str(trained)
    OmegaConf.update(cfg, "given", ["local_score.patch_size"], force_add=True)  # as the command line notes it
    bank = build.datamodule(config(place, *TINY).data).bank("train")
    one = Calibration(
        "tau", (1.0,), (0.05, 0.1), (((0.2,), (0.1,)),), "network", bank.fingerprint, len(bank), 0
    )
    for kept_one in (False, True):
        if kept_one:
            one.save(calibrations(trained) / "pca_locality.tau.json")
        app.run(cfg)
        tables = whole(place)["tables"]
        summary = tables["compare/summary"]
        cells = {row[0]: row[summary["columns"].index("settings")] for row in summary["rows"]}
        how = "calibrated" if kept_one else "default"
        assert cells == {
            "network": None, "wiener": None, "optimal": None, "local_score": "patch_size by hand",
            "pca_locality": f"tau {how}", "local_score_entropy": "patch_size by the bank's entropy",
            "local_score_by_output": "patch_size by the bank's entropy, output by output",
        }  # fmt: skip
        command = f"python evaluate.py compare=calibrate checkpoint={trained}"
        rows = {row[0]: row[1:] for row in tables["compare/settings"]["rows"]}
        said = capsys.readouterr().out
        if kept_one:
            origin = ["calibrated", "network", "1 val images", f"{len(bank):,}"]
            assert rows["pca_locality"] == ["tau", *origin, None]
            assert "not calibrated" not in said
        else:
            assert rows["pca_locality"] == ["tau", "default", None, None, None, command]
            assert "not calibrated for these data, so maybe far from their best: pca_locality; " in said
            assert said.index(command) < said.index("denoiser  ")  # above the table


def test_a_network_that_is_worse_than_wiener_is_warned_about_above_the_table(place, capsys):
    trained = training_run(latest(place))
    numbers = app.run(config(place, *QUICK, f"checkpoint={trained}", task="evaluate"))
    assert numbers["compare/heldout_ratio/network"] > 1  # it has seen a few batches
    said = capsys.readouterr().out
    assert said.index("warning: the network is worse than the Wiener filter") < said.index("denoiser  ")
    assert "worse than the Wiener filter" in kept(place)["compare/attention"][0][0]


def test_a_number_without_an_interval_has_no_ends():
    assert with_ends("compare/mse", "a", Quantity(1.0, math.nan, math.nan)) == {"compare/mse/a": 1.0}
    assert set(Quantity(1.0, 0.9, 1.1).ends()) == {"", "_low", "_high"}
    assert list(Quantity(math.nan, math.nan, math.nan).ends()) == [""]  # undefined, which is to be seen


@pytest.mark.parametrize("count", [1, 2])
def test_the_warning_says_what_the_table_of_the_same_run_says(count, place, capsys):
    trained = training_run(latest(place))
    asked = [*QUICK, f"compare.count={count}", "~candidates.nearest", "~candidates.optimal"]
    numbers = app.run(config(place, *asked, f"checkpoint={trained}", task="evaluate"))
    assert numbers["compare/heldout_ratio/network"] > 1
    columns = whole(place)["tables"]["compare/summary"]["columns"]
    ratio = kept(place)["compare/summary"][0][columns.index("MSE / Wiener")]
    ((warning,),) = kept(place)["compare/attention"]
    assert f"its held-out error is {ratio} times as large" in warning
    assert "beware, 1 warning above the tables" in " ".join(capsys.readouterr().out.split())
    assert f"{ratio} times as large" in (latest(place) / "report.html").read_text()
    scalars = whole(place)["scalars"]
    ends = [name for name in scalars if "_low/" in name or "_high/" in name]
    assert bool(ends) == (count > 1)
    assert all(scalars[name] is not None for name in ends)


def test_a_network_is_worse_where_its_whole_interval_is_above_1_or_where_there_is_none(tmp_path):
    attention = Attention(Report(tmp_path, []))
    attention.worse("network", Quantity(1.1, 0.9, 1.3))
    attention.worse("network", Quantity(0.9, 0.8, 1.3))
    attention.worse("network", Quantity(0.9, math.nan, math.nan))
    assert not attention.notes
    attention.worse("network", Quantity(1.1, 1.05, 1.3))
    attention.worse("network", Quantity(1.2, math.nan, math.nan))
    assert len(attention.notes) == 2


def test_a_reference_as_good_as_wiener_is_not_warned_about(tmp_path, capsys):
    app.run(config(tmp_path, *TINY, "model=wiener"))
    app.run(config(tmp_path, *QUICK, f"checkpoint={latest(tmp_path)}", task="evaluate"))
    assert "warning" not in capsys.readouterr().out
    assert "compare/attention" not in kept(tmp_path)


def data_of(name: str) -> dict:
    """What a network that ships learned from."""
    return plain(OmegaConf.load(PRETRAINED / name / "config.yaml").data)


def test_a_recipe_calibrates_its_own_images_alone(tmp_path):
    for name in ("cifar", "cats"):
        assert calibrating(data_of(name)) == f"{name}_calibrate"
    assert calibrating(data_of("photos16")) is None
    assert calibrating(data_of("cifar_half0")) is None  # the recipe would take all images
    for size, recipe in ((24, None), (32, "cats_calibrate")):
        data = config(tmp_path, "data=afhq", f"data.source.size={size}", task="evaluate").data
        assert calibrating({**plain(data), "gamma": 0.0}) == recipe


def hydra_was_told(monkeypatch: pytest.MonkeyPatch, *words: str, **choices: str) -> None:
    """As if these words were typed."""
    runtime = SimpleNamespace(choices=DictConfig(choices))
    told = SimpleNamespace(overrides=SimpleNamespace(task=list(words)), runtime=runtime)
    monkeypatch.setattr(HydraConfig, "initialized", lambda: True)
    monkeypatch.setattr(HydraConfig, "get", lambda: told)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["data=digits"], "data=digits "),  # the network learned from 103 of them
        (["data=digits", "data.subset=103"], ""),
        ([], ""),
        (["data=digits", "data.subset=40", "compare.count=2"], "data=digits data.subset=40 "),
    ],
)
def test_the_advised_command_calibrates_on_the_images_that_are_compared(typed, told, place, monkeypatch):
    trained, shelf = training_run(latest(place)), Shelf()
    asked = [*QUICK, f"checkpoint={trained}", *typed]
    cfg = resolve(check(config(place, *asked, task="evaluate")), shelf)
    hydra_was_told(monkeypatch, *asked, data="digits")
    learned = shelf.read(trained)["hyper_parameters"]["data"]
    assert f"compare=calibrate {told}checkpoint=" in _calibrate(cfg, learned)


def test_words_of_an_experiments_data_are_told(monkeypatch):
    hydra_was_told(
        monkeypatch, "experiment=cats_table", "data.subset=9", experiment="cats_table", data="afhq"
    )
    assert quoted(words_of_data()) == "data=afhq data.source.size=32 data.subset=9"
    hydra_was_told(monkeypatch, "experiment=cifar_table", experiment="cifar_table", data="cifar")
    assert quoted(words_of_data()) == "data=cifar"  # which says nothing else of its data


def test_the_command_that_calibrates_takes_what_is_there():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        assert set(compose("evaluate", ["compare=calibrate"]).candidates) == calibrated_anyway()
    origins = Origins(command="python evaluate.py compare=calibrate", usual=calibrated_anyway())
    for name in ("mine", "local_score"):
        origins.note(name, name, Recipe.of(LocalScore.fit), {})
    assert origins.command_for(["local_score"]) == "python evaluate.py compare=calibrate"
    assert origins.command_for(["mine"]) == (
        "python evaluate.py compare=calibrate +denoiser@candidates.mine=mine"
    )


def test_a_wiener_filter_is_not_measured_by_another_wiener_filter(tmp_path, capsys):
    app.run(config(tmp_path, *TINY, "data.subset=40", "model=wiener"))  # of 64 coordinates: not of full rank
    asked = [*QUICK, "~candidates.nearest", "~candidates.optimal"]
    numbers = app.run(config(tmp_path, *asked, f"checkpoint={latest(tmp_path)}", task="evaluate"))
    assert "worse than the Wiener filter" not in capsys.readouterr().out
    assert numbers["compare/heldout_ratio/wiener_reference"] == 1


def test_only_a_network_is_told_to_train_longer(tmp_path):
    attention = Attention(Report(tmp_path, []))
    attention.worse("nearest", Quantity(2.0, 1.9, 2.1), learns=False)
    assert attention.notes[0].endswith("says little, so take another (checkpoint=, networks=)")
    attention.worse("network", Quantity(2.0, 1.9, 2.1))
    assert "so train it longer, or take another" in attention.notes[1]


def test_a_network_whose_training_was_stopped_is_told_of_and_how_it_goes_on(place, monkeypatch):
    trained = training_run(latest(place))
    cfg = config(place, *QUICK, f"checkpoint={trained}", task="evaluate")
    assert Evaluation(check(cfg)).beware == []
    status = read_status(trained)
    monkeypatch.setattr(resuming, "read_status", lambda _: {**status, "state": "interrupted"})
    evaluation = Evaluation(check(cfg))
    go_on = f"python train.py resume={trained}"
    (told,) = evaluation.beware
    assert told == f"the training of {trained} was stopped early; to go on: {go_on}"
    attention = Attention(Report(place, []), evaluation.longer)
    attention.worse("network", Quantity(2.0, 1.9, 2.1))
    assert attention.notes[0].endswith(f"take another (checkpoint=, networks=), or train it longer: {go_on}")
    attention.worse("second_network", Quantity(2.0, 1.9, 2.1))
    assert attention.notes[1].endswith("so train it longer, or take another (checkpoint=, networks=)")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"task": "train", "state": "finished"}, None),
        ({"task": "train", "state": "interrupted"}, "was stopped early; to go on: python train.py resume="),
        ({"task": "train", "state": "running", "process": this_process()}, "still goes on"),
        ({"task": "train", "state": "running"}, "was stopped early; to go on: "),
        ({"task": "train", "state": "failed"}, "ended with an error; to go on: "),
    ],
)
def test_what_is_said_of_a_training_that_has_not_finished(status, told, tmp_path):
    assert resuming.unfinished(tmp_path) is None  # no run at all
    (tmp_path / "status.json").write_text(json.dumps({"network": True, **status}))
    said = resuming.unfinished(tmp_path)
    assert (said is None) if told is None else (told in said.note)


def test_a_setting_that_was_found_with_other_numbers_of_images_is_told(tmp_path, capsys):
    found = SimpleNamespace(rival="network", count=4, inputs="val images", bank_count=50_000)
    origins = Origins()
    origins.note("local_score", "local_score", Recipe.of(LocalScore.fit), {"patch_size": found})
    (far,) = origins.far({"local_score": 6000})
    assert far == "local_score has 6,000, and its patch_size was found with 50,000"
    assert not origins.far({"local_score": 30_000})
    Attention(Report(tmp_path, [])).banks([far])
    assert far in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ({"network": 0.04, "a": 0.06, "b": 0.05}, "least held-out error: network, then b"),
        ({"network": 0.07, "a": 0.06, "b": 0.05}, "least held-out error: b"),
        ({"network": math.nan, "a": 0.06, "b": 0.05}, "least held-out error: b"),
    ],
)
def test_the_last_line_says_what_the_table_says(errors, told):
    context = SimpleNamespace(reference_name="network", report=SimpleNamespace(conclusion=""))
    near = {name: Quantity(r2, r2, r2) for name, r2 in (("a", 0.9), ("b", 0.1))}
    conclude(context, near, {name: Quantity(one, one, one) for name, one in errors.items()})
    assert context.report.conclusion == f"nearest to the network: a (median sample r2 0.9); {told}"


def test_what_differs_in_the_images_is_told_in_words(tmp_path):
    pattern = ["data=photos_pattern", "data.source.train=100"]
    few, many = (plain(config(tmp_path, *pattern, f"gamma={gamma}").data) for gamma in (0.3, 0.5))
    many["source"]["train"] = 8000
    assert unlike(few, many) == ["train 100 (was 8000)", "gamma 0.3 (was 0.5)"]
    assert unlike({**few, "gamma": 0.0}, few) == ["gamma 0 (was 0.3)"]
    assert unlike({**few, "seed": 9}, few) == []
    few["pattern"]["pattern"]["_target_"] = "locality.data.cross"
    assert "pattern cross (was letter_w)" in unlike(few, many)


def test_a_network_of_other_images_is_told_of_in_one_plain_sentence(tmp_path):
    cats, cifar, kept = (plain(config(tmp_path, f"data={name}").data) for name in ("cats", "cifar", "cifar"))
    said = "these are not the images that pretrained/cats_dit was trained on: "
    assert of_others("pretrained/cats_dit", cifar, cats) == (
        f"{said}it learned from AFHQ, and is compared on CIFAR-10"
    )
    kept["source"]["cache"] = "elsewhere"  # where images are kept, not which
    assert of_others("pretrained/cats_dit", cifar, kept) == f"{said}both are CIFAR-10, from other files"
    kept["subset"] = 100
    assert of_others("pretrained/cats_dit", cifar, kept).endswith(
        "with other settings: subset none (was 100)"
    )


def test_a_network_of_other_images_is_told_of_above_the_tables(place, capsys):
    trained = training_run(latest(place))
    asked = [*QUICK, "data=digits", "data.subset=90", "compare.count=1", "~candidates.nearest"]
    app.run(config(place, *asked, f"checkpoint={trained}", task="evaluate"))
    notes = [note for (note,) in kept(place)["compare/attention"]]
    both = "both are digits, with other settings: subset 90 (was 103)"
    assert f"these are not the images that {trained} was trained on: {both}" in notes
    page, said = (latest(place) / "report.html").read_text(), " ".join(capsys.readouterr().out.split())
    assert page.index("these are not the images that") < page.index("compare/summary")
    assert said.index("warning: these are not the images that") < said.index("denoiser ")
    assert "fingerprint" not in said
