"""What lies broken beside a run is named, left out and left alone; the run goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import NETWORK, TINY, config, latest

from locality import GaussianStats, app
from locality.calibration import load as load_calibration
from locality.checkpoints.exported import write_exported
from locality.checkpoints.networks import newest_models, newest_sweep
from locality.checkpoints.reading import read
from locality.checkpoints.resolving import source
from locality.checkpoints.shelf import Shelf
from locality.config import UsageError, check
from locality.runs import files, finding
from locality.runs.checkpoint_file import read_checkpoint, write_checkpoint
from locality.runs.finding import newest_networks, runs_in, training_run
from locality.runs.folder import create_run_folder
from locality.runs.resuming import check_unfinished

pytestmark = pytest.mark.usefixtures("no_pictures")

QUICK = ["compare=quick", "compare.count=8", "trainer.accelerator=cpu", "logger=none"]
GOOD_STATUS = {"task": "train", "state": "finished", "network": True, "time": "2026-01-01"}


def write(content: bytes) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        path.write_bytes(content)

    return act


def folder_in_place(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("nowhere")


def looping(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


BROKEN = {
    "empty": write(b""),
    "half-written": write(b'{"task": "train", "sta'),
    "not UTF-8": write(b'{"task": "\xff\xfe"}'),
    "NUL bytes": write(b"\0" * 200),
    "a list": write(b"[1, 2]"),
    "a word": write(b"finished"),
    "a number": write(b"3"),
    "null": write(b"null"),
    "no keys": write(b"{}"),
    "other keys": write(b'{"colour": "red"}'),
    "nested without end": write(b"[" * 100_000),
    "a folder": folder_in_place,
    "a dangling link": dangling,
    "a link to itself": looping,
}
each_break = pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)


@pytest.fixture(autouse=True)
def _nothing_told_yet() -> None:
    finding._told.cache_clear()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one trained network in runs/."""
    folder = tmp_path_factory.mktemp("neighbours")
    app.run(config(folder, *TINY, *NETWORK, "trainer.max_epochs=1"))
    return folder


def neighbour(root: Path, name: str) -> Path:
    """A finished training, newer than any real one, as far as its files say."""
    folder = root / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "last.ckpt").write_bytes(b"half")
    (folder / "config.yaml").write_text("data: {source: x, gamma: 0.0, pattern: null}\n")
    (folder / "status.json").write_text(json.dumps(GOOD_STATUS | {"time": "2999-01-01"}))
    return folder


@each_break
@pytest.mark.parametrize("name", ["status.json", "config.yaml"])
def test_auto_leaves_out_a_broken_neighbour_and_names_it_once(name, broken, place, tmp_path, capsys):
    root = tmp_path / "runs"
    shutil.copytree(place / "runs", root, symlinks=True)
    bad = neighbour(root, "20990101-000000-x") / name
    broken(bad)
    wanted = config(tmp_path, *TINY).data
    for _ in range(2):
        assert newest_networks(root, wanted, None)[0].name == latest(place).name
    told = [line for line in capsys.readouterr().out.splitlines() if str(bad) in line]
    assert len(told) == 1
    assert told[0].endswith("left out")
    assert bad.parent.is_dir()


@pytest.mark.parametrize("status", [{"state": 3}, {"task": None}, {"network": "yes"}, {"time": 5}])
def test_a_status_with_values_of_another_kind_is_left_out(status, tmp_path, capsys):
    folder = neighbour(tmp_path, "a")
    (folder / "status.json").write_text(json.dumps(GOOD_STATUS | status))
    assert runs_in(tmp_path) == []
    assert str(folder / "status.json") in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["task", "state", "network"])
def test_a_status_without_one_of_its_keys_is_left_out(missing, tmp_path, capsys):
    folder = neighbour(tmp_path, "a")
    status = {key: value for key, value in GOOD_STATUS.items() if key != missing}
    (folder / "status.json").write_text(json.dumps(status))
    assert runs_in(tmp_path) == []
    assert f"no '{missing}'" in capsys.readouterr().out


def test_a_whole_evaluation_goes_on_beside_broken_neighbours_and_latest_that_is_a_folder(
    place, tmp_path, capsys
):
    root = tmp_path / "runs"
    shutil.copytree(place / "runs", root)  # follows the link: `latest` is a folder now, as in copied runs
    assert not (root / "latest").is_symlink()
    for k, name in enumerate(("status.json", "config.yaml", "model_index.json")):
        (neighbour(root, f"2099010{k}") / name).write_bytes(b"")
    numbers = app.run(config(tmp_path, *QUICK, task="evaluate"))
    assert "compare/heldout_mse/network" in numbers
    out = capsys.readouterr().out
    for k, name in enumerate(("status.json", "config.yaml", "model_index.json")):
        assert (
            len([line for line in out.splitlines() if f"2099010{k}" in line and "left out" in line]) == 1
        ), name
    assert "latest is no link, so it is not renewed" in out
    assert not (root / "latest").is_symlink()
    assert (root / "latest" / "checkpoints" / "last.ckpt").is_file()


def test_a_mistaken_evaluation_leaves_a_latest_that_is_a_folder(place, tmp_path):
    root = tmp_path / "runs"
    shutil.copytree(place / "runs", root)
    before = sorted(path.name for path in root.iterdir())
    with pytest.raises(UsageError, match="bank_counts"):
        app.run(config(tmp_path, *QUICK, "+compare.bank_counts.optimol=5", task="evaluate"))
    assert sorted(path.name for path in root.iterdir()) == before


@pytest.mark.parametrize("kind", ["a folder with files", "an empty folder", "a file"])
def test_latest_that_is_no_link_stays_as_it_is(kind, tmp_path, capsys):
    link = tmp_path / "latest"
    if kind == "a file":
        link.write_text("mine")
    else:
        link.mkdir()
        if "with" in kind:
            (link / "kept").write_text("mine")
    assert create_run_folder(tmp_path, "next").is_dir()
    (line,) = capsys.readouterr().out.splitlines()
    assert "latest is no link" in line
    assert not link.is_symlink()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@each_break
def test_a_broken_recipe_among_the_shipped_networks_is_left_out(broken, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "shipped")
    folder = tmp_path / "shipped" / "net"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"x")
    broken(folder / "config.yaml")
    wanted = config(tmp_path, *TINY).data
    assert newest_networks(tmp_path / "runs", wanted, None) == []
    out = capsys.readouterr().out
    # A folder or a dangling link in its place: no exported network at all.
    assert ("left out" in out) == (folder / "config.yaml").is_file()


def test_auto_passes_over_a_shipped_network_with_damaged_weights(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "SHIPPED", tmp_path / "shipped")
    content = read(latest(place))
    for name in ("a", "b"):
        write_exported(
            tmp_path / "shipped" / name, content["hyper_parameters"], content["state_dict"], torch.float16
        )
    weights = tmp_path / "shipped" / "a" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert source(check(config(tmp_path, *QUICK, task="evaluate")), {}, Shelf()) == tmp_path / "shipped" / "b"
    out = capsys.readouterr().out
    assert f"checkpoint=auto: {tmp_path / 'shipped' / 'b'}" in out
    assert f"note: {tmp_path / 'shipped' / 'a'}" in out
    assert "left out" in out


@each_break
@pytest.mark.parametrize("name", ["status.json", "config.yaml"])
def test_sweeps_and_models_are_found_beside_broken_neighbours(name, broken, place, tmp_path, capsys):
    trained = latest(place)
    root = tmp_path / "runs"
    for gamma, kind in ((0.0, "unet"), (0.5, "unet"), (0.0, "mlp")):
        folder = root / f"2026-{gamma}-{kind}"
        shutil.copytree(trained, folder)
        text = (folder / "config.yaml").read_text().replace("pattern: null", "pattern: {_target_: x}")
        text = text.replace("  gamma: 0.0", f"  gamma: {gamma}")
        (folder / "config.yaml").write_text(text.replace("networks.unet", f"networks.{kind}"))
    bad = neighbour(root, "20990101") / name
    broken(bad)
    assert [path.name for path in newest_sweep(root, False)] == ["2026-0.0-unet", "2026-0.5-unet"]
    assert set(newest_models(root, False, None)) == {"mlp", "unet_conv"}
    assert str(bad) in capsys.readouterr().out


@pytest.mark.parametrize("what", ["damaged", "a stranger's"])
def test_a_run_of_a_sweep_that_cannot_be_read_gives_way_to_an_older_one(what, place, tmp_path, capsys):
    root = tmp_path / "runs"
    for name, gamma in (("1", 0.0), ("2", 0.5), ("3", 0.0)):
        shutil.copytree(latest(place), root / name)
        text = (root / name / "config.yaml").read_text().replace("pattern: null", "pattern: {_target_: x}")
        (root / name / "config.yaml").write_text(text.replace("  gamma: 0.0", f"  gamma: {gamma}"))
    file = root / "3" / "checkpoints" / "last.ckpt"
    if what == "damaged":
        file.write_bytes(b"half")
    else:
        content = read_checkpoint(file)
        content["hyper_parameters"]["data"]["source"]["_target_"] = "os.listdir"
        write_checkpoint(content, file)
    assert [path.name for path in newest_sweep(root, False)] == ["1", "2"]
    assert str(root / "3") in capsys.readouterr().out
    trusted = [path.name for path in newest_sweep(root, False, Shelf(trust=True))]
    assert trusted == (["1", "2"] if what == "damaged" else ["3", "2"])


@each_break
def test_the_config_of_a_run_that_was_named_is_told_by_name(broken, tmp_path):
    folder = neighbour(tmp_path / "runs", "a")
    broken(folder / "config.yaml")
    with pytest.raises(UsageError, match=r"runs/a(/config\.yaml)?: "):
        check_unfinished(training_run(folder))


@each_break
def test_broken_statistics_are_measured_anew_with_one_warning(broken, bank, tmp_path):
    whole = GaussianStats.measured(bank, tmp_path)
    (file,) = tmp_path.iterdir()
    broken(file)
    if file.is_symlink():  # to nothing: not there
        GaussianStats.measured(bank, tmp_path)
    else:
        with pytest.warns(UserWarning, match="computing it anew|is not kept") as caught:
            again = GaussianStats.measured(bank, tmp_path)
        assert len(caught) == 1
        assert str(file) in str(caught[0].message)
        assert (again.covariance == whole.covariance).all()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@each_break
def test_a_broken_calibration_is_named(broken, tmp_path):
    path = tmp_path / "pca_locality.tau.json"
    broken(path)
    with pytest.raises(ValueError, match=r"pca_locality\.tau\.json: not a calibration"):
        load_calibration(path)
