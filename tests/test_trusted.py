"""Everything that we ship or write ourselves is on the list of what a file may name."""

from __future__ import annotations

import inspect

import pytest
from conftest import CONFIGS, PRETRAINED
from hydra.utils import get_method, get_object
from omegaconf import OmegaConf
from planted_files import DATA, MODEL
from tiny_runs import NETWORK, TINY, config, finished, latest

import locality
from locality import app
from locality.checkpoints.reading import read
from locality.export import export
from locality.trust import check_config, check_recipe
from locality.trust.listed import FITTED, LISTED


@pytest.mark.parametrize("folder", sorted(PRETRAINED.iterdir()), ids=lambda path: path.name)
def test_what_ships_loads_without_trust(folder):
    assert locality.load(folder).image_shape is not None


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONFIGS / "denoiser").glob("*.yaml")))
def test_every_denoiser_that_was_fitted_loads_without_trust(name, tmp_path):
    few = ["data.subset=70"]
    app.run(config(tmp_path, *TINY, *few, "model=analytic", f"denoiser={name}"))
    assert locality.load(latest(tmp_path), tmp_path / "cache") is not None


@pytest.mark.parametrize("group", ["model", "data", "trainer", "logger", "denoiser", "pattern", "experiment"])
def test_every_config_of_ours_could_be_read_back(group, tmp_path):
    for path in (CONFIGS / group).glob("*.yaml"):
        key = {"pattern": "pattern@data.pattern"}.get(group, group)
        more = {"pattern": ["data=photos_pattern"], "model": [f"pretrained={tmp_path}"]}.get(group, [])
        evaluates = group == "experiment" and "evaluate.py" in path.read_text()
        cfg = config(tmp_path, *more, f"{key}={path.stem}", task="evaluate" if evaluates else "train")
        content = OmegaConf.to_container(cfg, resolve=True)
        if content["task"] == "train":
            check_config("config.yaml", content)


def test_a_run_its_export_and_diffusers_form_and_its_resumption_need_no_trust(tmp_path):
    asked = [*TINY, *NETWORK, "trainer.max_epochs=1", f"runs={tmp_path / 'runs'}"]
    app.run(config(tmp_path, *asked))
    run = latest(tmp_path)
    for path in (run, export(run, tmp_path / "ours", count=8), export(run, tmp_path / "theirs", "diffusers")):
        assert locality.load(path) is not None
    assert read(export(tmp_path / "ours", tmp_path / "again", count=8)) is not None
    status = run / "status.json"
    status.write_text(status.read_text().replace("finished", "failed"))
    finished("train.py", f"resume={run}", cwd=tmp_path)


def test_every_builder_on_the_list_exists_and_takes_the_arguments_listed():
    for builders in LISTED.values():
        for target, arguments in builders.items():
            taken = inspect.signature(get_method(target)).parameters
            assert arguments.keys() <= taken.keys(), target
            # Whatever can write or call what it is given stays off the list, or is held to places and null.
            for name in ("cache", "root", "heat", "pretrained", "folder", "stats", "callbacks", "plugins"):
                assert arguments.get(name) != "plain", f"{target} {name}"
    for name in FITTED:
        assert hasattr(get_object(name), "from_state")


LEFT_OUT = {  # by kind: what the caller gives when it builds, and what must not come from a file
    "module": {"image_shape"},
    "network": {"image_shape"},
    "fit": {"bank", "cache", "stats"},
    "source": {"root", "split", "seed"},
    "shape": {"size"},
}
OF_OTHERS = ("trainer", "strategy")  # Lightning's builders, which take more than we give


def test_every_setting_of_a_builder_of_ours_is_listed():
    for kind in LISTED.keys() - set(OF_OTHERS):
        for target, arguments in LISTED[kind].items():
            taken = inspect.signature(get_method(target)).parameters.keys()
            assert taken - arguments.keys() <= LEFT_OUT.get(kind, set()), target


def test_places_of_ones_own_are_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCALITY_DATA", str(tmp_path / "sets"))
    source = {"_target_": "locality.data.afhq", "_partial_": True, "size": 8, "cache": "~/.cache/locality"}
    pattern = {"_target_": "locality.data.PatternInjection", "pattern": "shapes/mine.png"}
    for root in ("data", "data/sub", str(tmp_path), str(tmp_path / "sets" / "x"), None):
        check_recipe(
            "x", {"model": MODEL, "data": {**DATA, "root": root, "source": source, "pattern": pattern}}
        )


def test_the_page_names_what_the_list_allows():
    page = (CONFIGS.parent / "docs" / "trust.md").read_text()
    for word in ("trust=true", "trust=True", "--trust", "locality/trust/listed.py", "$LOCALITY_DATA"):
        assert word in page
    assert "docs/trust.md" in (CONFIGS.parent / "README.md").read_text()
