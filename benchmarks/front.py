"""docs/results.md: one screen. The claim, a figure, a small table for each data set, caveats and links."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from benchmarks.agreement import TITLE as AGREEMENT
from benchmarks.answers import EXACT, FLOOR, LEAST, MIDDLE, OWN, Found, is_middle, sigma_of, steps
from benchmarks.caveats import banks, caveats
from benchmarks.ceiling_answers import comparable
from benchmarks.claims import Eyes
from benchmarks.field_claims import field_claim
from benchmarks.gathering import Kept
from benchmarks.letters import short
from benchmarks.own_answers import more_images
from benchmarks.questions import QUESTIONS
from benchmarks.small_tables import FRONT, front_table, levels_table, middle
from benchmarks.titles import DATA, SIGMA, TITLES, bullets, called, joined, markdown
from locality.report import Chart, Series

LINES = ("network", "nn2", EXACT, OWN[0])  # of the figure
BESIDE = (EXACT, FLOOR, "nn2")  # whose r2 stands beside the best one's
LINE_IF_NOT = OWN[1]  # where the last was not measured
AT = f"sigma from {MIDDLE[0]:g} to {MIDDLE[1]:g}"  # where the claim is
OVER = f"paper/heldout_over_{EXACT}/"  # whose error is divided by PCA locality's
FRAME = (0.35, 2.0)  # of the figure's axis
TITLE = "Error on held-out images over the Wiener filter's"
Figure = tuple[list[Chart], str]


def front_page(kept: Kept) -> tuple[str, Figure | None]:
    """The page and what its figure shows."""
    tables = {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}
    charts = [chart(TITLES[name], found) for name, found in tables.items()]
    parts = ["# Results", bullets(claim(tables, kept)) if tables else "Nothing is measured yet."]
    parts += [f"![{TITLE}](images/results.png)"] if charts else []
    if tables:
        first = next(iter(tables.values()))
        _, *levels = levels_table(first, "paper/heldout_ratio", FRONT, all_levels=False)[0]
        parts.append(
            "r2 of samples is a median over seeds. One-step r2 and error are medians over "
            f"{len(levels)} noise levels, {levels[-1]} to {levels[0]}. r2 is to the network's images from "
            "the same noise. The second network differs in its seed. Mirror images count as training images."
        )
    for name, found in tables.items():
        parts += [f"**{TITLES[name]}**, {size(found)}:", markdown(*front_table(found))]
    parts.append(
        "\n".join(f"{k}. {text}" for k, text in enumerate(caveats(tables, kept["networks"]), start=1))
    )
    links = [f"[{question.text}](results/{question.page}.md)" for question in QUESTIONS]
    links = [f"[{AGREEMENT}](results/paper.md)", *links]
    links += [
        "[The networks that ship](results/networks.md)",
        "[Experiments with the pattern](experiments.md)",
    ]
    parts.append(bullets(links))
    parts.append(
        "`make paper` writes these pages from run folders. `docs/results.json` has all numbers and intervals."
    )
    return "\n\n".join(parts) + "\n", (charts, TITLE) if charts else None


def readme_block(kept: Kept, images: Path) -> str:
    """What README.md tells of the results: the eyes, the claim, and a table in which Wiener is 1."""
    tables = {name: kept["paper"][name] for name in DATA if name in kept.get("paper", {})}
    eyes = next((f"{n}_eyes.png" for n in DATA if (images / f"{n}_eyes.png").is_file()), None)
    parts = [f"![What an eye's pixel depends on](docs/images/{eyes})"] if eyes else []
    parts += [bullets(claim(tables, kept))] if tables else []
    for name, found in list(tables.items())[:1]:
        rows = [*LINES[:-1], *OWN, FLOOR]
        columns, cells = levels_table(found, "paper/heldout_ratio", rows, all_levels=False)
        parts += [f"{TITLE}, {TITLES[name]} ([the rest](docs/results.md)):", markdown(columns, cells)]
    return "\n\n".join(parts) + "\n"


def chart(title: str, found: Found) -> Chart:
    """The error over Wiener's of four rows."""
    rows = [*LINES[:-1], LINES[-1] if has(found, LINES[-1]) else LINE_IF_NOT]
    known = {name: steps(found, f"paper/heldout_ratio/{name}/") for name in rows if has(found, name)}
    ends = [{n: steps(found, f"paper/heldout_ratio{end}/{n}/") for n in known} for end in ("_low", "_high")]
    times = sorted(t for t in next(iter(known.values())) if t >= LEAST)
    series = {
        n: Series([one[t] for t in times], *([end[n][t] for t in times] for end in ends))
        for n, one in known.items()
    }
    return Chart(
        title,
        SIGMA,
        "error / Wiener's",
        [sigma_of(t) for t in times],
        series,
        log_x=True,
        log_y=True,
        y_range=FRAME,
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


def claim(tables: Mapping[str, Found], kept: Kept) -> list[str]:
    """At most five bullets of two sentences, chosen by the numbers."""
    fields = (field_claim(kept), short(kept))
    said = (*fields, data_alone(tables), less_error(tables), where_networks_look(tables, kept))
    return [sentence for sentence in said if sentence]


def data_alone(tables: Mapping[str, Found]) -> str:
    """How near the best denoiser that is made of the data comes to a network, beside others."""
    name, found = next(iter(tables.items()))
    known = comparable(found, "paper/median_r2/")
    if not known:
        return ""
    best, r2 = max(known, key=lambda pair: pair[1])
    others = {one: found["scalars"].get(f"paper/median_r2/{one}") for one in BESIDE if one != best}
    told = [(_second(one), value) for one, value in others.items() if value is not None]
    beside = joined(f"{one} {'has ' if k == 0 else ''}{value:.2f}" for k, (one, value) in enumerate(told))
    return (
        f"On {TITLES[name]} the best analytical denoiser is {called(best)}, with a median r2 of {r2:.2f} to "
        "the samples of the network that it was calibrated against."
        + (f" {beside[0].upper()}{beside[1:]}." if told else "")
    )


def _second(name: str) -> str:
    return f"a {called(name)}" if name == BESIDE[-1] else called(name)


def less_error(tables: Mapping[str, Found]) -> str:
    """How much less error one of ours has than PCA locality on unseen images: that of the most data."""
    counts = {row: [n for n, found in tables.items() if steps(found, f"{OVER}{row}/")] for row in OWN}
    row = max(OWN, key=lambda row: len(counts[row]))
    levels = {
        name: {t: ratio for t, ratio in steps(tables[name], f"{OVER}{row}/").items() if is_middle(t)}
        for name in counts[row]
    }
    known = [(median(one.values()), TITLES[name]) for name, one in levels.items() if one]
    if not known:
        return ""
    (most, there), (least, here) = max(known), min(known)
    told = f"{_per_cent(most)} % ({there}) to {_per_cent(least)} % ({here}) less error"
    if len(known) == 1 or most > 1:
        told = joined(_less(ratio, title) for ratio, title in known)
    ratios = [ratio for one in levels.values() for ratio in one.values()]
    more = [_per_cent(max(ratios)), _per_cent(min(ratios))] if max(ratios) <= 1 else []
    tail = [f"level by level it is {more[0]} % to {more[1]} % less"] if more else []
    tail += [
        f"on {TITLES[name]} it draws on {both[0]:,.0f} training images, PCA locality on {both[1]:,.0f}"
        for name in counts[row]
        if (both := more_images(tables[name]))
    ]
    second = "; ".join(tail)
    return f"On unseen images {called(row)} has {told} than PCA locality, in the median over {AT}." + (
        f" {second[0].upper()}{second[1:]}." if tail else ""
    )


def _less(ratio: float, name: str) -> str:
    return f"{_per_cent(ratio)} % {'less' if ratio <= 1 else 'more'} error on {name}"


def _per_cent(ratio: float) -> int:
    return round(100 * abs(1 - ratio))


def where_networks_look(tables: Mapping[str, Found], kept: Kept) -> str:
    """What sets networks apart: the other eye where it was measured, else the error that is left."""
    cats = kept.get("mirror", {}).get("afhq32")
    if cats is None:
        gaps = {TITLES[n]: _gap(found) for n, found in tables.items()}
        told = [_less(1 + gap, name) for name, gap in gaps.items() if gap is not None]
        return f"The network itself has {joined(told)} than the best of them." if told else ""
    eyes = Eyes.of(cats)
    training = " (still in training)" if cats["run"].get("unfinished") else ""
    beside = f", and there more than a network {eyes.trained()}" if eyes.others else ""
    tail = f" They do so at some {AT}{beside}." if eyes.seen else ""
    return f"{eyes.counted()}{training} look where it says that an eye's twin is.{tail}"


def _gap(found: Found) -> float | None:
    theirs = middle(found, "paper/heldout_ratio/network/")
    ours = [middle(found, f"paper/heldout_ratio/{n}/") for n in (*OWN, EXACT)]
    known = [one for one in ours if one is not None]
    return theirs / min(known) - 1 if theirs is not None and known else None
