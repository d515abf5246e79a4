"""report.html of real runs: nothing is cut on a phone and on a desk, and words are for readers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import opened, quiet
from tiny_runs import config, latest

from locality import app
from locality.report.__main__ import main

DATA = ["data=digits", "data.subset=40", "logger=none", "trainer.accelerator=cpu"]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESK = {"viewport": {"width": 1280, "height": 900}}
ENDS = """([...document.querySelectorAll('main *')].map((one) => [one, one.getBoundingClientRect()])
    .filter(([one, box]) => box.width && box.right > document.documentElement.clientWidth + 1
        && !one.closest('.scroll, pre, nav, .uplot'))
    .map(([one, box]) => `${one.tagName} ${one.className} ${Math.round(box.right)}`))"""
TEXTS = "(what) => [...document.querySelectorAll(what)].map((one) => one.textContent)"

pytestmark = pytest.mark.filterwarnings("ignore:.*lacks rank")


@pytest.fixture(name="runs", scope="module")
def _runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of a small compare=sensitivity and of two comparisons that saw the same images."""
    place = tmp_path_factory.mktemp("runs")
    app.run(config(place, *DATA, "trainer.limit_test_batches=1", "model=wiener"))
    common = [*DATA, f"checkpoint={latest(place)}", "compare.count=3"]
    asked = {
        "sensitivity": ["compare=sensitivity", "compare.sigmas=[12,2,0.5]"],
        "one": ["compare=quick", "networks=null", "+denoiser@candidates.pca_locality=pca_locality"],
        "other": ["compare=quick", "networks=null"],
    }
    folders = {}
    for name, words in asked.items():
        app.run(config(place, *common, *words, task="evaluate"))
        folders[name] = latest(place)
    return folders


@pytest.fixture(name="pages", scope="module")
def _pages(runs: dict[str, Path]) -> dict[str, Path]:
    both = runs["one"].parent.parent / "both.html"
    assert main([str(runs["one"]), str(runs["other"]), "--out", str(both)]) == 0
    return {name: runs[name] / "report.html" for name in ("one", "sensitivity")} | {"both": both}


@pytest.fixture(name="page")
def _page(pages: dict[str, Path], browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    name, settings = request.param
    with opened(browser, pages[name], **settings) as (page, told):
        yield page
    assert quiet(told) == []


@pytest.mark.parametrize(
    "page", [(name, size) for name in ("sensitivity", "one", "both") for size in (PHONE, DESK)], indirect=True
)
def test_no_page_of_a_run_is_wider_than_its_window(page: Any) -> None:
    width = page.viewport_size["width"]
    assert page.evaluate(ENDS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("page", [("one", DESK)], indirect=True)
def test_every_column_of_the_summary_is_seen_on_a_desk_and_settings_stand_beside_the_names(page: Any) -> None:
    ends = """[...document.querySelectorAll('.card')].find((one) => one.id.endsWith('compare/summary'))
        .querySelectorAll('th')"""
    heads = page.evaluate(f"[...{ends}].map((one) => one.innerText)")
    assert heads[:2] == ["denoiser", "settings"]
    room = page.evaluate(f"({ends})[0].closest('.scroll').getBoundingClientRect().right")
    assert max(page.evaluate(f"[...{ends}].map((one) => one.getBoundingClientRect().right)")) <= room + 1


@pytest.mark.parametrize("page", [(name, DESK) for name in ("sensitivity", "one", "both")], indirect=True)
def test_titles_are_words_and_a_denoiser_has_one_name_in_tables_curves_and_switches(page: Any) -> None:
    titles = page.evaluate(
        "[...document.querySelectorAll('main h3, figcaption')].map((one) => one.textContent)"
    )
    assert len(titles) > 10
    assert [one for one in titles if "_" in one or re.match(r"[a-z]", one)] == []
    switches = page.evaluate(
        "[...document.querySelectorAll('#switches label')].map((one) => one.textContent.split(', 2026')[0])"
    )
    rows = page.evaluate("""[...document.querySelectorAll('table.sortable')]
        .filter((one) => one.tHead.rows[0].cells[0].innerText === 'denoiser')
        .flatMap((one) => [...one.tBodies[0].rows].map((row) => row.cells[0].textContent))""")
    assert {"PCA locality", "Wiener", "Wiener (reference)", "optimal"} <= set(rows)
    assert set(rows) == {re.sub(r", \d{8}-.*", "", one) for one in switches}
    told = page.evaluate(TEXTS, ".readout .name, .slides .label, .fields th, option")
    assert [one for one in told if "_" in re.sub(r"\d{8}-.*", "", one)] == []


@pytest.mark.parametrize("page", [("one", DESK)], indirect=True)
def test_a_warning_is_a_note_above_the_tables_and_no_table(page: Any) -> None:
    note = page.locator(".note")
    assert note.count() == 1
    assert "not calibrated for these data" in note.inner_text()
    assert "PCA locality" in note.inner_text()
    assert "compare=calibrate" in note.inner_text()
    assert note.locator("table, button").count() == 0
    assert page.evaluate("document.querySelector('.note').nextElementSibling.querySelector('table') !== null")


def test_every_number_of_the_tables_of_fields_has_the_interval_of_its_curve(runs: dict[str, Path]) -> None:
    folder = runs["sensitivity"]
    tables = json.loads((folder / "metrics.json").read_text())["tables"]
    with (folder / "curves.csv").open() as file:
        points = list(csv.DictReader(file))
    for kind in ("energy", "inside", "radius", "participation"):
        table = tables[f"sensitivity/{kind}"]
        assert len(table["rows"]) >= 3
        for name, *cells in table["rows"]:
            curve = [one for one in points if (one["chart"], one["series"]) == (f"sensitivity/{kind}", name)]
            ends = [[float(one[end]) for end in ("mean", "low", "high")] for one in curve]
            assert cells == [f"{mean:.3g} [{low:.3g}, {high:.3g}]" for mean, low, high in ends]
    cosines = tables["sensitivity/cosine"]["rows"]
    assert len(cosines) >= 3
    for name, *cells in cosines:  # their chart has what they lack of 1, and the ends change places
        drawn = "sensitivity/cosine_below_1", name
        curve = [one for one in points if (one["chart"], one["series"]) == drawn]
        for cell, point in zip(cells, curve, strict=True):
            lacks = [float(point[end]) for end in ("mean", "high", "low")]
            ends = [float(number) for number in re.findall(r"[\d.e-]+", cell)]
            assert lacks == pytest.approx([1 - end for end in ends], abs=6e-4)
