"""`pattern=letter_w` and `pattern=my.png`: a pattern for any data, without a twin file."""

from __future__ import annotations

import shlex
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CONFIGS, PRETRAINED
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from locality import build, cli
from locality.choices import Choices
from locality.config import UsageError, check
from locality.typed import check_strength, with_pattern

TWINS = sorted(file.stem for file in (CONFIGS / "data").glob("*_pattern.yaml"))
ANY = sorted(file.stem for file in (CONFIGS / "data").glob("*.yaml") if file.stem not in TWINS)


def composed(*settings: str, task: str = "train") -> DictConfig:
    """What a command line stands for."""
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(task, with_pattern(task, Choices(CONFIGS), settings))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A white bar on black, in a file whose name needs quotes."""
    levels = np.zeros((8, 8), np.uint8)
    levels[3, 1:7] = 255
    path = tmp_path / "my bar's.png"
    Image.fromarray(levels).save(path)
    return path


@pytest.mark.parametrize("twin", TWINS)
def test_a_twin_is_a_name_for_its_data_with_the_letter(twin):
    base = OmegaConf.load(CONFIGS / "data" / f"{twin}.yaml").defaults[0]
    assert composed(f"data={base}", "pattern=letter_w", "gamma=.5") == composed(f"data={twin}", "gamma=.5")
    assert composed(f"data={twin}", "pattern=letter_w", "gamma=.5") == composed(f"data={twin}", "gamma=.5")


@pytest.mark.parametrize("data", ANY)
def test_any_data_can_have_any_pattern(data, picture):
    for name in ("letter_w", "cross", str(picture)):
        cfg = check(composed(f"data={data}", f"pattern={name}", "gamma=0.5"))
        pattern = build.made(cfg.data.pattern, where="pattern")
        assert pattern.mask(16, 16).any()
    bare = composed(f"data={data}", "gamma=0.5").data
    assert {**cfg.data, "pattern": None} == dict(bare)


def test_the_images_are_those_of_the_networks_that_ship():
    shipped = OmegaConf.load(PRETRAINED / "photos16_gamma0.5" / "config.yaml")
    for settings in (("data=photos_pattern",), ("data=photos", "pattern=letter_w")):
        data = composed(*settings, "experiment=pattern_cpu", "gamma=0.5").data
        assert build.datamodule(data).bank("train").fingerprint == shipped.fingerprint


def test_a_picture_is_the_pattern_wherever_the_evaluation_runs(picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small = ["data=digits", "data.subset=20"]
    cfg = composed(*small, f"pattern={picture.name}", "gamma=0.5")
    monkeypatch.chdir("/")
    edited, plain = (build.datamodule(one.data).bank("test").images for one in (cfg, composed(*small)))
    moved = (edited - plain.float() / 127.5 + 1).abs().amax((0, 1)) > 1e-3
    assert moved.nonzero().tolist() == [[3, col] for col in range(1, 7)]


def test_an_experiment_that_has_a_pattern_gets_another(picture):
    cfg = composed("experiment=pattern_cpu", "pattern=cross", "gamma=0.5")
    assert cfg.data.pattern.pattern._target_ == "locality.data.cross"
    cfg = composed("experiment=pattern_cpu", f"pattern={picture}")
    assert cfg.data.pattern.pattern == str(picture)


def test_a_sweep_goes_over_patterns(picture):
    assert with_pattern("train", Choices(CONFIGS), ["-m", "pattern=cross,letter_w"])[-1] == (
        "+pattern@data.pattern=cross,letter_w"
    )
    added = with_pattern("train", Choices(CONFIGS), ["-m", f"pattern={picture},{picture}"])[-1]
    assert added.count("my bar") == 2


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        (
            "train",
            "data=digits pattern=my.pgn gamma=.5",
            "neither a pattern (cross, letter_w, two_points) nor",
        ),
        ("train", "pattern=letter_v", "Did you mean 'letter_w'?"),
        ("train", "pattern=bar.pgn", "Did you mean 'bar.png'?"),
        ("train", "pattern=", "pattern=: neither a pattern"),
        ("train", "pattern=cross pattern=letter_w", "given 2 times"),
        ("train", "-m pattern=cross,bar.png", "want names or files, got both"),
        ("train", "-m data=photos,photos_pattern pattern=cross", "leave one kind out"),
        ("evaluate", "pattern=cross", "of which data? Give data="),
        ("train", "data=digits pattern=bar.png", "bar.png: how strong? Give gamma, such as gamma=0.5;"),
        ("train", "-m data=digits pattern=cross,letter_w seed=0,1", "pattern=cross: how strong?"),
        ("evaluate", "data=digits pattern=cross compare=information", "pattern=cross: how strong?"),
        ("train", "data=fashion_mnist gamma=.5", "gamma=0.5: the data have no pattern; add pattern=letter_w"),
        ("train", "data=digits pattern=text.png gamma=.5", "text.png"),
    ],
)
def test_a_mistake_in_a_pattern_is_one_line(task, arguments, message, picture, tmp_path, monkeypatch, capsys):
    picture.rename(tmp_path / "bar.png")
    (tmp_path / "text.png").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", [f"{task}.py", "logger=none", *shlex.split(arguments)])
    if arguments.startswith("-m"):
        sys.argv[1:3] = ["-m", "logger=none"]
    with pytest.raises(SystemExit) as stopped:
        cli.main(task, CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert message in line
    assert not (tmp_path / "runs").exists()


def test_arguments_without_a_pattern_stay_as_they_are():
    assert with_pattern("train", Choices(CONFIGS), ["-m", "data=photos,digits"]) == [
        "-m",
        "data=photos,digits",
    ]
    with pytest.raises(UsageError, match="of which data"):
        with_pattern("evaluate", Choices(CONFIGS), ["pattern=cross"])
    assert torch.is_tensor(build.datamodule(composed("data=digits").data).bank("test").images)


def test_a_pattern_of_no_strength_is_said_once_and_not_where_it_was_typed():
    control = check(composed("data=digits", "pattern=cross", "gamma=0"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_strength(control, ["data=digits", "+pattern@data.pattern=cross", "gamma=0"])
        check_strength(check(composed("data=digits")), ["data=digits"])
        check_strength(
            check(composed("data=digits_pattern", "gamma=.5")), ["data=digits_pattern", "gamma=.5"]
        )
    twin = check(composed("data=digits_pattern"))
    with pytest.warns(UserWarning, match="gamma=0, as none was given"):
        check_strength(twin, ["data=digits_pattern"])


def test_where_no_network_is_found_what_was_typed_trains_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = ["data=digits", "data.subset=40", "pattern=cross", "compare=quick", "logger=none"]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *asked])
    with pytest.raises(SystemExit):
        cli.main("evaluate", CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert "train one: python train.py data=digits data.subset=40 pattern=cross gamma=0.5" in line
