"""What a field says about its shape, and how it is kept."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from planted import Planted
from safetensors.torch import save_file

from locality.sensitivity import SensitivityField, measure, rounded
from locality.sensitivity.shape import distances

PIXELS = [(4, 4), (0, 0)]
ROW, COL = torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij")


def field(heat: torch.Tensor) -> SensitivityField:
    maps = heat.double()[None]
    return SensitivityField(maps, [1.0], PIXELS, torch.zeros_like(maps))


def test_the_radius_of_a_disc_is_that_which_holds_half_its_pixels():
    discs = torch.stack([(ROW - r) ** 2 + (COL - c) ** 2 <= 9 for r, c in PIXELS])
    for p, (row, col) in enumerate(PIXELS):
        away = torch.tensor(sorted(math.hypot(r - row, c - col) for r, c in discs[p].nonzero().tolist()))
        for mass in (0.1, 0.5, 0.9):
            expected = away[math.ceil(mass * len(away)) - 1]
            assert field(discs).radius(mass)[0, p] == pytest.approx(expected.item())


def test_a_single_pixel_has_radius_zero_and_participation_one():
    heat = torch.zeros(2, 9, 9)
    heat[0, 4, 4], heat[1, 0, 0] = 3.0, 0.1
    assert field(heat).radius().tolist() == [[0, 0]]
    assert field(heat).participation()[0].tolist() == pytest.approx([1, 1])


def test_k_equal_pixels_have_participation_k():
    heat = torch.zeros(2, 81)
    heat[0, :5], heat[1, ::9] = 0.7, 2.0
    assert field(heat.reshape(2, 9, 9)).participation()[0].tolist() == pytest.approx([5, 9])


def test_a_field_of_zeros_has_no_radius_and_no_participation():
    zeros = field(torch.zeros(2, 9, 9))
    assert zeros.radius().isnan().all()
    assert zeros.participation().isnan().all()
    assert (zeros.normalised() == 0).all()


def test_the_profile_of_a_function_of_distance_is_that_function_over_rings():
    heat = torch.stack([(-torch.hypot(ROW - float(r), COL - float(c))).exp() for r, c in PIXELS])
    profile = field(heat).profile()
    for p, (row, col) in enumerate(PIXELS):
        away = torch.hypot(ROW - float(row), COL - float(col))
        for d in profile.distance.long().tolist():
            ring = heat[p][away.round() == d]
            value = profile.value[0, p, d].item()
            assert (
                math.isnan(value) if len(ring) == 0 else value == pytest.approx(ring.mean().item(), rel=1e-6)
            )


def test_a_round_field_is_the_nearest_of_those_that_depend_on_distance_alone():
    pixels = [(3, 4), (0, 0)]
    maps = torch.rand(3, 2, 8, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    round_ = rounded(maps, pixels)
    assert torch.allclose(rounded(round_, pixels), round_)
    distance = distances(pixels, 8, 9)
    others = torch.stack([torch.exp(-distance / length) for length in (0.5, 2.0, 7.0)])
    assert torch.allclose(rounded(others, pixels), others)
    rest = ((maps - round_) * others).sum((-2, -1))  # what is left out is at right angles to all of them
    assert torch.allclose(rest, torch.zeros_like(rest), atol=1e-12)


def test_a_field_comes_back_from_its_file_as_it_was(tmp_path):
    images = torch.rand(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    saved = measure(Planted(), images, [2.0, 1.0], "grid:3", name="planted", states="reverse", steps=30)
    loaded = SensitivityField.load(saved.save(tmp_path / "fields" / "planted.safetensors"))
    for name in ("maps", "spread", "images"):
        assert torch.equal(getattr(loaded, name), getattr(saved, name))
    cut = dataclasses.replace(saved, groups=torch.tensor([0, 0, 1, 1]))
    assert SensitivityField.load(cut.save(tmp_path / "cut.safetensors")).groups.tolist() == [0, 0, 1, 1]
    assert loaded.groups is None
    with pytest.raises(ValueError, match="groups: want one for each of the images"):
        dataclasses.replace(saved, groups=torch.zeros(3))
    assert (loaded.sigmas, loaded.pixels, loaded.about) == (saved.sigmas, saved.pixels, dict(saved.about))
    assert loaded.about["denoiser"] == "planted"
    assert loaded.about["steps"] == 30


def test_single_images_are_kept_only_if_asked_or_small(tmp_path):
    images = torch.zeros(2, 3, 6, 6)
    assert measure(Planted(), images, [1.0]).images is not None
    without = measure(Planted(), images, [1.0], keep_images=False)
    assert without.images is None
    assert SensitivityField.load(without.save(tmp_path / "f.safetensors")).images is None


def test_another_safetensors_file_is_refused(tmp_path):
    save_file({"maps": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match="not a sensitivity field"):
        SensitivityField.load(tmp_path / "weights.safetensors")


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="maps: want"):
        SensitivityField(torch.zeros(2, 2, 9, 9), [1.0], PIXELS, torch.zeros(1, 2, 9, 9))
    with pytest.raises(ValueError, match="images: want"):
        SensitivityField(
            torch.zeros(1, 2, 9, 9), [1.0], PIXELS, torch.zeros(1, 2, 9, 9), torch.zeros(3, 9, 9)
        )


def test_a_field_shows_itself_in_one_line():
    assert repr(field(torch.ones(2, 9, 9))) == (
        "SensitivityField(a denoiser: 1 noise levels, 2 pixels, 9 x 9)"
    )
