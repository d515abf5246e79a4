"""report.html: one file that shows a run, or several, with nothing to load from elsewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from locality.live import duration
from locality.report.chart import Chart
from locality.report.figures import Look, looks
from locality.report.glossary import titled
from locality.report.markup import anchor, card, data, details, head, image, is_note, rows
from locality.report.names import spoken
from locality.report.shell import shell
from locality.report.shown import Picture, Shown
from locality.report.side_by_side import charts_together, distinct, numbers_together, paired_together
from locality.report.table import Table

LIMIT = 8_000_000  # bytes of a page; what does not fit stays in the run folder, and the page says so
LINES = ("-", "--", ":")  # of the first run, the second, the third
LAST = ("/left_out", "/settings")  # tables
SECTIONS = {
    "slides": "The same noise, denoised",
    "explorer": "Sensitivity explorer",
    "paired": "Paired differences",
}


def render_page(
    runs: Sequence[Shown],
    path: Path,  # where the page will lie: links are relative to it
    sync: str | None = None,  # the command that uploads the run
    limit: int = LIMIT,
) -> str:
    """The page. A run's tables come first, then the interactive parts, then curves and pictures."""
    title, names = " · ".join(run.name for run in runs), _looks(runs)
    blocks = [_Run(run, path.parent, f"run{k}") for k, run in enumerate(runs)]
    together = _together(runs, path.parent) if len(runs) > 1 else ""
    first = "".join(block.head(sync) + block.tables + block.curves + block.details for block in blocks)
    room = _Room(limit - len((shell("", "", title, names) + together + first).encode()) - 20_000)
    for block in blocks:  # interactive parts go before pictures, which are files in the folder, too
        block.take_panels(room)
    for block in blocks:
        block.take_pictures(room)
    parts = [together, *(part for block in blocks for part in block.parts(sync))]
    body = "\n".join(filter(None, parts))
    heads = re.findall(rf'<h{1 if len(runs) > 1 else 2} id="([^"]+)">(.*?)</h', body)
    nav = "".join(f'<a href="#{place}">{name}</a>' for place, name in heads)
    return shell(nav, body, title, names)


class _Room:
    """How many bytes are left."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, text: str, instead: str) -> str:
        """The text, or what stands for it where it does not fit."""
        if (size := len(text.encode())) > self.left:
            return instead
        self.left -= size
        return text


class _Run:
    """The part of the page that is about one run."""

    def __init__(self, run: Shown, beside: Path, key: str) -> None:
        self.run, self.key = run, key
        self.folder = os.path.relpath(run.folder.resolve(), beside.resolve())
        self.tables = self._tables()
        self.panels = self.pictures = ""
        self.curves = self._curves()
        self.details = self._details()

    def parts(self, sync: str | None) -> list[str]:
        """The parts of a run, in the order of the page."""
        return [self.head(sync), self.tables, self.panels, self.curves, self.pictures, self.details]

    def head(self, sync: str | None) -> str:
        """Title, origin and command."""
        run = self.run.run
        commit = f"commit {run['commit']}" if run["commit"] else f"locality {run['versions']['locality']}"
        facts = escape(" · ".join([run["started"], duration(run["seconds"]), commit]))
        failed = "" if run["finished"] else ' · <span class="failed">did not finish</span>'
        lines = [escape(run["command"])] + ([f"# upload to W&amp;B:\n{escape(sync)}"] if sync else [])
        return (
            f'<h1 id="{self.key}">{escape(self.run.name)}</h1>\n<div class="soft">{facts}{failed}</div>\n'
            f'<div class="card command"><pre>{chr(10).join(lines)}</pre></div>'
        )

    def take_panels(self, room: _Room) -> None:
        """Fills in the interactive parts, as far as there is room."""
        panels = self.run.panels
        known = [name for kind in SECTIONS for name in panels if panels[name].get("kind") == kind]
        self.panels = "".join(self._panel(name, room) for name in known)

    def take_pictures(self, room: _Room) -> None:
        """Fills in the pictures, as far as there is room; charts have theirs where scripts do not run."""
        charts = {*self.run.charts, "history"}
        shown = [room.take(*self._picture(one)) for one in self.run.pictures if one.name not in charts]
        if shown:
            self.pictures = self._section("pictures", "Pictures") + "".join(shown)
        still = "".join(room.take(*self._picture(one)) for one in self.run.pictures if one.name in charts)
        self.curves += f"<noscript>{still}</noscript>" if still else ""

    def _tables(self) -> str:
        axes = {name: chart.y_label for name, chart in self.run.charts.items()}
        # Notes come first, and what is about another table last.
        order = sorted(self.run.tables.items(), key=lambda one: (not is_note(one[1]), one[0].endswith(LAST)))
        cards = "".join(card(name, table, f"{self.key}-table", axes.get(name)) for name, table in order)
        return self._section("results", "Results") + cards if cards else ""

    def _curves(self) -> str:
        if not self.run.charts:
            return ""
        drawn = "".join(_chart(f"{self.key}-chart", name, chart) for name, chart in self.run.charts.items())
        return f'{self._section("curves", "Curves")}<div class="charts">{drawn}</div>'

    def _panel(self, name: str, room: _Room) -> str:
        panel, key = self.run.panels[name], f"{self.key}-data-{name}"
        kept = self._link(f"panels/{name}.json")
        full = (
            f"<p>This page would be larger than {LIMIT // 1_000_000} MB with it; its data are in {kept}.</p>"
        )
        title = self._section(f"panel-{name}", SECTIONS[panel["kind"]])
        return title + _playing(panel, room.take(_played(key, panel), full))

    def _picture(self, picture: Picture) -> tuple[str, str]:
        """A picture, and what stands for it."""
        caption = f'<figcaption title="{escape(picture.name)}">{escape(titled(picture.name))}</figcaption>'
        start = f'<figure class="card"{anchor(f"{self.key}-picture", picture.name)}>{caption}'
        link = self._link(picture.path.relative_to(self.run.folder).as_posix())
        return (
            f"{start}{image(picture.path, titled(picture.name))}</figure>",
            f"{start}<p>Not in this page, which is full: {link}</p></figure>",
        )

    def _details(self) -> str:
        run, parts = self.run, [self._section("details", "Details")]
        if run.scalars:
            numbers = rows(Table(["quantity", "value"], sorted(run.scalars.items())))
            few = not run.tables and len(run.scalars) <= 30
            parts.append(details(f"All {len(run.scalars)} numbers", numbers, shown=few))
        if run.config is not None:
            parts.append(details("Configuration", f"<pre>{escape(run.config)}</pre>"))
        parts.append(
            details("Versions", rows(Table(["package", "version"], sorted(run.run["versions"].items()))))
        )
        files = ", ".join(map(self._link, run.files))
        parts.append(f'<p class="soft">Files beside this page: {files}</p>' if files else "")
        return "".join(parts)

    def _link(self, name: str) -> str:
        where = name if self.folder == "." else f"{self.folder}/{name}"
        return f'<a href="{escape(quote(where))}">{escape(name)}</a>'

    def _section(self, place: str, title: str) -> str:
        return f'<h2 id="{escape(self.key)}-{escape(place)}">{escape(title)}</h2>\n'


def _chart(place: str, name: str, chart: Chart) -> str:
    content = chart.content() | {"y_label": spoken(chart.y_label)}
    shown = looks([series for series, one in chart.series.items() if one.beside is None])
    content["series"] = [
        {"name": series, "look": one["beside"] or series, **one}
        | {"label": spoken(shown[series].label if series in shown else series)}
        for series, one in content["series"].items()
    ]
    return (
        f'<figure class="card chart" data-chart="{escape(f"{place}-data-{name}")}"{anchor(place, name)}>'
        f"{head(name, spoken(chart.title))}</figure>{data(f'{place}-data-{name}', content)}"
    )


def _played(key: str, panel: Mapping[str, Any]) -> str:
    waiting = '<p class="waiting soft">This part needs JavaScript.</p>'
    words = {"labels": {name: spoken(text) for name, text in panel.get("labels", {}).items()}}
    return f'<div data-panel="{escape(key)}">{waiting}</div>{data(key, {**panel, **words})}'


def _playing(panel: Mapping[str, Any], body: str) -> str:
    """A card of an interactive part."""
    title, note = (escape(spoken(str(panel[key]))) for key in ("title", "note"))
    return f'<div class="card"><h3>{title}</h3><p class="soft">{note}</p>{body}</div>'


def _together(runs: Sequence[Shown], beside: Path) -> str:
    """What several runs have in common, above what each has alone."""
    parts = [f"<h1>{len(runs)} runs</h1>"]
    for name, table in numbers_together(runs).items():
        few = len(table.rows) <= 30
        parts.append(card(name, table, "together") if few else details(titled(name), rows(table, name)))
    drawn = [_chart("together-chart", name, chart) for name, chart in charts_together(runs).items()]
    if drawn:
        parts.append(f'<h2>Curves of the runs together</h2><div class="charts">{"".join(drawn)}</div>')
    pairs = [
        _playing(panel, _played(f"together-paired{k}", panel))
        for k, panel in enumerate(paired_together(runs))
    ]
    if pairs:
        parts += ["<h2>Paired differences between the runs</h2>", *pairs]
    return "\n".join(parts)


def _looks(runs: Sequence[Shown]) -> dict[str, Look]:
    """The looks of all series and denoisers. Of several runs a denoiser gives the colour, a run the line."""
    names = _names(runs)
    known = looks(names)
    found = {}
    for name in names:
        found[name] = known[name]
        for k, label in enumerate(distinct(runs)):
            base = name.removesuffix(f", {label}")
            if len(runs) > 1 and base != name and base in known:
                one = known[base]
                found[name] = Look(f"{one.label}, {label}", one.color, one.marker, LINES[k % len(LINES)])
    return found


def _names(runs: Sequence[Shown]) -> list[str]:
    """The names of all series and denoisers on the page, in the order of their first appearance."""
    charts = [chart for run in runs for chart in run.charts.values()]
    charts += charts_together(runs).values() if len(runs) > 1 else []
    found = [name for chart in charts for name, one in chart.series.items() if one.beside is None]
    for panel in (panel for run in runs for panel in run.panels.values()):
        found += [row["name"] for row in panel.get("rows", ()) if row["name"] not in panel.get("given", ())]
    return list(dict.fromkeys(found))
