"""The data of the sensitivity explorer: bounded, rounded by half a step at most, of the pixels it names."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CONFIGS
from pages import explorer

import locality
from locality.compare import analytic_vs_nn, pattern, sensitivity
from locality.compare.contrasts import COLUMNS as CONTRAST
from locality.compare.explorer import MOST_BYTES, MOST_PIXELS, SIDE, _count, _note, _small, stride_of
from locality.compare.halves import COLUMNS as HALVES
from locality.compare.informed import COLUMNS as INFORMED
from locality.compare.labels import COLUMNS as LABELS
from locality.compare.left_out import COLUMNS as LEFT_OUT
from locality.compare.origins import COLUMNS as ORIGINS
from locality.compare.paper_table import COLUMNS as PAPER
from locality.compare.summary import Summary
from locality.config import UsageError
from locality.report.glossary import LINES, explained
from locality.report.panels import LEVELS, quantised
from locality.sensitivity import Route, choose_pixels

PACKAGE = Path(locality.__file__).parent


@pytest.mark.parametrize(
    ("side", "rows", "levels", "views", "wanted"),
    [
        (8, 4, 8, 2, 1),
        (16, 4, 8, 2, 1),
        (28, 4, 8, 2, 3),
        (32, 4, 8, 2, 4),
        (32, 12, 10, 1, 5),
        (64, 4, 8, 2, 15),
    ],
)
def test_pixels_are_as_near_as_their_number_and_the_bytes_of_their_maps_allow(
    side, rows, levels, views, wanted
):
    assert stride_of(side, side, rows, levels, views) == wanted
    count = len(choose_pixels(f"grid:{wanted}", side, side))
    assert count <= MOST_PIXELS
    assert count * side * side * rows * levels * views <= MOST_BYTES


@pytest.mark.parametrize(
    ("stride", "told"), [(1, "Every pixel was probed."), (2, "One pixel in 2 was probed each way")]
)
def test_the_explorer_says_which_pixels_were_probed(stride, told):
    note = _note(Route([1.0]), stride, 4, (8, 8), "network", "")
    assert told in note
    assert not re.search(r"\d(st|nd|rd|th)", note)


def test_maps_of_large_images_are_means_of_blocks_with_the_same_mean():
    maps = torch.rand(1, 2, 3, 4 * SIDE, 2 * SIDE)
    small = _small(maps)
    assert small.shape == (1, 2, 3, SIDE, SIDE // 2)
    torch.testing.assert_close(small.mean((-2, -1)), maps.mean((-2, -1)))
    assert _small(maps[..., :SIDE, :SIDE]).equal(maps[..., :SIDE, :SIDE])


def test_a_map_comes_back_from_its_bytes_to_half_a_step():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 3, 5, 6, 7, generator=generator) ** 8
    maps[0, 0, 0] = 0
    steps, top = quantised(maps)
    back = torch.from_numpy(steps).double() / LEVELS * top[..., None, None]
    assert ((back - maps).abs() <= 0.5001 * top[..., None, None] / LEVELS).all()
    assert (steps[0, 0, 0] == 0).all()


def test_the_bytes_of_a_map_are_where_the_page_looks_for_them():
    made = explorer(["one", "two"], side=8, levels=[3.0, 1.0])
    content = json.loads(json.dumps(made.content(), allow_nan=False))
    row = content["rows"][1]
    maps = np.frombuffer(zlib.decompress(base64.b64decode(row["maps"])), np.uint8)
    level, pixel = 1, 5
    place = level * len(content["pixels"]) + pixel
    found = maps[place * 64 : (place + 1) * 64].reshape(8, 8)
    assert np.unravel_index(found.argmax(), found.shape) == tuple(content["pixels"][pixel])
    assert found.max() == LEVELS
    assert row["top"][place] == pytest.approx(made.rows["two"].maps[0, level, pixel].max().item(), rel=1e-3)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("compare/summary", (*Summary.COLUMNS, "held-out psnr")), ("compare/left_out", LEFT_OUT),
        ("pattern/contrast", CONTRAST), ("halves/agreement", HALVES), ("information/x", INFORMED),
        ("paper/samples", PAPER), ("sensitivity/cosine", ("denoiser", "sigma 12")),
        ("sensitivity/radius", ("sigma 0.1",)), ("mirror/ratio", ("pixel", "denoiser", "sigma 2")),
        ("architectures/inside", ("model", "of training", "sigma 1", "mean")),
        ("calibrate/chosen", ("sigma", "local_score patch_size")), ("pattern/verdict", ("gamma", "verdict")),
        ("pattern/steps_gamma0.5", ("t", "step 1,000", "Wiener")),
        ("paper/step_r2", ("one-step r2 at sigma", "0.342")),
        ("labels/errors", LABELS),
        ("compare/settings", ORIGINS),
        ("compare/attention", ("beware",)),
    ],
)  # fmt: skip
def test_every_column_of_a_comparison_has_a_line(table, columns):
    for column in columns:
        line = explained(table, column)
        assert line, column
        assert re.fullmatch(r"[A-Zr].*\.", line), line


def test_every_table_of_a_comparison_is_in_the_glossary():
    values = {"{kind}": "cosine", "{shown}": "step_r2"}
    found = []
    for path in sorted((PACKAGE / "compare").glob("*.py")):
        for name in re.findall(r'report\.table\(\s*f?"([^"]+)"', path.read_text()):
            table = re.sub(r"\{.*?\}", lambda part: values.get(part[0], "x"), name)
            assert [one for one, _, _ in LINES if one != ".*" and re.fullmatch(one, table)], table
            found.append(table)
    assert {"compare/summary", "sensitivity/cosine", "x/left_out"} <= set(found)


def test_comparisons_that_have_an_explorer_say_what_it_costs():
    for compare, name in ((analytic_vs_nn, "quick"), (sensitivity, "sensitivity"), (pattern, "pattern")):
        assert "explorer" in compare.__annotations__
        (line,) = [
            one for one in (CONFIGS / f"compare/{name}.yaml").read_text().splitlines() if "explorer:" in one
        ]
        assert "minute" in line


def test_ranks_that_share_the_bank_all_ask_for_as_many_images():
    assert [_count(10, world) for world in (1, 2, 3, 4, 8)] == [4, 4, 6, 4, 8]
    assert _count(3, 1) == 3
    with pytest.raises(UsageError, match=r"^compare\.explorer: want 6 test .* 3 ranks .* got 5; give"):
        _count(5, 3)
