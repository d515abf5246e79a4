"""Write docs/results.md, its pages and a part of README.md from what was measured: run folders, networks.

    python -m benchmarks.results [--runs runs]

Of each comparison and data set the newest run with the most seeds or images counts. What was found before and
is not in the run folders now stays: docs/results.json keeps it. What was never measured is named.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import store
from benchmarks.agreement import agreement
from benchmarks.answers import LEAST, TAUS, Found, both_ends, over_images, recorded, sigma_of, steps
from benchmarks.caveats import behind
from benchmarks.entropy_answers import NOT_MEASURED
from benchmarks.eye_answers import with_bars
from benchmarks.front import front_page, readme_block
from benchmarks.gathering import Kept, gather, took_none
from benchmarks.own_gap import with_released
from benchmarks.questions import QUESTIONS, Question
from benchmarks.small_tables import FIRST, SAMPLES, Table, meant
from benchmarks.titles import DATA, FRAMES, LABELS, NETWORK, SIGMA, TITLES, TITLES_OF, called, markdown
from locality.report import Chart, Series, names
from locality.report.figures import draw_charts, to_png

ROOT = Path(__file__).resolve().parent.parent
SHIPPED, DOCS = ROOT / "pretrained", ROOT / "docs"
BEGIN, END = "<!-- results: written by make paper -->\n", "<!-- end of results -->"  # in README.md
PAGES, IMAGES, STORE = DOCS / "results", DOCS / "images", DOCS / "results.json"
SOURCES = "Commands, commits and calibrations"
MOST, BEST = 10, 5  # rows of a first table that is shown whole; else these beside the networks
# GoldDiff (arXiv 2602.16498), its authors' re-run with the paper's networks: 128 samples, 10 steps of DDIM,
# images clamped before the metric.
PUBLISHED = (
    ("denoiser", "CIFAR-10 MSE / r2", "CelebA-HQ MSE / r2", "AFHQ MSE / r2"),
    ("optimal", ".030 / -.401", ".021 / .010", ".039 / -.713"),
    ("Wiener", ".008 / .553", ".012 / .781", ".010 / .687"),
    ("equivariant local score (Kamb)", ".011 / .411", ".011 / .720", ".034 / .576"),
    ("PCA locality", ".008 / .670", ".009 / .802", ".008 / .703"),
    ("golden subset", ".007 / .683", ".008 / .836", ".007 / .731"),
)


def main() -> None:
    """Merge what the run folders and pretrained/ hold into docs/results.json, and write the pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder of the run folders")
    kept = gather(store.read(STORE), parser.parse_args().runs, SHIPPED, IMAGES)
    store.write(STORE, kept)
    kept = with_released(with_bars(store.read(STORE)))  # what the pages say is what is kept
    PAGES.mkdir(exist_ok=True)
    front, figure = front_page(kept)
    (DOCS / "results.md").write_text(front)
    if figure is not None:
        (IMAGES / "results.png").write_bytes(to_png(draw_charts(*figure)))
    for question in QUESTIONS:
        charts = pictured(question, kept)
        if charts:
            (IMAGES / f"results_{question.page}.png").write_bytes(
                to_png(draw_charts(charts, TITLES_OF[question.quantity]))
            )
        (PAGES / f"{question.page}.md").write_text(page(question, kept))
    (PAGES / "networks.md").write_text(networks(kept))
    (PAGES / "paper.md").write_text(agreement(kept))
    head, rest = (ROOT / "README.md").read_text().split(BEGIN)
    (ROOT / "README.md").write_text(head + BEGIN + readme_block(kept, IMAGES) + END + rest.split(END)[1])


def page(question: Question, kept: Kept) -> str:
    """A question: its short answer, pictures and a small table of the first data set; the rest folds."""
    known = kept.get(question.kind, {})
    answers = {name: question.answer(known[name]) for name in DATA if name in known}
    there = [name for name, answer in answers.items() if answer != NOT_MEASURED]
    without = [TITLES[name] for name in answers if name not in there]
    said = {name: f"**{TITLES[name]}**: {answers[name]}.{notes(known[name], kept)}" for name in there}
    brief = question.together({TITLES[name]: known[name] for name in there}) if question.together else ""
    parts = [f"# {question.text}", *([brief] if brief else said.values())]
    parts += [f"Not measured on {'; '.join(without)}."] if there and without else []
    if not there:
        parts += ["Not measured.", f"```sh\n{question.command}\n```"]
    if there:
        first, folds = there[0], bool(brief) and question.folds
        method = [question.method] if question.method else []
        table = tabled(question, first, known[first], first=True)
        parts += [*charted(question), *drawn(question, first), *([] if folds else [*table, *method])]
        parts.append(f"Our reading: {question.why}")
        parts += published() if question.page == "published_order" else []
        more = [*method, said[first], *table] if folds else [said[first]] if brief else []
        for name in there[1:]:
            more += [said[name]] if brief else []
            more += [*drawn(question, name), *tabled(question, name, known[name])]
        titles = [TITLES[name] for name in (there if brief else there[1:])]
        parts += [folded(f"More on {'; '.join(titles)}", more)] if more else []
        parts.append(folded(SOURCES, [source(question, name, known[name]) for name in there]))
    return "\n\n".join([*parts, "[All results](../results.md)"]) + "\n"


def notes(found: Found, kept: Kept) -> str:
    """What is added where a network was measured on the way, and where one is behind the bar."""
    told = " The network was still in training." if found["run"].get("unfinished") else ""
    for name, one in kept.get("networks", {}).items():
        where = behind(one)
        if where and re.search(rf"pretrained/{re.escape(name)}(?!\w)", found["run"]["command"]):
            told += f" The network {called(name)} is behind the bar at sigma {where}: conclude nothing there."
    return told


def pictured(question: Question, kept: Kept) -> list[Chart]:
    """A chart for each data set of which the question tells, of the rows that it names."""
    charts = []
    for name in DATA:
        found = kept.get(question.kind, {}).get(name)
        if found is not None and question.rows and question.answer(found) != NOT_MEASURED:
            start = recorded(found, question.kind, question.quantity)
            charts += chart(found, start, question.rows, TITLES[name])
    return charts


def chart(found: Found, start: str, rows: Sequence[str], title: str) -> list[Chart]:
    """A number of some rows against the noise level, or nothing where there is none of them."""
    known = {name: steps(found, f"{start}/{name}/") for name in rows}
    times = sorted({t for one in known.values() for t in one if t >= LEAST})
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
    told = f"{title}: {over_images(quantity)}" if "step_r2" in quantity else title
    made = Chart(
        told, SIGMA, LABELS[quantity], [sigma_of(t) for t in times], series, log_x=True,
        log_y="step_r2" not in quantity, y_range=FRAMES[quantity],
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


def tabled(question: Question, name: str, found: Found, first: bool = False) -> list[str]:
    """The table of a data set; the first has few rows, and says what they are."""
    columns, rows = question.table(found)
    sampled = first and tuple(columns) == SAMPLES
    if not sampled or len(rows) <= MOST:
        return [f"{TITLES[name]}:", markdown(columns, rows), *([meant()] if sampled else [])]
    few = rows[: BEST + sum(row[0] in map(called, FIRST) for row in rows)]
    head = f"{TITLES[name]}, the networks and the {BEST} highest in median r2:"
    return [head, markdown(columns, few), meant(), folded("All rows", [markdown(columns, rows)])]


def source(question: Question, name: str, found: Found) -> str:
    """Where the numbers of a data set come from, and how the rows of the page were calibrated."""
    run = found["run"]
    text = f"{TITLES[name]}: `{run['command']}`, commit `{run['commit']}`, {run['started']}"
    text += "." if run.get("seconds") is None else f", {run['seconds']:.0f} s."
    there = {row[0] for row in question.table(found)[1]} | set(map(called, question.rows))
    if took_none(run["command"]):
        typed = re.search(r"candidates\.pca_locality\.tau=(\S+)", run["command"])
        but = " but those that are named by theirs" if there & set(map(called, TAUS)) else ""
        return text + (f" One tau, {typed[1]}, for all rows{but}." if typed else " Not calibrated.")
    rows = [(called(one[0]), *one[1:]) for one in found.get("calibrated") or [] if called(one[0]) in there]
    heads = ("denoiser", "setting", "found on", "training images")
    return text + (f"\n\nCalibrated against the network:\n\n{markdown(heads, rows)}" if rows else "")


def folded(summary: str, parts: Sequence[str]) -> str:
    """What a reader opens by a click."""
    inner = "\n\n".join(parts)
    return f'<details markdown="1"><summary>{summary}</summary>\n\n{inner}\n\n</details>'


def published() -> list[str]:
    """The figures that others have published."""
    note = (
        "Published (arXiv 2602.16498, with the paper's networks); MSE on [0, 1], a quarter of that in our "
        "units, where images span -1 to 1:"
    )
    return [note, markdown(PUBLISHED[0], PUBLISHED[1:])]


def networks(kept: Kept) -> str:
    """The networks that ship, against the bar."""
    parts = ["# Networks that ship, on images that they have not seen"]
    columns, rows = network_table(kept["networks"])
    parts.append(markdown(columns, rows))
    parts.append(
        "Error over Wiener's at three noise levels. The bar: less than Wiener's from sigma .2 to 5, nowhere "
        "more from .1 to 10. The whole table is on each card."
    )
    more = kept.get("unshipped", {})
    if more:
        parts += ["Measured alike, and not in the package:", markdown(*network_table(more))]
    commands = [
        f"`{name}`: `{one['run']['command']}`, commit `{one['run']['commit']}`"
        for name, one in [*kept["networks"].items(), *more.items()]
    ]
    return "\n\n".join([*parts, folded(SOURCES, commands), "[All results](../results.md)"]) + "\n"


def network_table(known: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each network."""
    shown_at = (0.2, 1.0, 5.0)
    rows: list[list[Any]] = []
    for name, one in known.items():
        table = one["tables"]["heldout"]["rows"]
        ratios = {row[0]: row[3] for row in table}
        where = behind(one)
        rows.append(
            [
                name.replace("_", " "),
                *(ratios.get(sigma) for sigma in shown_at),
                f"not passed at sigma {where}" if where else "passed",
            ]
        )
    return [NETWORK, *(f"sigma {sigma:g}" for sigma in shown_at), "the bar"], rows


if __name__ == "__main__":
    main()
