"""The networks that ship: small, documented, found, and as good as their cards say."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch
from conftest import PRETRAINED
from tiny_runs import config

import locality
from locality import build
from locality.bank import ImageBank, to_float
from locality.checkpoints import companions
from locality.checkpoints.exported import began_with
from locality.checkpoints.networks import two_seeds
from locality.checkpoints.reading import read
from locality.checkpoints.shelf import Shelf
from locality.config import UsageError
from locality.data import DataNotFound, ImageDataModule
from locality.denoisers import Wiener
from locality.heldout import SIGMAS, is_behind
from locality.noise import image_noise
from locality.runs import files, finding
from locality.statistics import GaussianStats
from locality.sums import check_sums

FOLDERS = sorted(path.parent for path in PRETRAINED.glob("*/config.yaml"))
PATTERN = [folder for folder in FOLDERS if "_gamma" in folder.name]  # show where locality comes from
NETWORKS = [folder for folder in FOLDERS if folder not in PATTERN]  # stand in comparisons


def named(folder: Path) -> str:
    return folder.name


@pytest.mark.parametrize("folder", FOLDERS, ids=named)
def test_a_network_that_ships_is_small_and_says_how_it_was_made(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*.safetensors")) < 5e6
    recipe, card = read(folder)["hyper_parameters"], (folder / "MODEL_CARD.md").read_text()
    for fact in (
        recipe["fingerprint"],
        f"{recipe['step']:,}",
        recipe["run"]["command"],
        recipe["run"]["commit"],
    ):
        assert fact in card
    assert "python train.py experiment=" in recipe["run"]["command"]
    before = recipe["run"].get("before", [])
    assert bool(before) is ("pretrained=" in recipe["run"]["command"])
    for stage in before:  # the trainings of the weights that it began with
        assert f"| Went on after {stage['step']:,} steps of | `{stage['command']}`" in card
    assert not before or f"{recipe['step'] + sum(stage['step'] for stage in before):,} in all" in card
    check_sums(folder)
    # No path of a machine: nothing but weights that went before, of a network that ships.
    began = [f"pretrained=pretrained/{one.name}" for one in PRETRAINED.iterdir()]
    assert "/" not in " ".join(word for word in recipe["run"]["command"].split() if word not in began)


@pytest.mark.parametrize("folder", NETWORKS, ids=named)
def test_what_comparisons_rest_on_beats_wiener_where_it_has_to(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    rows = metrics["tables"]["heldout"]["rows"]
    assert not [row[0] for row in rows if is_behind(row[0], *row[-2:])]
    assert metrics["scalars"]["heldout/trained"] == 1


# Statistics take seconds for each network, of CIFAR-10 more: one of every other data set is enough here.
QUICK = ("cats", "fashion_mnist", "photos16")
WEIGHED = [one if one.name in QUICK else pytest.param(one, marks=pytest.mark.slow) for one in FOLDERS]


@functools.lru_cache(maxsize=2)
def data_of(recipe: str) -> ImageDataModule:
    """The data of a recipe, in JSON: twins share theirs."""
    return build.datamodule(json.loads(recipe))


FILTERS: dict[str, Wiener] = {}  # by the fingerprint of the images


def filter_of(bank: ImageBank) -> Wiener:
    if bank.fingerprint not in FILTERS:
        FILTERS[bank.fingerprint] = Wiener(GaussianStats.from_bank(bank))
    return FILTERS[bank.fingerprint]


@pytest.mark.parametrize("folder", WEIGHED, ids=named)
def test_the_ratio_to_wiener_on_the_card_is_found_again(folder):
    numbers = json.loads((folder / "metrics.json").read_text())["scalars"]
    try:
        data = data_of(json.dumps(read(folder)["hyper_parameters"]["data"], sort_keys=True))
        bank = data.bank("train")
    except UsageError as error:
        if not isinstance(error.__cause__, DataNotFound):
            raise
        pytest.skip(str(error))
    assert bank.fingerprint == read(folder)["hyper_parameters"]["fingerprint"]
    clean = to_float(data.bank("test").images[: int(numbers["heldout/images"])])
    network, wiener = locality.load(folder), filter_of(bank)
    noise = image_noise(range(len(clean)), clean.shape[1:], 0, "heldout")
    sigma = SIGMAS[6]
    noisy = (clean + sigma * noise).split(64)
    with torch.no_grad():
        ours, theirs = (
            (torch.cat([one(part, sigma) for part in noisy]) - clean).square().mean()
            for one in (network, wiener)
        )
    assert (ours / theirs).item() == pytest.approx(numbers[f"heldout/ratio/sigma{sigma:g}"], rel=1e-3)


def test_networks_are_found_by_their_data(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    for data in ("photos", "fashion_mnist"):
        cfg = config(tmp_path, "compare=quick", f"data={data}", task="evaluate")
        assert finding.newest_networks(tmp_path, cfg.data, None)[0] in NETWORKS


def test_where_nothing_was_trained_or_asked_for_the_network_is_that_of_cifar(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    assert finding.newest_networks(tmp_path, None, None)[0] == PRETRAINED / "cifar"


@pytest.mark.parametrize("name", ["fashion_mnist", "photos16"])
def test_the_twin_of_a_network_that_ships_is_found(name, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    first = PRETRAINED / name
    cfg = config(tmp_path, "compare=quick", task="evaluate")
    assert companions.twin(cfg, first, Shelf()) == {"NN2": PRETRAINED / f"{name}_seed1"}


@pytest.mark.parametrize(("name", "twin"), [("cifar", "cifar_seed1"), ("cifar_longer", None)])
def test_a_network_that_went_on_from_another_is_no_twin_of_it(name, twin, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    cfg = config(tmp_path, "compare=quick", task="evaluate")
    found = companions.twin(cfg, PRETRAINED / name, Shelf())
    assert found == (twin and {"NN2": PRETRAINED / twin})


def test_what_a_network_began_with_is_told_apart_from_weights_of_its_own_seed(tmp_path):
    assert began_with(PRETRAINED / "cifar") == 0
    assert began_with(PRETRAINED / "cifar_longer") == 8000
    for origin, told in ((None, 0), ("runs/another", "runs/another"), (PRETRAINED / "cifar_longer", 16000)):
        (tmp_path / "config.yaml").write_text(f"pretrained: {origin or 'null'}\n")
        assert began_with(tmp_path) == told


def test_the_two_seeds_beside_halves_began_with_weights_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    found = two_seeds(tmp_path, False, PRETRAINED / "cifar_half0", Shelf())
    assert found == {"seed0": PRETRAINED / "cifar", "seed1": PRETRAINED / "cifar_seed1"}


def test_beside_a_network_of_cats_stand_those_of_other_models_and_one_of_other_images(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "SHIPPED", PRETRAINED)
    cfg = config(tmp_path, "compare=mirror", task="evaluate")
    found = companions.others(cfg, PRETRAINED / "cats", Shelf())
    assert {name: path.name for name, path in found.items()} == {
        "dit": "cats_dit", "mixer": "cats_mixer", "control": "cifar",
    }  # fmt: skip
