"""`evaluate.py compare=sensitivity`: figures, curves, fields and numbers of a small run."""

from __future__ import annotations

import base64
import csv
import json
import zlib
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir

from locality import app
from locality.compare.drawing import time_of
from locality.compare.overlaps import overlap_chart
from locality.compare.sensitivity import off_centre
from locality.config import UsageError
from locality.data import ImageDataModule, digits
from locality.metrics.field_overlap import cosine
from locality.report import Series
from locality.sensitivity import SensitivityField, mass_radius, mirror_ratio

SMALL = [
    "data=digits", "data.subset=40", "logger=none", "trainer.accelerator=cpu", "trainer.limit_test_batches=1",
]  # fmt: skip


def run(tmp_path: Path, task: str, *overrides: str) -> dict[str, float]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return app.run(compose(task, [*SMALL, *overrides, f"runs={tmp_path / 'runs'}"]))


def evaluate(tmp_path: Path, *overrides: str) -> tuple[Path, dict[str, float]]:
    fitted = (tmp_path / "runs" / "latest").resolve()
    settings = ["compare.count=3", "compare.sigmas=[2,0.5]", "compare.steps=20", *overrides]
    numbers = run(tmp_path, "evaluate", "compare=sensitivity", f"checkpoint={fitted}", *settings)
    return (tmp_path / "runs" / "latest").resolve(), numbers


@pytest.fixture(name="fitted")
def fitted_run(tmp_path: Path) -> Path:
    run(tmp_path, "train", "model=wiener")
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*lacks rank")
@pytest.mark.parametrize("states", ["forward", "reverse"])
def test_a_filter_overlaps_fully_with_itself_and_all_is_in_the_run_folder(states, fitted):
    folder, numbers = evaluate(fitted, f"compare.states={states}")
    # The reference is Wiener, and so is one candidate.
    assert numbers["sensitivity/cosine/wiener"] == pytest.approx(1, abs=1e-6)
    assert numbers["sensitivity/energy/wiener"] == pytest.approx(1, abs=1e-6)
    assert numbers["sensitivity/radius/wiener"] == pytest.approx(
        numbers["sensitivity/radius/wiener_reference"]
    )
    assert numbers["sensitivity/cosine/optimal"] < 1
    for picture in ("denoisers", "pixels", "cosine_below_1", "energy", "inside", "radius", "participation"):
        assert (folder / "images" / "sensitivity" / f"{picture}.png").stat().st_size > 10_000
    explorer = json.loads((folder / "panels/sensitivity/explorer.json").read_text())
    maps = zlib.decompress(base64.b64decode(explorer["rows"][0]["maps"]))
    assert len(maps) == 2 * 2 * 64 * 8 * 8  # views, noise levels, every pixel of 8 x 8, maps
    assert explorer["rows"][1]["numbers"]["cosine"] == pytest.approx([1.0] * 2 * 2 * 64, abs=1e-3)
    field = SensitivityField.load(folder / "fields" / "optimal.safetensors")
    assert field.maps.shape == (2, 2 + 4, 8, 8)  # the centre, off centre, a grid of 2 x 2
    assert field.about["states"] == states
    record = json.loads((folder / "metrics.json").read_text())
    assert {row[0] for row in record["tables"]["sensitivity/cosine"]["rows"]} == {
        "wiener", "pca_locality", "optimal", "wiener_reference_round", "wiener_round",
    }  # fmt: skip
    rounds = [numbers[f"sensitivity/cosine/{name}_round"] for name in ("wiener_reference", "wiener")]
    assert rounds[0] == pytest.approx(rounds[1], abs=1e-6)  # of one filter both
    assert 0 < rounds[0] < 1
    with (folder / "curves.csv").open() as file:
        assert {"sensitivity/radius", "sensitivity/cosine_below_1"} <= {
            row["chart"] for row in csv.DictReader(file)
        }


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_where_signs_are_kept_all_is_of_the_magnitude_of_the_mean_map(fitted):
    """Wiener's derivatives are those of every image: signed or not, its field is one. Others' are not."""
    folder, signed = evaluate(fitted, "compare.magnitude=signed")
    _, plain = evaluate(fitted)
    for kind in ("radius", "participation"):
        key = f"sensitivity/{kind}/wiener_reference"
        assert signed[key] == pytest.approx(plain[key], rel=1e-4)
    field = SensitivityField.load(folder / "fields" / "optimal.safetensors")
    assert field.images is not None
    assert (field.images < 0).any(), "signs are kept"
    torch.testing.assert_close(field.maps, field.images.mean(0).abs())
    reach = mass_radius(field.maps[:, 2:], field.pixels[2:]).nanmean(1)
    assert signed["sensitivity/radius/optimal"] == pytest.approx(reach.mean().item(), rel=1e-6)
    own = SensitivityField.load(folder / "fields" / "wiener.safetensors").images
    angle = cosine(field.images[:, :, 2:].mean(0).double(), own[:, :, 2:].mean(0).double()).nanmean(1)
    assert signed["sensitivity/cosine/optimal"] == pytest.approx(angle.mean().item(), abs=1e-6)


def test_cosines_are_drawn_as_what_they_lack_of_1_so_that_none_hides_another():
    series = {"a": Series([0.999, 0.9], [0.99, 0.8], [1, 0.95]), "same": Series([1, 1], [1, 1], [1, 1])}
    name, chart = overlap_chart("cosine", "a title", "cosine", [2, 1], series)
    assert (name, chart.log_y, chart.y_label) == ("cosine_below_1", True, "1 - cosine")
    drawn = chart.series["a"]
    for ends, expected in ((drawn.mean, (1e-3, 0.1)), (drawn.low, (1e-5, 0.05)), (drawn.high, (0.01, 0.2))):
        assert list(ends) == pytest.approx(expected)
    assert min(chart.series["same"].mean) > 0, "a logarithm of it is drawn"
    name, chart = overlap_chart("energy", "a title", "energy", [2, 1], series)
    assert (name, list(chart.series["a"].mean)) == ("energy", [0.999, 0.9])


def test_the_pixel_off_centre_is_the_one_named_or_the_datas_own():
    plain = ImageDataModule(digits)
    named = ImageDataModule(digits, pixels={"eye": (1, 2)})
    assert off_centre(plain, None) == (2, 2)
    assert off_centre(named, None) == (1, 2) == off_centre(named, "eye")
    assert off_centre(named, [7, 0]) == (7, 0)
    with pytest.raises(ValueError, match="want one of centre, eye or"):
        off_centre(named, "ear")
    with pytest.raises(ValueError, match="inside 8 x 8"):
        off_centre(named, [8, 0])


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_more_images_than_there_are_is_a_mistake_that_is_told(fitted):
    with pytest.raises((UsageError, app.RunFailed), match=r"compare\.count: want 1 to"):
        evaluate(fitted, "compare.count=100000")


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_a_part_of_the_bank_gives_the_fields_of_that_part(fitted):
    folder, _ = evaluate(fitted, "compare.bank_counts.pca_locality=1")
    field = SensitivityField.load(folder / "fields" / "pca_locality.safetensors")
    assert field.maps.abs().max() < 1e-9  # one image is the answer to everything


@pytest.mark.filterwarnings("ignore:.*lacks rank")
def test_fields_of_an_eye_are_measured_on_the_other_eye_too(fitted):
    eye = "data.pixels={eye: [0.5, 0.125]}"
    folder, numbers = evaluate(fitted, "data=digits", f"+{eye}")
    fields = SensitivityField.load(folder / "fields" / "optimal.safetensors")
    assert fields.pixels[1] == (4, 1)
    expected = mirror_ratio(fields.maps[:, 1:2], [(4, 1)])
    table = json.loads((folder / "metrics.json").read_text())["tables"]["sensitivity/mirror/ratio"]
    assert [row[:2] for row in table["rows"]][-1] == ["eye", "optimal"]
    for sigma, ratio in zip((2, 0.5), expected[:, 0].tolist(), strict=True):
        assert numbers[f"sensitivity/mirror/ratio/eye/optimal/t{time_of(sigma):03d}"] == pytest.approx(ratio)
    numbers = evaluate(fitted)[1]  # digits alone name no eyes
    assert not any("mirror" in name for name in numbers)
