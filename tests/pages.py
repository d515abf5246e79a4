"""A run folder with all that a page can show, made without a model; and a browser to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from locality.report import Chart, Report, Series
from locality.report.panels import Explorer, FieldRow, Paired, Slides
from locality.sensitivity import choose_pixels, mass_radius

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "</script><img src=x onerror=alert(1)>"
SIGMAS = [10.0, 1.0, 0.1]
NAMES = ["network", "wiener", "optimal"]


def evaluated(folder: Path, names: list[str] = NAMES, side: int = 8, levels: list[float] = SIGMAS) -> Path:
    """A run folder that looks like that of a comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(f"data: {EVIL}\n")
    report = Report(folder)
    generator = torch.Generator().manual_seed(0)
    rise = {name: [0.1 * (k + 1) * (s + 1) for s in range(len(levels))] for k, name in enumerate(names)}
    series = {
        name: Series(mean, [0.9 * v for v in mean], [1.1 * v for v in mean]) for name, mean in rise.items()
    }
    title = f"Held-out denoising {EVIL}"
    report.chart(
        "compare/heldout_mse", Chart(title, "sigma (pixel units)", "MSE", levels, series, True, True)
    )
    rows = [
        [name, f"{0.3 * (k - 1) ** 2:.3g} [0.1, 0.9]", [3.0, None, 10.0][k % 3]]
        for k, name in enumerate(names)
    ]
    report.table(
        "compare/summary", ["denoiser", "held-out MSE", "ms / image"], [*rows, [EVIL, "undefined", 2.0]]
    )
    images = torch.rand(len(levels), 2, 3, side, side, generator=generator) * 2 - 1
    slides = {name: (images * 0.2 * (k + 1)).clamp(-1, 1) for k, name in enumerate(["clean image", *names])}
    notes = {name: [f"MSE {value:g}" for value in rise[name]] for name in names}
    report.panel(
        "compare/slides", Slides("One step", "The same noise.", levels, slides, notes, ("clean image",))
    )
    values = {"heldout_mse": {name: [torch.rand(20, generator=generator) for _ in levels] for name in names}}
    report.panel(
        "compare/paired",
        Paired("Differences", "Paired.", levels, values, {"heldout_mse": "MSE"}, "20 images", (0.1, 5.0)),
    )
    report.panel("sensitivity/explorer", explorer(names, side, levels))
    report.finish()
    return folder


def explorer(names: list[str], side: int, levels: list[float], stride: int = 2) -> Explorer:
    """Fields that are wider for later names, and at more noise."""
    pixels = choose_pixels(f"grid:{stride}", side, side)
    place = torch.arange(side, dtype=torch.float64)
    rows = {}
    for k, name in enumerate(names):
        maps = torch.stack([
            torch.stack([
                torch.exp(-((place[:, None] - row).abs() + (place - col).abs()) / (1.0 + k + 0.3 * s))
                for row, col in pixels
            ])
            for s in range(len(levels))
        ])  # fmt: skip
        numbers = {key: mass_radius(maps, pixels)[None] for key in ("radius", "cosine", "energy")}
        rows[name] = FieldRow(
            maps[None],
            numbers,
            [f"SNR_W {s}" for s in range(len(levels))],
            [s > 0 for s in range(len(levels))],
        )
    pictures = torch.linspace(-1, 1, 3 * side * side).reshape(1, 1, 3, side, side)
    labels = {"radius": "half-mass radius (pixels)", "cosine": "cosine", "energy": "energy"}
    return Explorer(
        "Click a pixel", f"How it was measured {EVIL}.", levels, pixels, stride, ["the image shown"],
        pictures.expand(1, 1 + len(levels), 3, side, side), rows, labels, names[0],
        [(1, 1), (6, 6)], "Underlined.",
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, started once for the tests of a file."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra dev: playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as play:
        started = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@contextmanager
def opened(browser: Any, path: Path, **settings: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page of its own, and what it has complained of or asked the network for so far."""
    page = browser.new_page(**settings)
    try:
        told: list[str] = []
        page.on("console", lambda message: told.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: told.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: told.append(f"request: {request.url[:60]}"))
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("html[data-ready=true]")
        yield page, told
    finally:
        page.close()


def quiet(told: list[str]) -> list[str]:
    """What a page should not have said or asked for."""
    return [line for line in told if not line.startswith(("request: file:", "request: data:"))]
