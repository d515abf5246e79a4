"""Blank images in a data set: no comparison ends, none is ruined, and every table says what it left out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from tiny_runs import NETWORK, TINY, config, latest
from torch import Tensor

from locality import app
from locality.data import handwriting
from locality.heldout import is_behind
from locality.metrics import FieldOverlap
from locality.report.over_wiener import over_wiener

ASKED = ["trainer.accelerator=cpu", "logger=none"]
digits = handwriting.digits


def with_blanks(split: str, seed: int) -> Tensor:
    """Of the test images, the third is black and the sixth differs from grey by one level at one pixel."""
    images = digits(split, seed)  # type: ignore[arg-type]
    if split == "test":
        images[2], images[5] = 0, 127
        images[5, 0, 4, 4] = 128
    return images


def all_black(split: str, seed: int) -> Tensor:
    return torch.zeros_like(digits(split, seed))  # type: ignore[arg-type]


def blank_to_test(split: str, seed: int) -> Tensor:
    images = digits(split, seed)  # type: ignore[arg-type]
    return images if split == "train" else torch.zeros_like(images)


def kept(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text())


def rows_of(table: dict) -> dict[str, dict]:
    return {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}


def compared(tmp_path: Path, count: int, compare: str = "compare=quick") -> dict[str, float]:
    """Fits a Wiener filter and sets others against it."""
    app.run(config(tmp_path, *TINY, "model=wiener"))
    asked = [compare, f"compare.count={count}", f"checkpoint={latest(tmp_path)}", *ASKED]
    return app.run(config(tmp_path, *asked, task="evaluate"))


def test_a_comparison_leaves_two_blank_images_out_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(handwriting, "digits", with_blanks)
    numbers = compared(tmp_path, 8)
    for name in ("wiener", "optimal", "nearest"):
        assert numbers[f"compare/heldout_r2_left_out/{name}"] == 2
        assert numbers[f"compare/sample_r2_left_out/{name}"] == 0
        assert -20 < numbers[f"compare/heldout_r2/{name}"] <= numbers[f"compare/heldout_r2_high/{name}"] <= 1
        low, high = (numbers[f"compare/median_heldout_r2_{end}/{name}"] for end in ("low", "high"))
        assert low <= numbers[f"compare/median_heldout_r2/{name}"] <= high
    found = kept(latest(tmp_path))
    assert found["tables"]["compare/left_out"]["rows"][0][:2] == ["heldout r2", "2 of 8"]
    assert "left out of heldout r2: 2 of 8 images" in capsys.readouterr().out
    assert {"compare/median_sample_r2/optimal", "compare/median_step_r2/optimal"} <= found["scalars"].keys()
    assert {"sample r2", "median sample r2"} <= set(found["tables"]["compare/summary"]["columns"])


@pytest.mark.parametrize("images", [blank_to_test, all_black])
def test_of_blank_images_alone_a_comparison_says_that_r2_is_undefined(tmp_path, monkeypatch, capsys, images):
    monkeypatch.setattr(handwriting, "digits", images)
    compared(tmp_path, 3)
    found, printed = kept(latest(tmp_path)), capsys.readouterr().out
    table = rows_of(found["tables"]["compare/summary"])
    assert table["optimal"]["held-out r2"] == "undefined"
    assert (table["optimal"]["MSE / Wiener"] == "undefined") is (images is all_black)
    assert "left out of heldout r2: 3 of 3 images" in printed
    assert "nan" not in json.dumps(found["tables"]).lower()


@pytest.mark.slow
@pytest.mark.parametrize("images", [with_blanks, all_black])
def test_the_papers_table_leaves_blank_targets_out_and_says_so(tmp_path, monkeypatch, capsys, images):
    """The reference's samples are the targets: here an analytical denoiser's, black if all it knows is."""
    monkeypatch.setattr(handwriting, "digits", images)
    numbers = compared(tmp_path, 4, "compare=paper_table")
    found, printed = kept(latest(tmp_path)), capsys.readouterr().out
    assert {"paper/step_r2", "paper/median_step_r2"} <= found["tables"].keys()
    black = 4 if images is all_black else 0
    assert numbers["paper/r2_left_out/optimal"] == numbers["paper/step_r2_left_out/optimal/t000"] == black
    assert "paper/median_step_r2/optimal/t300" in found["scalars"]
    assert ("left out of one-step r2 at sigma 0.342: 4 of 4 images" in printed) is (images is all_black)
    assert "nan" not in json.dumps(found["tables"]).lower()


def test_a_pixel_without_a_field_is_left_out_of_the_overlap() -> None:
    maps = torch.rand(5, 1, 3, 6, 6, generator=torch.Generator().manual_seed(0)) + 0.1
    pixels = [(0, 0), (3, 3), (5, 1)]
    mixed, plain = FieldOverlap([1.0], pixels, (6, 6)), FieldOverlap([1.0], pixels[1:], (6, 6))
    target = maps.flip(0)
    plain.update(maps[:, :, 1:], target[:, :, 1:], torch.arange(5))
    blank = target.clone()
    blank[:, :, 0] = 0
    mixed.update(maps, blank, torch.arange(5))
    torch.testing.assert_close(mixed.compute(), plain.compute())
    assert all(ends.isfinite().all() for ends in mixed.intervals(draws=50)[0])


def test_a_network_trained_on_black_images_alone_has_no_ratio_to_wiener(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(handwriting, "digits", all_black)
    numbers = app.run(config(tmp_path, *TINY, *NETWORK, "trainer.max_epochs=1"))
    assert math.isnan(numbers["test/ratio_to_wiener/t500"])
    assert kept(latest(tmp_path))["scalars"]["test/ratio_to_wiener/t500"] is None


def test_errors_over_wieners_are_one_division_that_is_undefined_where_there_is_no_number():
    floor = {"test/mse/t000": 2.0, "test/mse/t100": 0.0, "test/mse/t200": None, "test/mse/t300": 1.0}
    errors = {f"test/mse/t{t}": 3.0 for t in ("000", "100", "200", "400")} | {"val/loss": 1.0}
    found = over_wiener(errors | {"test/mse/t300": None}, floor)
    assert found.pop("test/ratio_to_wiener/t000") == 1.5
    assert sorted(found) == [f"test/ratio_to_wiener/t{t}" for t in (100, 200, 300)]
    assert all(math.isnan(value) for value in found.values())


def test_an_undefined_ratio_to_wiener_is_no_proof_of_a_training():
    nan = float("nan")
    assert is_behind(1.0, nan, nan)
    assert is_behind(0.1, nan, nan)
    assert not is_behind(1.0, 0.5, 0.9)
    assert not is_behind(0.1, 0.9, 1.1)
