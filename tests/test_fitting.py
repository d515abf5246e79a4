"""Recipes: a fit with settings, which says what it accepts and what of it calibration can choose."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from locality import GaussianStats, ImageBank, denoisers
from locality.calibration import calibrate
from locality.denoisers import LocalScore, Optimal, PCALocality, Wiener, stacked_mixtures
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import Recipe
from locality.denoisers.grids import Grid

BANK = ImageBank(torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1)
NAMED = map(vars(denoisers).__getitem__, denoisers.__all__)
KINDS = [one for one in NAMED if isinstance(one, type) and issubclass(one, Denoiser)]


class Offset(Denoiser):
    """A denoiser of one's own: x + offset."""

    CALIBRATED: ClassVar = {
        "offset": Grid((0.0, 1.0), "offset (pixel units)", lambda v: v >= 0, "numbers from 0", falling=True)
    }

    def __init__(self, bank: ImageBank, offset: float | dict[float, float] = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        return x + (self.offset if isinstance(self.offset, float) else self.offset[sigma[0].item()])


def test_a_recipe_is_made_of_any_fit_and_of_itself():
    for fit in (LocalScore.fit, partial(LocalScore.fit, patch_size=3), LocalScore, stacked_mixtures):
        recipe = Recipe.of(fit)
        assert Recipe.of(recipe) is recipe
        assert recipe.accepts("bank")
        assert not recipe.accepts("taste")
    assert Recipe.of(partial(LocalScore.fit, patch_size=3)).settings == {"patch_size": 3}


def test_settings_that_come_later_win_and_leave_the_recipe_as_it_was():
    three = Recipe.of(partial(LocalScore.fit, patch_size=3))
    one = three.with_(patch_size=1, chunk_size=5)
    assert three.settings == {"patch_size": 3}
    assert one.settings == {"patch_size": 1, "chunk_size": 5}
    x = BANK.images[:2].float()
    assert torch.equal(one(BANK)(x, 1.0), LocalScore.fit(BANK, 1)(x, 1.0))
    assert torch.equal(one(BANK, patch_size=3)(x, 1.0), three(BANK)(x, 1.0))


def test_a_setting_that_there_is_not_is_refused_by_name():
    with pytest.raises(ValueError, match="want a setting of the denoiser's fit, got 'tau'"):
        Recipe.of(LocalScore.fit).with_(tau=0.1)


def test_the_statistics_are_asked_for_by_those_alone_that_are_built_on_them():
    asked: list[str] = []

    def stats() -> GaussianStats:
        asked.append("stats")
        return GaussianStats(torch.zeros(1, 4, 4), torch.eye(16))

    Recipe.of(Optimal.fit).fit(BANK, stats)
    assert asked == []
    Recipe.of(Wiener.fit).fit(BANK, stats)
    assert asked == ["stats"]


def test_a_folder_goes_to_those_that_take_one_and_have_none():
    assert Recipe.of(PCALocality.fit).keeping("a").settings == {"cache": "a"}
    assert Recipe.of(partial(PCALocality.fit, cache=None)).keeping("a").settings == {"cache": None}
    assert Recipe.of(Optimal.fit).keeping("a").settings == {}
    assert Recipe.of(PCALocality.fit).keeping(None).settings == {"cache": None}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_a_denoiser_declares_it_accepts_and_its_grid_is_good(kind):
    for setting, grid in kind.CALIBRATED.items():
        for fit in (kind, kind.fit):
            assert Recipe.of(fit).grids.get(setting, grid) is grid
        assert Recipe.of(kind.fit).accepts(setting)
        assert all(map(grid.good, grid.values))
        assert len(set(grid.values)) == len(grid.values)
        assert set(grid.within(list(grid.values), 4)) <= {*grid.values, 4, 7}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.filterwarnings("ignore:12 images for 16 coordinates")
@pytest.mark.parametrize("value", [-math.inf, -1, -1e-9, 0, 0.5, 1, 1.01, 2, 3, 4, math.inf, math.nan])
def test_a_grid_takes_what_the_fit_takes_and_nothing_else(kind, value):
    for setting, grid in kind.CALIBRATED.items():
        refusal = ""
        try:
            kind.fit(BANK, **{setting: value})
        except ValueError as error:
            refusal = str(error)
        assert bool(grid.good(value)) == (refusal == ""), setting
        assert refusal == "" or refusal.startswith(f"{setting}: ")


def test_a_denoiser_of_ones_own_is_calibrated_by_what_it_declares():
    grid = Recipe.of(Offset).grids["offset"]
    found = calibrate(Offset, BANK, BANK.images[:3] * 0.5, [1.0], grid.values, parameter="offset")
    assert found.values == (1.0, 0.0)  # the larger is the cheaper one
    assert found.chosen == (0.0,)
    assert found.apply(Offset).settings == {"offset": {1.0: 0.0}}
