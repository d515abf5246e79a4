"""What an evaluation is about: found once, written into no config but its own, each network built once."""

from __future__ import annotations

import copy
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from tiny_runs import NETWORK, TINY, config, latest

from locality import app, build
from locality.calibration import Calibration
from locality.checkpoints import reading
from locality.checkpoints.exported import write_exported
from locality.checkpoints.networks import newest_sweep
from locality.checkpoints.reading import calibrations
from locality.checkpoints.resolving import resolve
from locality.checkpoints.shelf import Shelf
from locality.config import check
from locality.runs import files
from locality.typed import of_candidates

pytestmark = pytest.mark.usefixtures("no_pictures")

QUICK = ["compare=quick", "compare.count=2", "trainer.accelerator=cpu", "logger=none"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two networks that differ in their seed."""
    folder = tmp_path_factory.mktemp("resolving")
    for seed in (0, 1):
        app.run(config(folder, *TINY, *NETWORK, f"seed={seed}", "trainer.max_epochs=1"))
    return folder


def asked(place: Path, *overrides: str) -> DictConfig:
    return check(config(place, *QUICK, *overrides, task="evaluate"))


@pytest.mark.parametrize("networks", ["twin", "null"])
def test_what_is_resolved_resolves_to_itself_and_what_was_given_stays(networks, place):
    cfg = asked(place, f"networks={networks}")
    before = copy.deepcopy(cfg)
    found = resolve(cfg, Shelf())
    assert cfg == before
    assert found != cfg
    assert found.checkpoint == str(latest(place))
    assert found.data == OmegaConf.create(dict(found.data))
    assert set(found.networks or {}) == ({"NN2"} if networks == "twin" else set())
    assert resolve(found, Shelf()) == found


def test_a_run_leaves_its_config_as_it_is(place, monkeypatch):
    cfg = config(place, *QUICK, "networks=twin", f"checkpoint={latest(place)}", task="evaluate")
    before = copy.deepcopy(cfg)
    monkeypatch.setattr(import_module("locality.compare.analytic_vs_nn"), "_draw", lambda *_: None)
    app.run(cfg)
    assert cfg == before
    kept = OmegaConf.load(latest(place) / "config.yaml")
    assert kept.data.source == OmegaConf.load(Path(kept.checkpoint) / "config.yaml").data.source


@pytest.mark.parametrize("how", ["auto", "twin", "listed", "named twice"])
def test_each_network_is_read_once_and_built_once(how, place, monkeypatch):
    folders = sorted(path for path in (place / "runs").iterdir() if (path / "checkpoints").is_dir())
    folders = [path for path in folders if not path.is_symlink()]
    first, second = folders
    wanted = {
        "auto": ["checkpoint=auto", "networks=null"],
        "twin": [f"checkpoint={first}", "networks=twin"],
        "listed": ["checkpoint=null", f"networks=[{first},{second}]"],
        "named twice": [f"checkpoint={first}", f"networks={{NN2: {second}, same: {first}}}"],
    }
    read, built = Counter[str](), Counter[str]()
    whole_read, whole_build = reading._read_file, build.module

    def counting_read(path):
        read[path.name] += 1
        return whole_read(path)

    def counting_build(node, shape):
        built[str(node["seed"])] += 1
        return whole_build(node, shape)

    monkeypatch.setattr(reading, "_read_file", counting_read)
    monkeypatch.setattr(build, "module", counting_build)
    monkeypatch.setattr(import_module("locality.compare.analytic_vs_nn"), "_draw", lambda *_: None)
    app.run(config(place, *QUICK, *wanted[how], task="evaluate"))
    assert set(read.values()) == {1}
    assert set(built.values()) == {1}
    assert len(built) == (1 if how == "auto" else 2)


def test_what_the_command_line_says_of_candidates_is_noted_in_a_copy(place):
    cfg = asked(place, "+compare.bank_counts={nearest: 8, optimal: 9}")
    said = [
        "++candidates.optimal.chunk_size=4",
        "candidates.a.members.b.tau=1",
        "~candidates.nearest",
        "seed=1",
    ]
    before = copy.deepcopy(cfg)
    found = of_candidates(cfg, said)
    assert cfg == before
    assert found.given == ["a.members", "a.members.b", "a.members.b.tau", "optimal.chunk_size"]
    assert found.compare.bank_counts == {"optimal": 9}
    assert of_candidates(found, said) == found


def test_a_setting_that_is_given_is_kept_without_any_command_line(place, capsys):
    trained = sorted((place / "runs").glob("*/checkpoints"))[0].parent
    bank = build.datamodule(config(place, *TINY).data).bank()
    found = Calibration(
        "tau", (10.0, 1.0), (0.5, 0.1), ((((1.0,), (2.0,)),) * 2), "network", bank.fingerprint, len(bank), 0
    )
    kept = calibrations(trained) / "pca_locality.tau.json"
    found.save(kept)
    row = ["+denoiser@candidates.pca_locality=pca_locality", f"checkpoint={trained}"]
    try:
        for given, told in ([], True), (["pca_locality.tau"], False):
            cfg = asked(place, *row)
            cfg.given = given
            cfg.compare.count = 1
            app.run(cfg)
            assert ("pca_locality: tau calibrated against" in capsys.readouterr().out) == told
    finally:
        kept.unlink()


def test_a_sweep_that_ships_is_known_by_its_configs_whatever_its_folders_are_called(
    place, tmp_path, monkeypatch
):
    monkeypatch.setattr(files, "SHIPPED", tmp_path)
    content = reading.read(sorted((place / "runs").glob("*/checkpoints"))[0].parent)
    recipe = content["hyper_parameters"]
    for name, gamma, step in (("late", 0.5, 10), ("early", 0.0, 10), ("other_gamma0.1", 0.1, 20)):
        data = {**recipe["data"], "gamma": gamma, "pattern": {"_target_": "mine"}}
        ours = {**recipe, "data": data, "seed": 0, "step": step}
        write_exported(tmp_path / name, ours, content["state_dict"], torch.float16)
    found = newest_sweep(tmp_path / "nothing", False, Shelf(trust=True))
    assert found == [tmp_path / "early", tmp_path / "late"]
