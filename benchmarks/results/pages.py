"""Write docs/results.md, its pages and a part of README.md from what was measured: run folders, networks.

    python -m benchmarks.results [--runs runs]

Of each comparison and data set the newest run with the most seeds or images counts. What was found before and
is not in the run folders now stays: docs/results.json keeps it. What was never measured is named.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.results.dots import SAMPLES, draw, panels
from benchmarks.results.front.front_page import front_page, readme_block
from benchmarks.results.kept import store
from benchmarks.results.kept.gathering import Kept, gather, with_signed
from benchmarks.results.networks import networks
from benchmarks.results.page_parts import (
    FOOT,
    SOURCES,
    cautions,
    folded,
    made,
    measured_on,
    notes,
    published,
    sources,
    tabled,
)
from benchmarks.results.paper.agreement import agreement
from benchmarks.results.questions.asked import QUESTIONS
from benchmarks.results.questions.batches import with_found_tau
from benchmarks.results.questions.entropy import NOT_MEASURED
from benchmarks.results.questions.eyes import with_bars
from benchmarks.results.questions.halves import with_steps
from benchmarks.results.questions.letter import with_gaps
from benchmarks.results.questions.own_by_output import with_by_output
from benchmarks.results.questions.own_gap import with_released
from benchmarks.results.questions.question import Question
from benchmarks.results.questions.taus import with_chosen
from benchmarks.results.words.answers import LEAST, Found, over_images, sigma_of, steps
from benchmarks.results.words.axes import along, both_ends, recorded, up
from benchmarks.results.words.shares import with_sides
from benchmarks.results.words.titles import (
    DATA,
    FRAMES,
    TITLES,
    TITLES_OF,
    called,
    markdown,
)
from locality.report import Chart, Series, names
from locality.report.figures import draw_charts, to_png

ROOT = Path(__file__).resolve().parents[2]
SHIPPED, DOCS = ROOT / "pretrained", ROOT / "docs"
BEGIN, END = "<!-- results: written by make paper -->\n", "<!-- end of results -->"  # in README.md
PAGES, IMAGES, STORE = DOCS / "results", DOCS / "images", DOCS / "results.json"


def main() -> None:
    """Merge what the run folders and pretrained/ hold into docs/results.json, and write the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder of the run folders")
    kept = gather(store.read(STORE), parser.parse_args().runs, SHIPPED, IMAGES)
    store.write(STORE, kept)
    kept = told_of(store.read(STORE))  # what the pages say is what is kept
    PAGES.mkdir(exist_ok=True)
    front, figure = front_page(kept)
    (DOCS / "results.md").write_text(front)
    if figure is not None:
        (IMAGES / "results.png").write_bytes(to_png(draw_charts(*figure)))
    for question in QUESTIONS:
        charts = pictured(question, kept)
        if dots := panels(question, kept):
            (IMAGES / f"results_{question.page}.png").write_bytes(to_png(draw(dots, question.rows)))
        if charts:
            (IMAGES / f"results_{question.page}.png").write_bytes(
                to_png(draw_charts(charts, TITLES_OF[question.quantity]))
            )
        (PAGES / f"{question.page}.md").write_text(page(question, kept))
    (PAGES / "networks.md").write_text(networks(kept))
    (PAGES / "paper.md").write_text(agreement(kept))
    head, rest = (ROOT / "README.md").read_text().split(BEGIN)
    (ROOT / "README.md").write_text(head + BEGIN + readme_block(kept, IMAGES) + END + rest.split(END)[1])


def told_of(kept: Kept) -> Kept:
    """What is kept, with what pages need of other measurements beside it."""
    known = with_chosen(with_by_output(with_released(with_sides(with_bars(kept)))))
    return with_steps(with_signed(with_gaps(with_found_tau(known)), "fields"))


def page(question: Question, kept: Kept) -> str:
    """A question: its short answer, a picture and a small table; the rest folds."""
    known = kept.get(question.kind, {})
    answers = {name: question.answer(known[name]) for name in DATA if name in known}
    there = [name for name, answer in answers.items() if answer != NOT_MEASURED]
    without = [TITLES[name] for name in answers if name not in there]
    said = {name: f"**{TITLES[name]}**: {answers[name]}.{notes(known[name], kept)}" for name in there}
    titled = {TITLES[name]: known[name] for name in there}
    brief = question.together(titled) if question.together else ""
    beyond = question.beyond(titled) if brief and question.beyond else ""
    beware = dict.fromkeys(cautions(known[name], kept).strip() for name in there) if brief else {}
    lead, _, rest = brief.partition("\n\n")
    short = filter(None, [lead, *measured_on(question, there, kept), rest])
    parts = [f"# {question.text}", *(short if brief else said.values()), *filter(None, beware)]
    parts += [f"Not measured on {'; '.join(without)}."] if there and without else []
    if not there:
        parts += ["Not measured.", f"```sh\n{question.command}\n```"]
    if there:
        first, folds = there[0], bool(brief) and question.folds
        method = [question.method] if question.method else []
        table = tabled(question, first, known[first], first=True, whole=folds)
        pictures = [*charted(question), *drawn(question, first)]
        front = 1 if brief else len(pictures)  # where nothing else folds, no picture does
        parts += [question.shows] if question.shows and pictures else []
        parts += [*pictures[:front], *([] if folds else [*table, *method])]
        parts.append(f"Our reading: {question.why}")
        parts += published() if question.page == "published_order" else []
        more = [beyond] if beyond else []
        more += [*method, said[first], *table] if folds else [said[first]] if brief else []
        more += [*pictures[front:], *_second(question, known[first])]
        for name in there[1:]:
            more += [said[name]] if brief else []
            more += [*drawn(question, name), *tabled(question, name, known[name])]
            more += _second(question, known[name])
        titles = [TITLES[name] for name in (there if brief else there[1:])]
        parts += [folded(f"More on {'; '.join(titles)}", more)] if more else []
        both = ((*sources(question, name, known[name]), *made(known[name], kept)) for name in there)
        parts.append(folded(SOURCES, [one for some in both for one in some]))
    return "\n\n".join([*parts, FOOT]) + "\n"


def _second(question: Question, found: Found) -> list[str]:
    """The second table of a data set, where there is one."""
    columns, rows = question.more(found) if question.more else ((), [])
    return [markdown(columns, rows)] if rows else []


def pictured(question: Question, kept: Kept) -> list[Chart]:
    """A chart for each data set of which the question tells, of the rows that it names."""
    charts: list[Chart] = []
    if question.quantity == SAMPLES:
        return charts  # `panels` has them
    for name in DATA:
        found = kept.get(question.kind, {}).get(name)
        if found is not None and question.rows and question.answer(found) != NOT_MEASURED:
            charts += (question.charts or partial(_by_noise, question))(TITLES[name], found)
    return charts


def _by_noise(question: Question, title: str, found: Found) -> list[Chart]:
    """A question's number of its rows against the noise level."""
    return chart(found, recorded(found, question.kind, question.quantity), question.rows, title)


def chart(found: Found, start: str, rows: Sequence[str], title: str) -> list[Chart]:
    """A number of some rows against the noise level, or nothing where there is none of them."""
    known = {name: steps(found, f"{start}/{name}/") for name in rows}
    levels = {t for one in known.values() for t in one}
    times = sorted(t for t in levels if t >= LEAST)
    lows, highs = (
        {name: steps(found, f"{start}{end}/{name}/") for name in rows} for end in ("_low", "_high")
    )
    series = {
        _keyed(name): Series([one[t] for t in times], *both_ends(lows[name], highs[name], times))
        for name, one in known.items()
        if times and set(times) <= set(one)
    }
    if not series:
        return []
    quantity = start.split("/")[1]
    near_one = "step_r2" in quantity
    told = f"{title}: {over_images(quantity)}" if near_one else title
    told += "" if any(one.low for one in series.values()) else "; no intervals were kept"
    series = {name: one.lacking() for name, one in series.items()} if near_one else series
    made = Chart(
        told, along(levels, times), up(quantity, series), [sigma_of(t) for t in times], series, log_x=True,
        log_y=True, y_range=FRAMES[quantity],
    )  # fmt: skip
    return [made]


def _keyed(name: str) -> str:
    """A row's key in a chart: its own where figures know it and its colour, else what readers call it."""
    return name if names.known(name) else called(name)


def charted(question: Question) -> list[str]:
    """The chart of a page, of all data sets."""
    return [f"![{question.text}](../images/results_{question.page}.png)"] if question.rows else []


def drawn(question: Question, name: str) -> list[str]:
    """The pictures of a data set."""
    paths = [f"{name}_{picture}.png" for picture in question.pictures]
    return [
        f"![{question.text} {TITLES[name]}](../images/{one})" for one in paths if (IMAGES / one).is_file()
    ]
