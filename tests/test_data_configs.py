"""Every file of configs/data makes a data module, says what it is for, and is short."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from locality.data import ImageDataModule

CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = sorted(path.stem for path in (CONFIGS / "data").glob("*.yaml"))
PATTERNS = sorted(path.stem for path in (CONFIGS / "pattern").glob("*.yaml"))


def data_module(*overrides: str) -> ImageDataModule:
    with initialize_config_dir(str(CONFIGS), version_base=None):
        config = compose(None, overrides=["+gamma=0.0", "+seed=3", *overrides])
    made = instantiate(config.data)
    assert isinstance(made, ImageDataModule)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_data_file_makes_a_data_module(name: str) -> None:
    made = data_module(f"+data={name}")
    assert made.seed == 3
    assert (made.pattern is not None) == name.endswith("_pattern")


def test_a_half_is_asked_for_on_the_command_line() -> None:
    halves = [data_module("+data=digits", f"data.subset_draw=half:{k}").bank() for k in range(2)]
    assert len(halves[0]) + len(halves[1]) == len(data_module("+data=digits").bank())


@pytest.mark.parametrize("path", sorted([*CONFIGS.glob("data/*.yaml"), *CONFIGS.glob("pattern/*.yaml")]))
def test_a_data_file_is_short_and_says_which_command_uses_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 15
    assert lines[0].startswith("# python train.py data=")
    assert path.stem in lines[0]


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_chosen_on_the_command_line(name: str) -> None:
    made = data_module("+data=photos_pattern", f"pattern@data.pattern={name}", "gamma=0.5")
    assert made.gamma == 0.5
    assert made.pattern is not None
    assert made.pattern.mask(16, 16).sum() > 0


def test_a_pattern_file_differs_from_its_base_by_the_pattern_alone() -> None:
    """So that gamma = 0 is the unedited data: photos_pattern has the fingerprint of photos."""
    small = ["data.source.train=20", "data.source.val=5", "data.source.test=5"]
    plain, edited = (data_module(f"+data={name}", *small) for name in ("photos", "photos_pattern"))
    assert plain.bank().fingerprint == edited.bank().fingerprint
