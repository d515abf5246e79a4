"""What a file names is held against a list: nothing of a stranger's runs."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import CONFIGS
from omegaconf import OmegaConf
from planted_files import DATA, MODEL, PLACES, PLANTED, at_work, exported, foreign, run_folder, shell
from tiny_runs import TINY, config

import locality
from locality import app, build
from locality.checkpoints.resolving import source
from locality.checkpoints.shelf import Shelf
from locality.config import UsageError
from locality.runs.resuming import resumed
from locality.trust import Untrusted, check_recipe


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return build.module(MODEL, (1, 8, 8)).state_dict()


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    where = tmp_path_factory.mktemp("composed")
    return {
        "evaluate": config(where, "compare=quick", "logger=none", "trainer.accelerator=cpu", task="evaluate"),
        "train": config(where, *TINY),
    }


def refused(path: Path, composed: dict[str, Any], witness: Path) -> None:
    """Through `load`, `checkpoint=` and `networks=`: one line that says how to trust it, and nothing ran."""

    def asked(**settings: Any) -> None:
        cfg = copy.deepcopy(composed["evaluate"])
        for name, value in settings.items():
            cfg[name] = value
        app.run(cfg)

    for way in (
        lambda: locality.load(path),
        lambda: asked(checkpoint=str(path)),
        lambda: asked(checkpoint=None, networks={"NN2": str(path)}),
    ):
        with pytest.raises(Untrusted) as caught:
            way()
        assert "\n" not in str(caught.value)
        assert str(path.name) in str(caught.value)
        assert "trust=true" in str(caught.value)
    assert not witness.exists()


@pytest.mark.counted
@pytest.mark.parametrize("node", PLANTED, ids=lambda node: node["_target_"])
def test_nothing_that_a_file_plants_is_run(node, tmp_path, state, composed):
    """A planted target in a checkpoint, a run folder, an export or a folder of diffusers is not run."""
    witness = tmp_path / "witness"
    node = at_work(node, witness)
    for place, plant in PLACES.items():
        model, data = plant(node)
        run = run_folder(tmp_path / f"run-{place}", model, data, state)
        with pytest.raises(Untrusted, match=r"trust=true"):
            locality.load(run)
        cfg = copy.deepcopy(composed["train"])
        cfg.resume = str(run)
        status = run / "status.json"
        status.write_text(status.read_text().replace("finished", "failed"))
        if place not in ("fit", "module"):  # with these a run is no training of a network: not resumed at all
            with pytest.raises(Untrusted, match=r"trust=true") as caught:
                resumed(cfg, [f"resume={run}"])
            assert "\n" not in str(caught.value)
    model, data = PLACES["schedule"](node)
    refused(run_folder(tmp_path / "run", model, data, state), composed, witness)
    refused(tmp_path / "run" / "checkpoints" / "last.ckpt", composed, witness)
    refused(exported(tmp_path / "exported", model, data, state), composed, witness)
    refused(foreign(tmp_path / "foreign", "config.json", node), composed, witness)
    refused(foreign(tmp_path / "scheduler", "scheduler/scheduler_config.json", node), composed, witness)
    assert not witness.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"trainer": {"_target_": "lightning.Trainer", "callbacks": [shell("os.system", "id")]}},
        {"trainer": {"_target_": "lightning.Trainer", "plugins": [shell("os.system", "id")]}},
        {"trainer": {"_target_": "lightning.Trainer", "profiler": "simple"}},
        {"trainer": {"_target_": "lightning.Trainer", "default_root_dir": "/tmp/x"}},
        {"trainer": {"_target_": "lightning.Trainer", "strategy": shell("os.system", "id")}},
        {"trainer": {"_target_": "lightning.Trainer.from_argparse_args"}},
        {"logger": {"_target_": "wandb.init"}},
        {"logger": {"_target_": "locality.report.loggers", "folder": "/tmp/x"}},
        {"samples": {"count": shell("os.system", "id")}},
        {"snapshots": [shell("os.system", "id")]},
        {"denoiser": shell("os.system", "id")},
        {"compare": shell("os.system", "id")},
        {"pretrained": "${oc.env:HOME}"},
    ],
    ids=str,
)
def test_a_run_to_resume_brings_no_builders_of_its_own(change, tmp_path, state, composed):
    run = run_folder(tmp_path / "run", MODEL, DATA, state)
    whole = {**OmegaConf.to_container(OmegaConf.load(run / "config.yaml")), **change}
    (run / "config.yaml").write_text(OmegaConf.to_yaml(whole))
    (run / "status.json").unlink()
    cfg = copy.deepcopy(composed["train"])
    cfg.resume = str(run)
    with pytest.raises(Untrusted, match=next(iter(change))):
        resumed(cfg, [f"resume={run}"])


@pytest.mark.parametrize(
    ("place", "change"),
    [
        ("root", {**DATA, "root": "/nowhere"}),
        ("root", {**DATA, "root": "data/../../elsewhere"}),
        (
            "cache",
            {**DATA, "source": {"_target_": "locality.data.afhq", "_partial_": True, "cache": "/tmp/x"}},
        ),
        (
            "root",
            {**DATA, "source": {"_target_": "locality.data.mnist", "_partial_": True, "root": "/nowhere"}},
        ),
        ("split", {**DATA, "source": {"_target_": "locality.data.digits", "split": "train", "seed": 0}}),
        (
            "pattern",
            {**DATA, "pattern": {"_target_": "locality.data.PatternInjection", "pattern": "/etc/x.png"}},
        ),
        ("_recursive_", {**DATA, "_recursive_": False}),
        ("_args_", {**DATA, "_args_": [1]}),
        ("_partial_", {**DATA, "_partial_": True}),
        ("seed", {**DATA, "seed": "${oc.env:HOME}"}),
        ("seed", {**DATA, "seed": "${oc.decode:1}"}),
        ("batch_size", {**DATA, "batch_size": "???"}),
        ("callbacks", {**DATA, "callbacks": [1]}),
        ("source", {**DATA, "source": "locality.data.digits"}),
        ("source", {**DATA, "source": {"_target_": "locality.networks.mlp", "_partial_": True}}),
        ("source", {**DATA, "source": {"_target_": ["locality.data.digits"]}}),
    ],
    ids=str,
)
def test_arguments_that_reach_elsewhere_are_refused_by_name(place, change, tmp_path, state, composed):
    witness = tmp_path / "witness"
    refused(run_folder(tmp_path / "run", MODEL, change, state), composed, witness)
    with pytest.raises(Untrusted, match=place):
        locality.load(exported(tmp_path / "exported", MODEL, change, state))


@pytest.mark.parametrize(
    "model",
    [
        {**MODEL, "network": {"_target_": "locality.networks.hub", "_partial_": True, "pretrained": "a/b"}},
        {**MODEL, "prediction": {"_target_": "locality.networks.hub_prediction", "pretrained": "hub:a/b"}},
        {**MODEL, "image_shape": [3, 4, 4]},
        {"_target_": "locality.modules.AnalyticModule",
         "denoiser": {"_target_": "locality.denoisers.Wiener.fit", "cache": "/tmp/x"}},
        {"_target_": "locality.modules.AnalyticModule",
         "denoiser": {"_target_": "locality.denoisers.PatchComposite.fit", "heat": shell("os.system")}},
        {"_target_": "locality.modules.AnalyticModule",
         "denoiser": {"_target_": "locality.denoisers.Stacked.fit", "members": {"a": shell("os.system")}}},
        {"_target_": "locality.modules.AnalyticModule",
         "denoiser": {"_target_": "locality.denoisers.Stacked.fit", "members": shell("os.system")}},
    ],
    ids=lambda model: str(model)[-70:],
)  # fmt: skip
def test_builders_on_the_list_get_no_more_than_the_list_says(model, tmp_path, state, monkeypatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("was fetched"))
    with pytest.raises(Untrusted):
        locality.load(run_folder(tmp_path / "run", model, DATA, state))


def test_a_recipe_that_contains_itself_and_one_of_other_types_are_refused(tmp_path, state):
    round_: dict[str, Any] = {**MODEL}
    round_["betas"] = [round_["network"]]
    round_["network"] = {**MODEL["network"], "width": [round_]}
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    for value in (torch.zeros(1), deep, {"a": torch.float32}):
        recipe = {"model": {**MODEL, "betas": value}, "data": DATA, "image_shape": [1, 8, 8]}
        torch.save({"hyper_parameters": recipe, "state_dict": state}, tmp_path / "x.ckpt")
        with pytest.raises(Untrusted, match="betas"):
            locality.load(tmp_path / "x.ckpt")
    with pytest.raises(Untrusted):
        check_recipe("x", {"model": round_, "data": DATA})


@pytest.mark.parametrize(
    "name", ["os.system", "subprocess.Popen", "mine.Own", "locality.denoisers.base.Denoiser"]
)
def test_the_class_of_a_fitted_denoiser_is_not_imported_from_anywhere(name, tmp_path, state):
    model = {
        "_target_": "locality.modules.AnalyticModule",
        "denoiser": shell("locality.denoisers.Wiener.fit"),
    }
    run = run_folder(tmp_path / "run", model, DATA, {}, denoiser={"class": name})
    with pytest.raises(Untrusted, match=name):
        locality.load(run)


def test_tags_of_yaml_build_nothing(tmp_path, state, composed):
    witness = tmp_path / "witness"
    run = run_folder(tmp_path / "run", MODEL, DATA, state)
    sent = exported(tmp_path / "exported", MODEL, DATA, state)
    for folder in (run, sent):
        text = (folder / "config.yaml").read_text()
        tag = f"planted: !!python/object/apply:os.system ['touch {witness}']\n"
        (folder / "config.yaml").write_text(text + tag)
        with pytest.raises(UsageError, match=r"config\.yaml: want a config in YAML"):
            locality.load(folder)
    assert not witness.exists()


def test_untrusted_neighbours_are_skipped_by_name(tmp_path, state, composed, monkeypatch, capsys):
    root = tmp_path / "runs"
    evil = {**MODEL, "schedule": shell("os.system", "id")}
    good = run_folder(root / "a-good", MODEL, DATA, state)
    run_folder(root / "b-evil", evil, DATA, state)
    cfg = copy.deepcopy(composed["evaluate"])
    cfg.runs, cfg["networks"] = str(root), None
    found = source(app.check(cfg), {}, Shelf())
    said = capsys.readouterr().out
    assert found == good
    assert "left out" in said
    assert "b-evil" in said
    assert "os.system" in said


def test_trust_builds_what_a_file_names(tmp_path, state, monkeypatch):
    (tmp_path / "mine_own.py").write_text("from locality.networks import mlp as net\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    model = {**MODEL, "network": {**MODEL["network"], "_target_": "mine_own.net"}}
    for path in (
        run_folder(tmp_path / "run", model, DATA, state),
        exported(tmp_path / "exported", model, DATA, state),
    ):
        with pytest.raises(Untrusted, match=r"mine_own\.net"):
            locality.load(path)
        assert locality.load(path, trust=True).image_shape == (1, 8, 8)


def test_trust_is_the_commands_and_not_the_files(tmp_path, state, composed):
    run = run_folder(tmp_path / "run", {**MODEL, "schedule": shell("os.system", "id")}, DATA, state)
    whole = OmegaConf.load(run / "config.yaml")
    whole.trust, whole.cache, whole.runs = True, "/tmp/x", "/tmp/y"
    OmegaConf.save(whole, run / "config.yaml")
    (run / "status.json").unlink()
    cfg = copy.deepcopy(composed["train"])
    cfg.resume = str(run)
    with pytest.raises(Untrusted):
        resumed(cfg, [f"resume={run}"])
    cfg.trust = True
    merged = resumed(cfg, [f"resume={run}", "trust=true"])
    assert (merged.trust, merged.cache, merged.runs) == (True, cfg.cache, cfg.runs)


@pytest.mark.parametrize("way", ["resume", "checkpoint", "networks", "export"])
def test_a_command_ends_in_one_line_and_code_2_and_leaves_nothing(way, tmp_path, state):
    evil = {**MODEL, "schedule": shell("os.system", f"touch {tmp_path / 'witness'}")}
    run = run_folder(tmp_path / "runs" / "evil", evil, DATA, state)
    (run / "status.json").unlink()
    command = {
        "resume": [str(CONFIGS.parent / "train.py"), f"resume={run}"],
        "checkpoint": [str(CONFIGS.parent / "evaluate.py"), f"checkpoint={run}", "logger=none"],
        "networks": [
            str(CONFIGS.parent / "evaluate.py"),
            "checkpoint=null",
            f"networks=[{run}]",
            "logger=none",
        ],
        "export": ["-m", "locality.export", str(run), str(tmp_path / "out")],
    }[way]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "os.system" in done.stderr
    assert "trust" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["evil"]
