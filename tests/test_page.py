"""report.html in a browser: it says nothing, asks for nothing, and does what one wants of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import EVIL, NAMES, evaluated, opened, quiet

from locality.metrics.bootstrap import interval
from locality.report import Chart, Report, Series
from locality.report.__main__ import main

FIELDS = "[...document.querySelectorAll('.fields canvas')].map((one) => one.toDataURL())"


@pytest.fixture(name="path", scope="module")
def _path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("page") / "run") / "report.html"


@pytest.fixture(name="page")
def _page(path: Path, browser: Any) -> Iterator[Any]:
    with opened(browser, path) as (page, told):
        yield page
    assert quiet(told) == []


def test_a_click_on_a_pixel_changes_the_field_of_every_denoiser_at_every_noise_level(page: Any) -> None:
    before = page.evaluate(FIELDS)
    assert len(before) == len(NAMES) * 3
    page.click(".picture", position={"x": 5, "y": 5})
    after = page.evaluate(FIELDS)
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert "row 1, column 1" in page.inner_text(".explorer")
    page.focus(".picture")
    page.keyboard.press("ArrowRight")
    assert "row 1, column 3" in page.inner_text(".explorer")


def test_a_field_is_brightest_at_its_pixel_and_wider_for_who_looks_wider(page: Any) -> None:
    page.click(".picture", position={"x": 5, "y": 5})
    light = """([row, s]) => {
        const canvas = document.querySelectorAll('.fields tbody tr')[row].querySelectorAll('canvas')[s];
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const place = (k, size) => Math.floor((k + 0.5) * size / 8);
        const at = (r, c) => data[4 * (place(r, canvas.height) * canvas.width + place(c, canvas.width))];
        return [at(1, 1), at(1, 4), at(6, 5)];
    }"""
    narrow, wide = (page.evaluate(light, [row, 0]) for row in (0, 2))
    assert narrow[0] > narrow[1] > narrow[2]
    assert wide[2] > narrow[2]


def test_the_slider_moves_the_images_of_all_denoisers(page: Any) -> None:
    sources = "[...document.querySelectorAll('.slides img')].map((one) => one.src)"
    before = page.evaluate(sources)
    page.fill(".controls input[type=range]", "2")
    after = page.evaluate(sources)
    assert len(before) == len(NAMES) + 1
    assert all(one != other for one, other in zip(before, after, strict=True))
    assert "sigma = 0.1" in page.inner_text(".controls output")


def test_a_click_on_a_head_sorts_by_it_both_ways_with_what_is_missing_last(page: Any) -> None:
    table = page.locator("table.sortable").first
    names = "[...document.querySelector('.sortable').tBodies[0].rows].map((row) => row.cells[0].innerText)"
    table.get_by_role("button", name="held-out MSE").click()
    up = page.evaluate(names)
    table.get_by_role("button", name="held-out MSE").click()
    down = page.evaluate(names)
    assert up == ["Wiener", "network", "optimal", EVIL]
    assert down == ["network", "optimal", "Wiener", EVIL]
    table.get_by_role("button", name="ms / image").click()
    assert page.evaluate(names)[-1] == "Wiener"
    assert "Lower is better." in page.locator("dd").nth(1).text_content()


def test_the_switch_of_a_denoiser_hides_its_curve_its_images_and_its_fields(page: Any) -> None:
    shown = "document.querySelector('[data-chart]').plot.series.map((one) => one.show)"
    assert all(page.evaluate(shown))
    page.click("#switches summary")
    page.uncheck("#switches input[value=wiener]")
    assert page.evaluate(shown) == [True, *[True] * 3, *[False] * 3, *[True] * 3]
    assert page.locator(".fields tbody tr:visible").count() == len(NAMES) - 1
    assert page.locator(".slides img:visible").count() == len(NAMES)
    page.click("#switches button:has-text('all')")
    assert all(page.evaluate(shown))


def test_the_values_under_the_pointer_are_told_with_their_intervals(page: Any) -> None:
    over = page.locator("[data-chart] .u-over").first
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + 50)
    told = page.locator("[data-chart] .readout").first.inner_text()
    assert "sigma (pixel units): 10" in told
    assert "0.1 [0.09, 0.11]" in told


@pytest.mark.parametrize("choice", ["", "all"])
def test_the_paired_difference_and_its_interval_are_those_of_python(
    page: Any, path: Path, choice: str
) -> None:
    panel = json.loads((path.parent / "panels/compare/paired.json").read_text())
    values, sigmas = panel["values"]["heldout_mse"], torch.tensor(panel["sigmas"])
    assert (sigmas > 5).any()  # of which the tables say nothing
    shown = torch.ones_like(sigmas).bool() if choice else (sigmas >= 0.1) & (sigmas <= 5)
    page.locator("[data-panel*=paired] select").nth(3).select_option(choice or "band")
    one, other = (torch.tensor(values[name])[shown].mean(0) for name in ("network", "wiener"))
    told = page.locator("[data-panel*=paired] p").first.inner_text()
    found = [float(number) for number in re.findall(r"-?\d+\.\d+", told)[:3]]
    wanted = [(one - other).mean().item(), *interval(one - other)]
    width = wanted[2] - wanted[1]
    assert found[0] == pytest.approx(wanted[0], abs=1e-4)
    assert found[1:] == pytest.approx(wanted[1:], abs=0.1 * width)
    page.locator("[data-panel*=paired] select").nth(2).select_option("optimal")
    assert "minus optimal" in page.locator("[data-panel*=paired] p").first.inner_text()
    page.locator("[data-panel*=paired] select").nth(2).select_option("wiener")


def test_paired_differences_open_with_the_levels_of_the_tables(path: Path, browser: Any) -> None:
    with opened(browser, path) as (page, _):
        menu = page.locator("[data-panel*=paired] select").nth(3)
        assert menu.input_value() == "band"
        assert "0.1 to 1" in menu.locator("option").first.inner_text()


def test_the_page_is_light_or_dark_as_the_system_and_as_the_button_says(path: Path, browser: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, path, color_scheme="dark") as (page, _):
        dark = page.evaluate(paper)
        page.click("#theme")
        light = page.evaluate(paper)
        assert (page.inner_text("#theme"), dark != light) == ("Dark", True)
    with opened(browser, path, color_scheme="light") as (page, _):
        assert page.evaluate(paper) == light


def test_nothing_is_wider_than_a_phone_but_what_scrolls_by_itself(path: Path, browser: Any) -> None:
    with opened(browser, path, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True) as (
        page,
        _,
    ):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.tap(".picture")
        assert page.evaluate("document.querySelector('.uplot').offsetWidth") <= 390


def test_every_chart_and_the_command_follow_a_window_that_becomes_narrow(path: Path, browser: Any) -> None:
    beyond = """[...document.querySelectorAll('.card')].flatMap((card) =>
        [...card.querySelectorAll('.uplot, pre')].map((one) => one.offsetWidth - card.clientWidth))"""
    with opened(browser, path, viewport={"width": 1280, "height": 900}) as (page, _):
        page.set_viewport_size({"width": 400, "height": 844})
        page.wait_for_timeout(300)
        widths = page.evaluate(beyond)
        assert len(widths) > 2
        assert max(widths) <= 0
        assert page.evaluate("document.querySelector('.command pre').scrollWidth") <= 400


def test_a_curve_that_leaves_its_chart_is_told_below_it(browser: Any, tmp_path: Path) -> None:
    report = Report(tmp_path / "run")
    series = {"wiener": Series([0.5, 0.9]), "optimal": Series([-7.5, -2.0]), "network": Series([0.2, 12.5])}
    told = Chart("Nearness", "sigma", "r2", [0.1, 1.0], series, True, y_range=(-1.0, 6.0))
    report.chart("some/chart", told)
    report.finish()
    with opened(browser, tmp_path / "run" / "report.html") as (page, _):
        names = page.locator("[data-chart] .readout .name").all_inner_texts()
    assert names == ["Wiener", "optimal (down to -7.5)", "network (up to 12.5)"]


INK = """[...document.querySelectorAll('[data-chart]')].map(({ plot }) => {
    const { width, height } = plot.ctx.canvas;
    const dark = (...box) => plot.ctx.getImageData(...box).data.some((value, k) => k % 4 === 3 && value > 0);
    return [dark(0, 0, 1, height), dark(width - 1, 0, 1, height), dark(0, height - 1, width, 1)];
})"""
TICKS = (
    "[...document.querySelectorAll('[data-chart]')].map(({ plot }) => plot.axes.map((one) => one._values))"
)


@pytest.fixture(name="charts", scope="module")
def _charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Curves of small and of large numbers, over wide and over short ranges."""
    folder = tmp_path_factory.mktemp("charts") / "run"
    report = Report(folder)
    for k, (x, y, log) in enumerate([
        ([0.1, 1.0, 12.0], [1e-4, 2e-3, 0.5], True), ([0.034, 0.1, 12.0], [1.3e-7, 2e-3, 3.0], True),
        ([3.1, 3.5, 3.9], [0.92, 0.97, 1.06], True), ([1, 500, 1000], [1.5e7, 2.5e7, 1.2e8], False),
        ([2.0], [0.25], True), ([1.0, 2.0], [-123456.0, 123456.0], False),
    ]):  # fmt: skip
        series = {"wiener": Series(y)}
        report.chart(f"some/chart{k}", Chart(f"Chart {k}", "sigma", "MSE", x, series, log, log))
    report.finish()
    return folder / "report.html"


@pytest.mark.parametrize("width", [390, 1280])
def test_no_number_of_an_axis_is_cut_and_each_axis_has_some(charts: Path, width: int, browser: Any) -> None:
    with opened(browser, charts, viewport={"width": width, "height": 900}) as (page, told):
        assert quiet(told) == []  # before the test reads the canvas, of which Chromium tells
        inks, ticks = page.evaluate(INK), page.evaluate(TICKS)
    assert inks == [[False, False, False]] * len(ticks)
    assert "1e-4" in ticks[0][1]
    for k, axes in enumerate(ticks):
        for texts in axes:
            shown = [text for text in texts if text]
            assert len(set(shown)) == len(shown) >= (1 if k == 4 else 2), (k, texts)


def test_a_logarithmic_axis_ends_near_the_data(charts: Path, browser: Any) -> None:
    ends = "[...document.querySelectorAll('[data-chart]')].map((one) => one.plot.scales.x)"
    with opened(browser, charts) as (page, _):
        scales = page.evaluate(ends)
    for scale, (low, high) in zip(scales, [(0.1, 12), (0.034, 12), (3.1, 3.9)], strict=False):
        assert low / 1.3 < scale["min"] <= low
        assert high <= scale["max"] < high * 1.3


def test_runs_that_saw_the_same_images_are_set_side_by_side_image_by_image(
    path: Path, browser: Any, tmp_path: Path
) -> None:
    evaluated(tmp_path / "other")
    out = tmp_path / "both.html"
    assert main([str(path.parent), str(tmp_path / "other"), "--out", str(out)]) == 0
    with opened(browser, out) as (page, told):
        menus = page.locator("[data-panel=together-paired0] select")
        menus.nth(1).select_option("wiener, run")
        menus.nth(2).select_option("wiener, other")
        said = page.locator("[data-panel=together-paired0] p").first.inner_text()
        assert "Wiener, run minus Wiener, other: 0 [0, 0]" in said
        assert page.locator(".explorer").count() == 2
    assert quiet(told) == []
