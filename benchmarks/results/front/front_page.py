"""docs/results.md: one screen. The claim, a figure, a small table for each data set, caveats and links."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.results.caveats import HEADS, banks, caveats
from benchmarks.results.front.beneath import as_released, nearest_other
from benchmarks.results.front.headlines import claim, lead
from benchmarks.results.front.in_brief import in_brief
from benchmarks.results.kept.gathering import Kept
from benchmarks.results.page_parts import folded
from benchmarks.results.words import members
from benchmarks.results.words.answers import (
    EXACT,
    FLOOR,
    LEAST,
    OWN,
    Found,
    over_images,
    sigma_of,
    step_kind,
    steps,
)
from benchmarks.results.words.axes import along, up
from benchmarks.results.words.counts import BY_CHANCE
from benchmarks.results.words.had import had
from benchmarks.results.words.small_tables import FRONT, front_table, levels_table
from benchmarks.results.words.titles import DATA, FRAMES, TITLES, bullets, called, markdown, numbered, on
from locality.report import Chart, Series

LINES = ("network", "nn2", EXACT, OWN[0])  # of the figure
LINE_IF_NOT = OWN[1]  # where the last was not measured
TITLE = "Error on held-out images over the Wiener filter's"
EYES = (
    "Each picture shows how much a cat's left eye in the output depends on each pixel of the noisy input. "
    "The circle holds the right eye. The control never saw a cat."
)
Figure = tuple[list[Chart], str]
GROUPS = {  # of links: page of docs/results -> what it is called there
    "The paper's claims": {
        "paper": "what agrees and what does not",
        "fields": "fields of networks and of Wiener",
        "eyes": "the other eye",
        "pattern": "a hidden letter",
        "ceiling": "distance to a second network",
        "heldout": "error on unseen images",
        "epsilon": "a network that predicts the noise",
        "published_order": "order of the methods",
    },
    "Our denoisers": {
        "our_denoisers": "beside PCA locality and Wiener",
        "remaining": "what networks do beyond them",
        "larger": "at 64 x 64",
        "bank_sizes": "more training images",
        "equal_banks": "as many training images",
        "released_form": "beside the released PCA locality",
    },
    "Forms of PCA locality": {
        "information": "the best window",
        "without_network": "settings that no network chose",
        "by_output": "a setting for each pixel",
        "tau": "tau",
        "mask_orientation": "mask and threshold",
        "batch_averages": "batch averages",
        "released_masks": "float32 masks",
    },
    "Checks and networks": {
        "networks": "the networks that ship",
        "../experiments": "experiments with the letter",
        "halves": "networks that share no image",
        "labels": "the class of an image",
        "bfloat16": "bfloat16",
    },
}


def front_page(kept: Kept) -> tuple[str, Figure | None]:
    """The page and what its figure shows."""
    tables = {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}
    charts = [chart(TITLES[name], found) for name, found in tables.items()]
    parts = ["# Results", *first_words(tables, kept, "results/")]
    parts += [] if tables else ["Nothing is measured yet."]
    parts += [f"![{TITLE}](images/results.png)"] if charts else []
    if tables:
        first = next(iter(tables.values()))
        _, *levels = levels_table(first, "paper/heldout_ratio", FRONT, all_levels=False)[0]
        parts.append(
            "r2 of samples is a median over seeds. One-step r2 and error are medians over "
            f"{len(levels)} noise levels, {levels[-1]} to {levels[0]}. {_at_each(tables)} r2 is to the "
            "network's images from the same noise. The second network differs in its seed. Mirror images "
            "count as training images."
        )
    for k, (name, found) in enumerate(tables.items()):
        row = f" {called(EXACT)} had {told}." if (told := had(found, "paper")) else ""
        row += f" {parts_read}." if (parts_read := members.told(found, "paper")) else ""
        table = markdown(*front_table(found))
        more = filter(None, (as_released(kept.get("released", {}).get(name)), nearest_other(found)))
        beneath = " ".join(f"{one}." for one in more)
        shown = [f"{size(found)}.{row}", table, *([beneath] if beneath else [])]
        if k:
            parts.append(folded(TITLES[name], shown))
        else:
            parts += [f"**{TITLES[name]}**, {shown[0]}", *shown[1:]]
    told = caveats(tables, {**kept["networks"], **kept.get("unshipped", {})}, kept.get("bank_sizes"))
    parts += [BY_CHANCE, numbered(HEADS), folded("More on these three", [numbered(told)])]
    parts.append(bullets(links()))
    parts.append(
        "[What the words mean](concepts.md#words-of-the-result-pages). `make paper` writes these pages from "
        "run folders. `docs/results.json` has all numbers and intervals."
    )
    return "\n\n".join(parts) + "\n", (charts, TITLE) if charts else None


def _at_each(tables: Mapping[str, Found]) -> str:
    """What the r2 of one step is over images, at each noise level: what was recorded of each data set."""
    kinds: dict[str, list[str]] = {}
    for name, found in tables.items():
        kinds.setdefault(over_images(step_kind(found, "paper")), []).append(TITLES[name])
    (first, _), *others = kinds.items()
    rest = "".join(f", {on(titles)} a {kind.split()[0]}" for kind, titles in others)
    return f"At each level one-step r2 is a {first}{rest}."


def links() -> list[str]:
    """A line of links for each group of pages."""
    told = {
        group: ", ".join(f"[{title}]({_path(page)})" for page, title in pages.items())
        for group, pages in GROUPS.items()
    }
    return [f"**{group}**: {line}." for group, line in told.items()]


def _path(page: str) -> str:
    return f"{page.removeprefix('../')}.md" if page.startswith("../") else f"results/{page}.md"


def readme_block(kept: Kept, images: Path) -> str:
    """What README.md tells of the results: the eyes, the claim, and a table in which Wiener is 1."""
    tables = {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}
    eyes = next((f"{n}_eyes.png" for n in DATA if (images / f"{n}_eyes.png").is_file()), None)
    parts = [f"![What an eye's pixel depends on](docs/images/{eyes})", EYES] if eyes else []
    if tables:
        parts += filter(None, [lead(kept, "docs/results/")])
        parts.append(bullets([one.short for one in in_brief(tables, kept)]))
        parts.append(f"{HEADS[1]} [What the words mean](docs/concepts.md#words-of-the-result-pages).")
    for name, found in list(tables.items())[:1]:
        rows = [*LINES[:-1], *OWN, FLOOR]
        columns, cells = levels_table(found, "paper/heldout_ratio", rows, all_levels=False)
        parts += [f"{TITLE}, {TITLES[name]} ([the rest](docs/results.md)):", markdown(columns, cells)]
    return "\n\n".join(parts) + "\n"


def first_words(tables: Mapping[str, Found], kept: Kept, place: str) -> list[str]:
    """How many claims agree, what was found, and more of it folded; nothing without the paper's table."""
    if not tables:
        return []
    said = in_brief(tables, kept)
    shown = [one.short for one in said]
    every = dict.fromkeys((*(one.whole for one in said), *claim(tables, kept)))
    more = [one for one in every if one not in shown]
    parts = [*filter(None, [lead(kept, place)]), bullets(shown)]
    return [*parts, folded("More on each of these", [bullets(more)])] if more else parts


def chart(title: str, found: Found) -> Chart:
    """The error over Wiener's of four rows."""
    rows = [*LINES[:-1], LINES[-1] if has(found, LINES[-1]) else LINE_IF_NOT]
    known = {name: steps(found, f"paper/heldout_ratio/{name}/") for name in rows if has(found, name)}
    ends = [{n: steps(found, f"paper/heldout_ratio{end}/{n}/") for n in known} for end in ("_low", "_high")]
    levels = next(iter(known.values()))
    times = sorted(t for t in levels if t >= LEAST)
    series = {
        n: Series([one[t] for t in times], *([end[n][t] for t in times] for end in ends))
        for n, one in known.items()
    }
    return Chart(
        title,
        along(levels, times),
        up("heldout_ratio", series),
        [sigma_of(t) for t in times],
        series,
        log_x=True,
        log_y=True,
        y_range=FRAMES["heldout_ratio"],
    )


def has(found: Found, name: str) -> bool:
    """Whether a row was measured."""
    return bool(steps(found, f"paper/heldout_ratio/{name}/"))


def size(found: Found) -> str:
    """How many seeds, how many images the largest bank has, and the day."""
    largest = max(banks(found).values())
    whole = f" of {found['images']:,}" if largest < found.get("images", 0) else ""
    day = str(found["run"]["started"]).split()[0]
    return f"{found['size']} seeds, up to {largest:,}{whole} training images a row, measured {day}"
