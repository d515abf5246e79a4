"""The mirror ratio, and `compare=mirror`: planted mirror correlation is found as large as it is."""

from __future__ import annotations

import csv
import json
import re
from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from conftest import CONFIGS
from hydra import compose, initialize_config_dir
from torch import Tensor

from locality import GaussianStats, ImageBank, NoiseSchedule, app
from locality.compare.mirror import learned_other, probed
from locality.config import UsageError
from locality.data import DataNotFound, ImageDataModule, afhq, digits
from locality.denoisers import Wiener
from locality.noise import generator
from locality.sensitivity import measure, mirror_of, mirror_ratio

SIZE, EYE = 20, (9, 5)
TWIN = (9, 14)


def covariance(mirrored: float, length: float = 2.0) -> Tensor:  # [n, n]
    """Of one channel: smooth, and every pixel has a correlation with its mirror position, too."""
    line = torch.arange(SIZE, dtype=torch.float64)
    near = torch.exp(-((line[:, None] - line) ** 2) / (2 * length**2))
    return torch.kron(near, near + mirrored * near.flip(1)) + 0.01 * torch.eye(SIZE**2, dtype=torch.float64)


def by_hand(field: Tensor, radius: float = 1.5) -> float:  # [H, W]
    """The definition in loops."""

    def disc(row: int, col: int) -> float:
        places = product(range(SIZE), range(SIZE))
        return sum(float(field[r, c]) for r, c in places if (r - row) ** 2 + (c - col) ** 2 <= radius**2)

    others = []
    for row, col in product(range(1, SIZE - 1), range(1, SIZE - 1)):
        away = ((row - EYE[0]) ** 2 + (col - EYE[1]) ** 2) ** 0.5
        to_twin = ((row - TWIN[0]) ** 2 + (col - TWIN[1]) ** 2) ** 0.5
        if abs(away - 9) <= 0.5 and to_twin > 2 * radius:
            others.append(disc(row, col))
    return disc(*TWIN) / (sum(others) / len(others))


def textbook(c: Tensor, sigma: float) -> Tensor:  # [H, W] |row| of C (C + sigma^2)^-1
    filter_ = torch.linalg.solve(c + sigma**2 * torch.eye(len(c), dtype=torch.float64), c)
    return filter_[:, EYE[0] * SIZE + EYE[1]].abs().reshape(SIZE, SIZE)


def gaussian(split: str, seed: int, mirrored: float = 0.0, count: int = 4000) -> Tensor:  # [N, 1, H, W]
    """Draws of that covariance, by its Cholesky factor: eigenvectors differ from machine to machine."""
    noise = torch.randn(count, SIZE**2, generator=generator(seed, split), dtype=torch.float64)
    factor = torch.linalg.cholesky(covariance(mirrored))
    return (0.4 * noise @ factor.T).reshape(count, 1, SIZE, SIZE).float()


@pytest.mark.parametrize("sigma", [3.0, 1.0, 0.3])
@pytest.mark.parametrize("mirrored", [0.2, 0.5])
def test_a_planted_mirror_correlation_has_the_ratio_of_the_closed_form(mirrored: float, sigma: float) -> None:
    c = covariance(mirrored)
    stats = GaussianStats(torch.zeros(SIZE**2), c, (1, SIZE, SIZE))
    field = measure(Wiener(stats), torch.zeros(1, 1, SIZE, SIZE, dtype=torch.float64), [sigma], [EYE])
    expected = by_hand(textbook(c, sigma))
    assert mirror_ratio(field.maps, [EYE]).item() == pytest.approx(expected, rel=1e-6)
    assert expected > 3


@pytest.mark.parametrize("fall", [1.0, 2.0, 8.0])
def test_a_field_of_the_distance_alone_has_ratio_one_however_fast_it_falls(fall: float) -> None:
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    away = torch.hypot(rows - 16, columns - 10).double()
    maps = torch.stack([torch.exp(-away / fall), 1 / (1 + away) ** 2, torch.ones_like(away)])[:, None]
    ratio = mirror_ratio(maps, [(16, 10)])
    torch.testing.assert_close(ratio, torch.ones(3, 1).double(), rtol=0.06, atol=0)


def test_what_lies_outside_the_discs_does_not_count_and_scale_neither() -> None:
    field = torch.rand(SIZE, SIZE, generator=torch.Generator().manual_seed(0)).double()
    ratio = mirror_ratio(field[None], [EYE])
    assert ratio.item() == pytest.approx(by_hand(field), rel=1e-12)
    beside = field.clone()
    beside[EYE] = 1e9
    beside[TWIN[0] + 2, TWIN[1]] *= 1  # the edge of what the mirror's disc holds
    torch.testing.assert_close(mirror_ratio(7 * beside[None], [EYE]), ratio)
    field[TWIN] += 9
    assert mirror_ratio(field[None], [EYE]).item() == pytest.approx(by_hand(field), rel=1e-12)
    assert mirror_of(mirror_of(EYE, SIZE), SIZE) == EYE
    assert mirror_of(EYE, SIZE) == TWIN


@pytest.mark.parametrize(
    ("pixel", "radius", "message"),
    [
        ((9, 8), 1.5, "more than 3 from its mirror position, got .*, 3 from it"),
        ((0, 4), 1.5, "at least 1 from the border"),
        ((9, 4), -1.0, "radius: want a number of pixels from 0, got -1.0"),
        ((9, 2), 2.6, "at least 2 from the border|other places"),
    ],
)
def test_a_pixel_without_a_mirror_ratio_is_an_error(pixel, radius, message) -> None:
    maps = torch.ones(1, SIZE, SIZE)
    if pixel == (9, 2):  # this one has a ratio
        assert mirror_ratio(maps, [pixel], radius).item() == pytest.approx(1)
        return
    with pytest.raises(ValueError, match=message):
        mirror_ratio(maps, [pixel], radius)


NAMES = ("wiener_reference", "control: other", "wiener", "pca_locality (30 images)")
SMALL = ["logger=none", "trainer.accelerator=cpu"]


def run(root: Path, task: str, *overrides: str) -> tuple[Path, dict[str, float]]:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        numbers = app.run(compose(task, [*SMALL, *overrides, f"runs={root}"]))
    return (root / "latest").resolve(), numbers


def data(mirrored: float) -> list[str]:
    source = f"_target_: test_mirror.gaussian, _partial_: true, mirrored: {mirrored}"
    return ["data=digits", f"+data.source={{{source}}}"]


def test_compare_mirror_finds_what_was_planted_and_one_without_it(tmp_path):
    """Also: a network of other data (here without the correlation) is measured on these images."""
    other, _ = run(tmp_path, "train", *data(0.0), "model=wiener", "trainer.limit_test_batches=1")
    own, _ = run(tmp_path, "train", *data(0.4), "model=wiener", "trainer.limit_test_batches=1")
    asked = [
        f"checkpoint={own}",
        f"networks={{other: {other}}}",
        "compare.count=4",
        "compare.sigmas=[1,0.3]",
        "trust=true",
    ]
    asked += ["compare.pixels={eye: [9, 5]}", "compare.bank_counts.pca_locality=30"]
    folder, numbers = run(tmp_path, "evaluate", "compare=mirror", *asked)
    with_it, without = (
        torch.cov(gaussian("train", 0, mirrored).flatten(1).double().T) for mirrored in (0.4, 0)
    )
    for sigma in (1.0, 0.3):
        t = f"t{int(NoiseSchedule.ddpm().timestep(sigma)):03d}"
        found = {
            name: numbers[f"mirror/ratio/eye/{name}/{t}"] for name in ("wiener", "other", "wiener_reference")
        }
        assert found["wiener"] == pytest.approx(by_hand(textbook(with_it, sigma)), rel=1e-3)
        assert found["wiener_reference"] == pytest.approx(found["wiener"], rel=1e-3)
        assert found["wiener"] > 3
        assert found["other"] == pytest.approx(by_hand(textbook(without, sigma)), rel=1e-3)
        assert found["other"] == pytest.approx(1, abs=0.4)  # the noise of 4,000 draws
    table = json.loads((folder / "metrics.json").read_text())["tables"]["mirror/ratio"]
    assert table["columns"] == ["pixel", "denoiser", "sigma 1", "sigma 0.3"]
    assert [row[:2] for row in table["rows"]] == [["eye", n] for n in NAMES]
    assert re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\]", table["rows"][0][2])
    for picture in ("fields_eye", "ratio_eye"):
        assert (folder / "images" / "mirror" / f"{picture}.png").is_file()
    with (folder / "curves.csv").open() as file:
        curves = list(csv.DictReader(file))
    assert {row["chart"] for row in curves} == {"mirror/ratio_eye"}
    assert {row["series"] for row in curves} == {
        "wiener_reference",
        "control: other",
        "wiener",
        "pca_locality",
    }
    assert (folder / "fields" / "other.safetensors").is_file()


@pytest.mark.parametrize(
    ("theirs", "other"),
    [
        ({"source": partial(afhq, size=32, cache="elsewhere")}, False),
        ({"source": partial(afhq, size=32), "seed": 3, "flip": True}, False),
        ({"source": partial(afhq, root="elsewhere", size=32)}, False),
        ({"source": partial(afhq, size=16)}, True),
        ({"source": afhq}, True),
        ({"source": digits}, True),
    ],
)
def test_a_network_of_another_source_is_a_control(theirs, other):
    network = SimpleNamespace(data=lambda: ImageDataModule(**theirs))
    assert learned_other(network, ImageDataModule(partial(afhq, size=32, cache="here"))) is other


def test_the_interval_of_a_field_without_a_mirror_holds_one(tmp_path):
    from locality.compare.overlaps import series_of
    from locality.sensitivity import SensitivityField

    rows, columns = torch.meshgrid(*[torch.arange(SIZE).double()] * 2, indexing="ij")
    flat = torch.exp(-torch.hypot(rows - EYE[0], columns - EYE[1]) / 8)
    noise = torch.rand(40, SIZE, SIZE, generator=torch.Generator().manual_seed(0)).double()
    images = (flat * (0.5 + noise))[:, None, None]
    field = SensitivityField.of_images(images, [1.0], [EYE])
    found = series_of({"one": field}, partial(mirror_ratio, pixels=[EYE]))["one"]
    assert found.low[0] < 1 < found.high[0]
    assert found.high[0] - found.low[0] < 0.2


def test_pixels_are_the_datas_or_those_asked_for():
    named = ImageDataModule(digits, pixels={"eye": (3, 1)})
    assert probed(named, None, 0.0) == {"eye": (3, 1)}
    assert probed(named, {"ear": [1, 2]}, 0.0) == {"ear": (1, 2)}
    plain = ImageDataModule(digits)
    for pixels, message in (
        (None, "the data name no pixels; give data=cats"),
        ({}, "the data name no pixels"),
        ({"ear": [8, 0]}, r"compare.pixels.ear: pixels: want \(row, col\) inside 8 x 8"),
        ({"ear": [4, 3]}, r"compare.pixels.ear: want a pixel more than 3 from its mirror"),
        ({"ear": [4]}, r"compare.pixels: want {name: \[row, col\]}"),
        ({"ear": ["a", 1]}, r"compare.pixels: want {name: \[row, col\]}"),
        ([[1, 2]], r"compare.pixels: want {name: \[row, col\]}"),
    ):
        with pytest.raises(UsageError, match=message):
            probed(plain, pixels, 1.5)


@pytest.mark.parametrize(("size", "radius"), [(32, 1.5), pytest.param(24, 1.5, marks=pytest.mark.slow)])
def test_the_wiener_filter_of_real_cats_looks_at_the_other_eye_and_ear(size, radius):
    source = partial(afhq, size=size)
    try:
        bank = ImageDataModule(source, flip=True).bank()
    except DataNotFound as missing:
        pytest.skip(f"needs the real cats: {missing}")
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        pixels = dict(compose("train", ["data=afhq"]).data.pixels)
    named = ImageDataModule(source, pixels=pixels).pixels
    places = [named["left_eye"], named["left_ear"]]
    wiener = Wiener(GaussianStats.measured(ImageBank(bank.images)))
    field = measure(wiener, torch.zeros(1, 3, size, size), [3.44, 2.04, 1.24], places)
    assert (mirror_ratio(field.maps, places, radius) > 2).all()
