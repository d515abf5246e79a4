"""`compare=pattern`, `compare=architectures` and more networks in a comparison: small runs, end to end."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shlex
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import CONFIGS, PRETRAINED
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from locality import GaussianStats, app
from locality.checkpoints import networks as found_networks
from locality.compare import claims
from locality.compare.claims import Claim, claim_of
from locality.compare.letter import Learned
from locality.compare.pattern import Setup, control_command, strengths
from locality.compare.strengths import Contrast, Strength, contrast_of, pooled
from locality.config import UsageError
from locality.denoisers import Wiener
from locality.runs import files
from locality.runs.finding import newest_networks
from locality.sensitivity import measure, pattern_snr
from locality.sums import write_sums

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*lacks rank"),
    pytest.mark.filterwarnings("ignore:There is a performance drop"),
]
SMALL = ["logger=none", "trainer.accelerator=cpu"]
TINY = [
    "data=digits_pattern", "data.subset=40", "data.pattern.pattern._target_=locality.data.letter_w",
    "trainer.max_epochs=2", "trainer.limit_test_batches=1", "samples.count=1", "snapshots=[1]",
    "data.batch_size=20", "model=mlp", "model.network.width=16", "model.network.depth=1",
]  # fmt: skip
FAST = ["compare.count=3", "compare.sigmas=[2,0.5]", "compare.reach=2"]


def run(root: Path, task: str, *overrides: str) -> tuple[Path, dict[str, float]]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        numbers = app.run(compose(task, [*SMALL, *overrides, f"runs={root}"]))
    return (root / "latest").resolve(), numbers


@pytest.fixture(scope="module", name="sweep")
def trained_sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[float, int], Path]]:
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for gamma, seed in ((0.5, 0), (0.0, 0), (0.5, 1)):
        found[gamma, seed] = run(root, "train", *TINY, f"gamma={gamma}", f"seed={seed}")[0]
    return root, found


def test_the_newest_sweep_is_found_measured_and_told(sweep):
    root, runs = sweep
    folder, numbers = run(root, "evaluate", "compare=pattern", *FAST, "compare.steps=true")
    config = (folder / "config.yaml").read_text()
    assert all(str(path) in config for path in runs.values())
    # The prediction, by hand: Wiener of that gamma's training images, probed at the W's top left pixel.
    denoiser = found_networks.networks(compose_networks(root, [str(runs[0.5, 0])]))
    data = next(iter(denoiser.values())).data()
    stats = GaussianStats.from_bank(data.bank("train"))
    mask, clean = data.pattern.mask(8, 8), data.bank("test").images[:3]
    field = measure(Wiener(stats), clean, [2, 0.5], [(1, 1)])
    expected = contrast_of(field, mask, 2.0).mean
    snr = pattern_snr(stats.covariance, mask, [2, 0.5])
    for s, t in enumerate((396, 144)):
        assert numbers[f"pattern/contrast_wiener/gamma0.5/t{t}"] == pytest.approx(
            expected[s].item(), rel=1e-5
        )
        assert numbers[f"pattern/snr/gamma0.5/t{t}"] == pytest.approx(snr[s].item(), rel=1e-6)
    record = json.loads((folder / "metrics.json").read_text())
    table = record["tables"]["pattern/contrast"]
    assert [row[0] for row in table["rows"]] == [0, 0, 0.5, 0.5]
    assert "noise levels" in record["tables"]["pattern/verdict"]["rows"][0][2]
    assert record["tables"]["pattern/steps_gamma0.5"]["columns"] == ["t", "step 1", "step 4", "Wiener"]
    for picture in ("figure4", "contrast", "contrast_snr_gamma0.5", "steps_gamma0", "steps_gamma0.5"):
        assert (folder / "images" / "pattern" / f"{picture}.png").stat().st_size > 10_000
    learned = record["tables"]["pattern/learned"]["rows"]
    assert [row[:2] for row in learned] == [[0.5, 2], [0.5, 0.5]]
    for end in ("", "_low", "_high"):
        assert numbers[f"pattern/learned_network{end}/gamma0.5/t396"] > 0
    with (folder / "curves.csv").open() as file:
        assert {"pattern/contrast", "pattern/learned", "pattern/steps_gamma0.5"} <= {
            row["chart"] for row in csv.DictReader(file)
        }


def test_a_filter_has_the_same_signed_field_and_a_network_another(sweep):
    """The Jacobian of a filter is the same for all images. In grey images it has one channel."""
    root, _ = sweep
    asked = [*FAST, "compare.learned=0", "compare.explorer=false", "compare.probes=all"]
    plain, signed = (
        run(root, "evaluate", "compare=pattern", *asked, f"compare.magnitude={magnitude}")[1]
        for magnitude in ("absolute", "signed")
    )
    for t in (396, 144):
        place = f"gamma0.5/t{t}"
        wiener = f"pattern/contrast_wiener/{place}"
        assert signed[wiener] == pytest.approx(plain[wiener], rel=1e-5)
        assert signed[f"pattern/contrast/{place}"] != pytest.approx(plain[f"pattern/contrast/{place}"])
        low, high = (signed[f"pattern/over_control_{end}/{place}"] for end in ("low", "high"))
        assert low <= signed[f"pattern/over_control/{place}"] <= high
    with pytest.raises(UsageError, match=r"compare\.magnitude: want absolute or square or signed"):
        run(root, "evaluate", "compare=pattern", *FAST, "compare.magnitude=loud")


def test_a_network_that_is_the_filter_has_all_of_its_gain_along_the_pattern_and_the_control_has_none():
    control, filters = torch.tensor([4.0, 2.0, 6.0]), torch.tensor([2.0, 1.0, 3.0])
    pairs = {"seed0": control, "wiener": control, "control_seed3": control, "control_wiener": control}
    none = Learned(0.5, [1.0], {"seed0": "seed3"}, {f"{n}/along": [one] for n, one in pairs.items()}, None)
    assert none.share(0) is None  # where the filter gains nothing there is nothing to have a share of
    assert none.rows()[0][-1] is None
    for network, share in ((filters, 1.0), (control, 0.0), ((control + filters) / 2, 0.5)):
        values = {"seed0": network, "wiener": filters, "control_seed3": control, "control_wiener": control}
        found = Learned(
            0.5, [1.0], {"seed0": "seed3"}, {f"{name}/along": [one] for name, one in values.items()}, None
        )
        assert found.wiener(0).mean == pytest.approx(0.5)
        assert found.network(0).mean == pytest.approx(1 - share / 2)
        told = found.share(0)
        assert told.mean == told.low == told.high == pytest.approx(share)  # alike for every image
        (number,) = [
            v for k, v in found.numbers().items() if k.startswith("pattern/learned_share/gamma0.5/t")
        ]
        assert number == pytest.approx(share)


@pytest.mark.parametrize("wrong", ["-1", "1"])
def test_a_count_of_images_for_the_error_along_the_pattern_that_will_not_do_is_refused(sweep, wrong):
    with pytest.raises(UsageError, match="learned: want 0, or 2 test images or more"):
        run(sweep[0], "evaluate", "compare=pattern", *FAST, f"compare.learned={wrong}")


def compose_networks(root: Path, networks, *overrides: str):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("evaluate", ["compare=pattern", f"runs={root}", *overrides])
    cfg.networks = networks
    return cfg


def test_a_sweep_is_of_runs_that_are_alike_and_finished_unless_asked(sweep, tmp_path):
    root, runs = sweep
    assert found_networks.newest_sweep(root, False) == [runs[0.0, 0], runs[0.5, 0], runs[0.5, 1]]
    control = runs[0.0, 0] / "status.json"
    text = control.read_text()
    control.write_text(text.replace("finished", "running"))
    try:
        assert found_networks.newest_sweep(root, False) == [runs[0.5, 0], runs[0.5, 1]]
        assert found_networks.newest_sweep(root, True)[0] == runs[0.0, 0]
    finally:
        control.write_text(text)


def test_one_gamma_shows_its_fields_and_the_command_that_trains_the_control(sweep, tmp_path, capsys):
    root, runs = sweep
    alone = tmp_path / "runs"
    shutil.copytree(
        runs[0.5, 0], alone / runs[0.5, 0].name
    )  # right after a first training, nothing else is there
    sessions = alone / runs[0.5, 0].name / "sessions.json"
    started = json.loads(sessions.read_text())
    started[0]["command"] = "python train.py data=digits_pattern gamma=0.5 seed=0"
    sessions.write_text(json.dumps(started))
    folder, numbers = run(alone, "evaluate", "compare=pattern", *FAST)
    told = "this trains it: python train.py data=digits_pattern seed=0 gamma=0"
    assert " ".join(capsys.readouterr().out.split()).count(told) == 1
    tables = json.loads((folder / "metrics.json").read_text())["tables"]
    assert told in tables["compare/attention"]["rows"][0][0]
    assert "pattern/verdict" not in tables
    table = tables["pattern/contrast"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert [row["gamma"] for row in rows] == [0.5, 0.5]
    assert [row["SNR_W > 0.1"] == "yes" for row in rows] == [row["SNR_W"] > 0.1 for row in rows]
    assert {row["control"] for row in rows} == {None}
    whole = run(root, "evaluate", "compare=pattern", *FAST, f"networks=[{runs[0.0, 0]},{runs[0.5, 0]}]")[1]
    kept = {key: value for key, value in numbers.items() if key.startswith("pattern/contrast/")}
    assert kept
    assert kept == {key: whole[key] for key in kept}
    assert (folder / "images" / "pattern" / "figure4.png").is_file()


def test_the_control_of_a_picture_is_offered_as_one_types_it():
    recorded = "python train.py data=digits seed=0 +pattern@data.pattern=letter_w "
    told = "python train.py data=digits seed=0 pattern="
    picture = shlex.quote("data.pattern.pattern='/my pictures/it\\'s.png'")
    offered = control_command(f"{recorded}{picture} gamma=0.5")
    assert shlex.split(offered)[-2:] == ["pattern=/my pictures/it's.png", "gamma=0"]
    assert control_command(f"{recorded}gamma=0.5") == f"{told}letter_w gamma=0"


def test_a_sweep_that_is_stopped_has_the_strengths_that_it_had(sweep, monkeypatch):
    root, _ = sweep
    original, seen = Setup.strength, []

    def strength(self: Setup, gamma: float, *rest: object) -> Strength:
        if seen:
            os.kill(os.getpid(), signal.SIGTERM)
        seen.append(gamma)
        return original(self, gamma, *rest)

    monkeypatch.setattr(Setup, "strength", strength)
    with pytest.raises(app.RunStopped):
        run(root, "evaluate", "compare=pattern", *FAST)
    folder = (root / "latest").resolve()
    assert json.loads((folder / "status.json").read_text())["state"] == "interrupted"
    rows = json.loads((folder / "metrics.json").read_text())["tables"]["pattern/contrast"]["rows"]
    assert [row[:2] for row in rows[::2]] == [[0.0, 396], ["0.5", "not measured"]]


def test_a_trial_does_not_stand_in_the_way_of_networks_that_ship(tmp_path, monkeypatch):
    """Who tries the first command of the README with trainer=smoke still gets a verdict on the claim."""
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    small = [*TINY[:3], *TINY[4:], "gamma=0.5"]  # without the number of epochs
    run(tmp_path, "train", *small, "trainer=smoke")
    ships = found_networks.newest_sweep(tmp_path, False)
    assert {path.parent for path in ships} == {PRETRAINED}
    own = run(tmp_path, "train", *TINY, "gamma=0.5")[0]
    assert found_networks.newest_sweep(tmp_path, False) == [own]
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "none")
    shutil.rmtree(own)
    assert len(found_networks.newest_sweep(tmp_path, False)) == 1  # the trial, where there is nothing else


def test_networks_that_predict_unlike_things_are_not_set_beside_each_other(sweep):
    """A difference between their fields might be one between what they predict."""
    named = {"control": sweep[1][0.0, 0], "nn": sweep[1][0.5, 0]}
    found = found_networks.networks(compose_networks(sweep[0], {name: str(p) for name, p in named.items()}))
    assert set(strengths(found)) == {0.0, 0.5}
    found["nn"].denoiser.prediction = "epsilon"
    with pytest.raises(UsageError, match=r"networks\.nn: want networks that predict the same, got epsilon"):
        strengths(found)


def test_without_runs_the_shipped_networks_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    found = found_networks.networks(compose_networks(tmp_path / "nothing", "sweep"))
    groups = strengths(found)
    assert {0.0, 0.5} <= groups.keys()
    sources = {one.trained_on["source"]["_target_"] for seeds in groups.values() for one in seeds.values()}
    assert len(sources) == 1


def test_shipped_sweeps_of_unlike_images_are_not_mixed(tmp_path, monkeypatch):
    for path in PRETRAINED.glob("photos16_gamma*"):
        for name, seed in ((path.name, 0), (path.name.replace("photos16", "a_twin"), 5)):
            folder = tmp_path / name
            shutil.copytree(path, folder)
            text = (folder / "config.yaml").read_text()
            (folder / "config.yaml").write_text(text.replace("image_seed: 0", f"image_seed: {seed}"))
            write_sums(folder, ["config.yaml", "model.safetensors"])
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    found = found_networks.newest_sweep(tmp_path / "nothing", False)
    assert [path.name for path in found] == ["a_twin_gamma0", "a_twin_gamma0.1", "a_twin_gamma0.5"]


@pytest.mark.slow
def test_a_twin_differs_in_its_seed_alone_and_stands_in_the_table(sweep, tmp_path, capsys):
    root, runs = sweep
    asked = ["compare=quick", "compare.count=3", f"checkpoint={runs[0.5, 0]}"]
    folder, numbers = run(root, "evaluate", *asked)
    assert f"NN2: {runs[0.5, 1]}" in (folder / "config.yaml").read_text()
    assert numbers["compare/sample_r2/nn2"] <= 1
    # One whose weights were removed to make room is left out.
    weights = runs[0.5, 1] / "checkpoints" / "last.ckpt"
    aside = weights.rename(weights.with_suffix(".aside"))
    try:
        numbers = run(root, "evaluate", *asked)[1]
    finally:
        aside.rename(weights)
    assert "compare/sample_r2/nn2" not in numbers
    # The control has seen other images.
    folder, numbers = run(root, "evaluate", "compare=quick", "compare.count=3", f"checkpoint={runs[0.0, 0]}")
    assert "compare/sample_r2/nn2" not in numbers
    assert "no second network" in capsys.readouterr().out


def test_a_pattern_without_strength_is_none(sweep, tmp_path):
    runs = sweep[1]
    plain = OmegaConf.load(runs[0.0, 0] / "config.yaml").data
    plain.pattern = None
    for gamma in (None, 0.0):
        assert newest_networks(runs[0.0, 0].parent, plain, gamma)[0] == runs[0.0, 0]


def test_networks_that_are_no_sweep_are_refused_in_one_line(sweep):
    root, runs = sweep
    one, control = str(runs[0.5, 0]), str(runs[0.0, 0])
    for networks, message in (
        (f"[{control}]", r"want at least one that saw a pattern \(gamma above 0\), got gamma=0"),
        (f"[{one},{one}]", r"gamma 0.5 and seed 0 come twice"),
        ("[]", "want at least one"),
        ("all", "networks: want"),
    ):
        with pytest.raises(UsageError, match=message):
            run(root, "evaluate", "compare=pattern", *FAST, f"networks={networks}")


def test_a_training_is_followed_by_the_first_seed_that_has_snapshots(sweep):
    root, runs = sweep
    weights = runs[0.5, 0] / "checkpoints" / "last.ckpt"  # a file of weights has no history
    networks = f"networks=[{runs[0.0, 0]},{weights},{runs[0.5, 1]}]"
    _, numbers = run(root, "evaluate", "compare=pattern", *FAST, "compare.steps=true", networks)
    assert numbers["pattern/steps/gamma0.5/step4/t396"] != numbers["pattern/contrast/gamma0.5/t396"]
    _, alone = run(root, "evaluate", "compare=pattern", *FAST, f"networks=[{runs[0.0, 0]},{runs[0.5, 1]}]")
    last = alone["pattern/contrast/gamma0.5/t396"]
    assert numbers["pattern/steps/gamma0.5/step4/t396"] == pytest.approx(last, rel=1e-6)


def test_the_page_of_experiments_is_written_from_run_folders(sweep, tmp_path, monkeypatch):
    from benchmarks import experiments

    root, runs = sweep
    folder, _ = run(root, "evaluate", "compare=pattern", *FAST)
    monkeypatch.setattr(experiments, "IMAGES", tmp_path)
    found = experiments.finished(root)
    measured = experiments.newest(found, "pattern")
    assert measured[0] == folder
    trained = experiments.trainings(measured, found)
    assert [one[0] for one in trained] == [runs[0.0, 0], runs[0.5, 0], runs[0.5, 1]]
    kept = experiments.record(measured, trained)
    experiments.publish(measured, kept["pictures"])
    text = experiments.page(experiments.PAGE.read_text(), {"pattern": kept})
    assert "![pattern/figure4](images/pattern_figure4.png)" in text
    assert "| 0.5000 | 2 | above the control at" in text
    assert (tmp_path / "pattern_figure4.png").read_bytes() == (
        folder / "images" / "pattern" / "figure4.png"
    ).read_bytes()
    assert "`model=unet`, gamma = 0.1, seed 2" in text
    assert "`model=mlp`, gamma = 0, any seed" not in text
    assert "`model=dit`, gamma = 0, any seed" in text
    assert text == experiments.page(text, {"pattern": kept})  # without the run folders it stays
    # An evaluation of networks that were not trained to the end is none, nor is it later, when they are.
    older = experiments.newest([one for one in found if one[0] != runs[0.5, 1]], "pattern")
    assert older is None or older[0] != folder  # another test may have left one of the others
    run(root, "evaluate", "compare=pattern", *FAST, "unfinished=true")
    assert experiments.newest(experiments.finished(root), "pattern")[0] == folder


def test_a_shorter_history_takes_the_place_of_none_that_is_longer(sweep, tmp_path, monkeypatch):
    from benchmarks import experiments

    root, runs = sweep
    networks = f"networks=[{runs[0.0, 0]},{runs[0.5, 1]}]"
    run(root, "evaluate", "compare=pattern", *FAST, "compare.steps=true", networks)
    for name in ("IMAGES", "KEPT", "PAGE"):
        monkeypatch.setattr(experiments, name, tmp_path / name)
    (tmp_path / "IMAGES").mkdir()
    (tmp_path / "PAGE").write_text("<!-- steps -->\n<!-- end -->\n")
    monkeypatch.setattr("sys.argv", ["experiments", "--runs", str(root)])
    experiments.main()
    kept = json.loads((tmp_path / "KEPT").read_text())
    assert kept["steps"] == kept["pattern"]
    assert (tmp_path / "IMAGES" / "pattern_steps_gamma0.5.png").is_file()
    for name in experiments.matching(kept["steps"], experiments.STEPS):
        table = kept["steps"]["tables"][name]
        table["columns"].insert(1, "step 0")
        for row in table["rows"]:
            row.insert(1, 1.0)
    (tmp_path / "KEPT").write_text(json.dumps(kept))
    (tmp_path / "IMAGES" / "pattern_steps_gamma0.5.png").unlink()
    experiments.main()
    again = json.loads((tmp_path / "KEPT").read_text())
    assert again["steps"] == kept["steps"] != again["pattern"]
    assert not (tmp_path / "IMAGES" / "pattern_steps_gamma0.5.png").exists()


def test_pictures_along_training_are_drawn_again_from_the_kept_tables(tmp_path, monkeypatch):
    from benchmarks import experiments

    name, columns = "pattern/steps_gamma0.1", ["t", "step 250", "step 1,000", "Wiener"]
    table = {"columns": columns, "rows": [[900, 1.0, 1.1, 1.2], [800, 2.0, "3 [2, 4]", 5.0]]}
    chart = experiments.along(name, table)
    assert "gamma = 0.1" in chart.title
    assert "appears" not in chart.title
    assert list(chart.series) == ["t = 800", "t = 800, Wiener"]
    assert chart.series["t = 800"].mean == (2.0, 3.0)
    assert tuple(chart.x) == (250, 1000)
    (tmp_path / "KEPT").write_text(json.dumps({"steps": {"tables": {name: table}}}))
    for place in ("IMAGES", "KEPT", "PAGE"):
        monkeypatch.setattr(experiments, place, tmp_path / place)
    (tmp_path / "IMAGES").mkdir()
    monkeypatch.setattr("sys.argv", ["experiments", "--redraw"])
    experiments.main()
    assert (tmp_path / "IMAGES" / "pattern_steps_gamma0.1.png").is_file()
    assert not (tmp_path / "PAGE").exists()


def test_networks_that_ship_are_trainings(tmp_path, monkeypatch):
    from benchmarks import experiments

    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    monkeypatch.setattr(experiments, "IMAGES", tmp_path)
    cfg = compose_networks(tmp_path, "sweep")
    cfg.networks = {name: str(one.path) for name, one in found_networks.networks(cfg).items()}
    shipped = experiments.trainings((tmp_path, cfg, {}), [])  # as the config of the evaluation's run tells
    assert len(shipped) == len(cfg.networks)
    assert all("python train.py experiment=" in experiments.training(one)[-1] for one in shipped)


def test_a_command_is_told_without_the_places_of_a_machine():
    from locality.report.provenance import told

    command = "python evaluate.py runs=/a/b/runs cache=/a logger=none compare=pattern"
    command += " 'networks=[/a/b/runs/x,/a/b/runs/y]'"
    assert told(command) == "python evaluate.py compare=pattern 'networks=[runs/x,runs/y]'"
    assert told("python train.py resume=/a/b/runs/x") == "python train.py resume=runs/x"


def test_architectures_are_compared_with_wiener_early_and_late(sweep):
    root, runs = sweep
    networks = f"networks={{a: {runs[0.5, 0]}, b: {runs[0.5, 1]}}}"
    settings = ["compare.count=3", "compare.sigmas=[2,0.5]", "compare.shares=[0.25,0.5]"]
    folder, numbers = run(root, "evaluate", "compare=architectures", networks, *settings)
    assert set(numbers) == {  # step 1 is a quarter of 4 steps; no snapshot stands for a half
        f"architectures/{kind}/{name}/at{part}"
        for kind in ("cosine", "energy", "inside")
        for name in "ab"
        for part in ("025", "100")
    }
    assert all(0 <= value <= 1 for value in numbers.values())
    table = json.loads((folder / "metrics.json").read_text())["tables"]["architectures/cosine"]
    assert all(
        re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\]", cell) for row in table["rows"] for cell in row[2:-1]
    )
    for picture in ("fields", "cosine_below_1", "energy", "inside"):
        assert (folder / "images" / "architectures" / f"{picture}.png").stat().st_size > 10_000
    with pytest.raises(UsageError, match="the same images"):
        run(root, "evaluate", "compare=architectures", f"networks=[{runs[0.5, 0]},{runs[0.0, 0]}]")


def test_another_network_is_a_row_before_the_analytical_ones(sweep):
    root, runs = sweep
    shared = [f"checkpoint={runs[0.5, 0]}", f"networks={{NN2: {runs[0.5, 1]}}}", "compare.count=3"]
    folder, numbers = run(root, "evaluate", "compare=quick", "compare.pictures=2", *shared)
    rows = json.loads((folder / "metrics.json").read_text())["tables"]["compare/summary"]["rows"]
    assert [row[0] for row in rows] == ["network", "NN2", "wiener", "optimal", "nearest"]
    assert "compare/sample_r2/nn2" in numbers
    with pytest.raises(UsageError, match="want another name"):
        run(root, "evaluate", "compare=quick", *shared[:1], f"networks={{wiener: {runs[0.5, 1]}}}")


def test_seeds_together_have_the_widest_interval_and_their_spread():
    one, two = (
        Contrast(*(torch.tensor([value]) for value in values))
        for values in ((2.0, 1.5, 2.5), (3.0, 2.8, 3.1))
    )
    both = pooled([one, two])
    assert (both.mean, both.low, both.high) == (2.5, 1.5, 3.1)
    assert both.spread.item() == pytest.approx(0.5**0.5)
    assert pooled([one]).spread is None


def flags(text: str) -> torch.Tensor:
    return torch.tensor([letter == "1" for letter in text])


@pytest.mark.parametrize(
    ("above", "expected", "own", "wiener", "said"),
    [
        ("0011", "0011", "0011", (1, 1, 1, 1), [
            "above the control at 2 of 2 noise levels where SNR_W says so, and at 0 of 2 others",
        ]),
        ("0001", "0011", "0001", (1, 1, 2, 2), [
            "at 1 of 2 noise", "at 1 of 1, and at 0 of 3 others, if SNR_W counts the pattern alone",
            "not above the control at t = 300,",
        ]),
        ("1111", "0011", "0011", (1.04, 1.2, 2, 2), [
            "at 2 of 2 noise levels where SNR_W says so, and at 2 of 2 others",
            "above the control already at t = 900, 600,", "so is Wiener's own at t = 600",
        ]),
    ],
)  # fmt: skip
def test_the_verdict_says_where_the_claim_holds_and_where_not(above, expected, own, wiener, said):
    ratio = Contrast(*torch.ones(3, 4))
    levels = torch.tensor(wiener, dtype=torch.float64)
    claim = Claim([900, 600, 300, 100], ratio, flags(above), flags(expected), flags(own), levels, 2)
    verdict = claim.verdict()
    assert all(part in verdict for part in said)
    assert verdict.count(";") == len(said) - 1  # and nothing else
    assert "one seed" in dataclasses.replace(claim, seeds=1).verdict()


@pytest.mark.parametrize(("seeds", "above"), [(1, "00001"), (2, "10011")])
def test_one_seed_has_to_rise_by_more_than_seeds_differ_by(monkeypatch, seeds, above):
    """Two networks differ without a pattern, too, and no interval over images has that."""
    ratios, wiener = torch.tensor([1.06, 0.93, 0.97, 1.15, 1.25]), torch.tensor([1.01, 1.04, 1.3, 1.3, 1.3])
    one, many = torch.ones(5), {f"seed{k}": None for k in range(seeds)}
    monkeypatch.setattr(claims, "_ratio", lambda *_: Contrast(ratios, ratios - 0.01, ratios + 0.01))
    fields = dict.fromkeys(many) | {"wiener": SimpleNamespace(sigmas=[60.8, 25.7, 12, 6.17, 3.44])}
    found = [
        Strength(
            gamma, many, None, one, fields, {"wiener": Contrast(*[level] * 3)}, Contrast(*[mean] * 3), None
        )
        for gamma, level, mean in ((0.0, one, one), (0.1, wiener, ratios))
    ]
    claim = claim_of(found[1], found[0], 3.0, 0.1)
    assert claim.above.tolist() == flags(above).tolist()
    assert ("ratios below 1.2 do not count" in claim.verdict()) == (seeds == 1)


def test_above_the_control_is_above_its_interval_on_the_same_images(sweep):
    root, runs = sweep
    chosen = {
        gamma: found_networks.networks(compose_networks(root, [str(runs[gamma, 0])])) for gamma in (0.0, 0.5)
    }
    data = {gamma: next(iter(one.values())).data() for gamma, one in chosen.items()}
    mask, sigmas = data[0.5].pattern.mask(8, 8), [2, 0.5]

    def strength(gamma, denoiser):
        stats = GaussianStats.from_bank(data[gamma].bank("train"))
        wiener = Wiener(stats)
        clean = data[gamma].bank("test").images[:6]
        fields = {
            name: measure(one, clean, sigmas, [(1, 1)], keep_images=True)
            for name, one in (("seed0", denoiser), ("wiener", wiener))
        }
        contrasts = {name: contrast_of(field, mask, 2.0) for name, field in fields.items()}
        snr = pattern_snr(stats.covariance, mask, sigmas)
        networks = {"seed0": next(iter(chosen[gamma].values()))}
        return Strength(gamma, networks, data[gamma], snr, fields, contrasts, contrasts["seed0"], wiener)

    stats = {gamma: GaussianStats.from_bank(data[gamma].bank("train")) for gamma in (0.0, 0.5)}
    control = strength(0.0, Wiener(stats[0.0]))
    # A network that is Wiener has Wiener's contrast; against itself, no contrast is above.
    claim = claim_of(strength(0.5, Wiener(stats[0.5])), control, 2.0, 0.1)
    torch.testing.assert_close(claim.ratio.mean, claim.wiener)
    assert claim.above.tolist() == (claim.wiener > 1).tolist()
    assert claim.above.any()
    assert not claim_of(control, control, 2.0, 0.1).above.any()
    assert (claim.own <= claim.expected).all()
