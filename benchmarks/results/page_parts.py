"""Parts of a page of results: a table, notes of what makes it mislead, where its numbers come from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.results.bar import SHORT_OF, levels_by_surety, steps_before
from benchmarks.results.kept.borrowed import calibrations
from benchmarks.results.kept.gathering import Kept, took_none
from benchmarks.results.questions.question import Question
from benchmarks.results.words import members
from benchmarks.results.words.answers import EXACT, OWN, TAUS, Found
from benchmarks.results.words.commands import OTHERWISE, WITHOUT_COMMIT, edits, with_checkpoint
from benchmarks.results.words.had import had
from benchmarks.results.words.published import PUBLISHED
from benchmarks.results.words.small_tables import FIRST, SAMPLES, meant
from benchmarks.results.words.titles import DATA, TITLES, called, joined, markdown, network_called, on

RUNS = {  # of training, that commands name: what makes them
    "afhq-wiener": "python train.py model=wiener data=afhq denoiser.shrinkage=ledoit_wolf",
    "cifar-gamma0-unet": "python train.py experiment=cifar_cpu gamma=0",
}
SOURCES = "Commands, commits and calibrations"
FOOT = "[What the words mean](../concepts.md#words-of-the-result-pages). [All results](../results.md)"
MOST, BEST = 10, 5  # rows of a first table that is shown whole; else these beside the networks


def notes(found: Found, kept: Kept) -> str:
    """What is added to what is said of a data set: where to conclude nothing, how networks were trained."""
    begun: dict[int, list[str]] = {}
    for name, one in _named(found, kept):
        if before := steps_before(one):
            begun.setdefault(before, []).append(network_called(name))
    told = [
        f" {joined(names)} {'were' if len(names) > 1 else 'was'} trained in two goes: {before:,} steps, then "
        "the rest."
        for before, names in begun.items()
    ]
    return cautions(found, kept) + "".join(told)


def cautions(found: Found, kept: Kept) -> str:
    """That a network was measured on the way, and where one has more error than Wiener or may have."""
    told = " The network was still in training." if found["run"].get("unfinished") else ""
    places: dict[tuple[str, bool], list[str]] = {}
    for name, one in _named(found, kept):
        for sure, levels in levels_by_surety(one).items():
            where = joined(f"{sigma:g}" for sigma in levels)
            places.setdefault((where, sure), []).append(network_called(name))
    for (where, sure), known in places.items():
        many = len(known) > 1
        told += (
            f" At sigma {where} conclude nothing from {'these networks' if many else 'this network'}, which "
        )
        told += f"{SHORT_OF[sure][many]} Wiener there: {'; '.join(known)}."
    return told


def _named(found: Found, kept: Kept) -> list[tuple[str, Found]]:
    """The networks that a command names, those that ship and others."""
    command = with_checkpoint(found["run"]["command"])
    known = {**kept.get("unshipped", {}), **kept.get("networks", {})}
    return [
        (name, one)
        for name, one in known.items()
        if re.search(rf"(?:pretrained|exports)/{re.escape(name)}(?![\w.])", command)
    ]


def measured_on(question: Question, there: Sequence[str], kept: Kept) -> list[str]:
    """On which data the forms of a method were measured, and on which of the main table's they were not."""
    missing = [TITLES[name] for name in DATA if name in kept.get("paper", {}) and name not in there]
    if question.kind != "variants" or not there or not missing:
        return []
    return [f"The table was measured {on([TITLES[name] for name in there])}, not {on(missing, 'or')}."]


def tabled(
    question: Question, name: str, found: Found, first: bool = False, whole: bool = False
) -> list[str]:
    """The table of a data set; the first says what its columns are, and has few rows or is whole."""
    columns, rows = question.table(found)
    sampled = first and tuple(columns) == SAMPLES
    if not sampled or whole or len(rows) <= MOST:
        head = f"{TITLES[name]}{_with(question, found, rows)}:"
        words = [meant()] if sampled else []
        return [head, markdown(columns, rows), *words, *_parts(question, found, rows)]
    few = rows[: BEST + sum(row[0] in map(called, FIRST) for row in rows)]
    head = f"{TITLES[name]}, the networks and the {BEST} highest in median r2{_with(question, found, rows)}:"
    more = folded("All rows", [markdown(columns, rows)])
    return [head, markdown(columns, few), meant(), *_parts(question, found, rows), more]


def _with(question: Question, found: Found, rows: Sequence[Sequence[object]]) -> str:
    """What PCA locality had, where the table has its row: it differs from page to page."""
    told = had(found, question.kind) if called(EXACT) in {row[0] for row in rows} else ""
    return f" ({called(EXACT)} had {told})" if told else ""


def _parts(question: Question, found: Found, rows: Sequence[Sequence[object]]) -> list[str]:
    """What the members of stacked locality read, where the table has its row."""
    told = members.told(found, question.kind) if called(OWN[0]) in {row[0] for row in rows} else ""
    return [f"{told}."] if told else []


def sources(question: Question, name: str, found: Found) -> list[str]:
    """Where the numbers of a data set come from, those of fields of signed means too."""
    signed = [source(question, f"{TITLES[name]}, signs kept", found["signed"])] if "signed" in found else []
    unlike = [f"{told}."] if (told := OTHERWISE.get((question.kind, name))) else []
    return [source(question, TITLES[name], found), *unlike, *signed]


def source(question: Question, title: str, found: Found) -> str:
    """Where numbers come from, and how the rows of the page were calibrated."""
    run = found["run"]
    text = f"{title}: `{run['command']}`, commit `{run['commit']}`{edits(run['commit'])}, {run['started']}"
    text += "." if run.get("seconds") is None else f", {run['seconds']:.0f} s."
    there = {row[0] for row in question.table(found)[1]} | set(map(called, question.rows))
    if took_none(run["command"]):
        typed = re.search(r"candidates\.pca_locality\.tau=(\S+)", run["command"])
        but = " except those that are named by theirs" if there & set(map(called, TAUS)) else ""
        return text + (f" One tau, {typed[1]}, for all rows{but}." if typed else " Not calibrated.")
    lent = found.get("borrowed", {})
    rows = [
        (called(row), f"{setting} of {called(lent[row])}" if row in lent else setting, *rest)
        for row, setting, *rest in calibrations(found)
        if called(row) in there
    ]
    heads = ("denoiser", "setting", "found on", "training images")
    for against, some in _apart(rows).items():
        text += f"\n\nCalibrated against {against}:\n\n{markdown(heads, some)}"
    return text


def _apart(rows: Sequence[Sequence[str]]) -> dict[str, list[Sequence[str]]]:
    """Calibrations by what they were found against, as their cells say: the network, or clean images."""
    told: dict[str, list[Sequence[str]]] = {}
    for row in rows:
        told.setdefault(row[2].partition(", against ")[2] or "the network", []).append(row)
    return told


def made(found: Found, kept: Kept) -> list[str]:
    """How networks that a command names are made: those that do not ship, and those that no commit makes."""
    said = [
        f"{network_called(network)} was trained {WITHOUT_COMMIT}."
        for network, one in _named(found, kept)
        if edits(one.get("run", {}).get("commit"))
    ]
    for name in dict.fromkeys(re.findall(r"runs/exports/([\w.]+)", found["run"]["command"])):
        if name in kept.get("networks", {}):
            said.append(f"`runs/exports/{name}` ships: `pretrained/{name}`.")
        elif one := kept.get("unshipped", {}).get(name):
            said.append(f"`runs/exports/{name}` does not ship. {remade(name, one)}")
    for run, kind in re.findall(r"(runs/\d+-\d+-([\w-]+)-seed\d+)", found["run"]["command"]):
        if kind in RUNS:
            said.append(f"`{run}` does not ship. It is made by `{RUNS[kind]}`.")
    return list(dict.fromkeys(said))


def remade(name: str, network: Found) -> str:
    """The commands that make a network and put it where commands look for it."""
    train, write = network["run"]["command"], f"python -m locality.export runs/latest runs/exports/{name}"
    return f"It is made by `{train}`, then `{write}`."


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
