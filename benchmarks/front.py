"""docs/results.md: one screen. The claim, a figure, a small table for each data set, caveats and links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.agreement import TITLE as AGREEMENT
from benchmarks.answers import EXACT, FLOOR, LEAST, OWN, Found, interval_of, sigma_of, steps
from benchmarks.eye_answers import who_sees, whose
from benchmarks.gathering import Kept
from benchmarks.questions import QUESTIONS
from benchmarks.small_tables import FRONT, MIDDLE, front_table, levels_table, middle
from benchmarks.titles import DATA, SIGMA, TITLES, bullets, called, markdown
from locality.heldout import is_behind
from locality.report import Chart, Series

LINES = ("network", "nn2", EXACT, OWN[0])  # of the figure
LINE_IF_NOT = OWN[1]  # where the last was not measured
AT = f"sigma {MIDDLE[0]:g} to {MIDDLE[1]:g}"  # where the claim is
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
            "the same noise. The second network differs in its seed."
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


def banks(found: Found) -> dict[str, int]:
    """How many training images each row had."""
    start = "paper/bank/"
    return {k.removeprefix(start): int(v) for k, v in found["scalars"].items() if k.startswith(start)}


def claim(tables: Mapping[str, Found], kept: Kept) -> list[str]:
    """Three sentences, chosen by the numbers."""
    return [
        sentence
        for sentence in (data_alone(tables), ahead_of_wiener(tables), where_networks_look(tables, kept))
        if sentence
    ]


def data_alone(tables: Mapping[str, Found]) -> str:
    """How near a denoiser that is made of the data comes to a network, beside a second one."""
    name, found = next(iter(tables.items()))
    scalars = found["scalars"]
    known = [scalars.get(f"paper/median_r2/{one}") for one in (*OWN, "local_mixture", EXACT)]
    best, ceiling = max(r2 for r2 in known if r2 is not None), scalars.get("paper/median_r2/nn2")
    beside = "" if ceiling is None else f" A second network has {ceiling:.2f}."
    return (
        f"On {TITLES[name]} the best analytical denoiser has a median r2 of {best:.2f} to the samples of the "
        f"network that it was calibrated against.{beside}"
    )


def ahead_of_wiener(tables: Mapping[str, Found]) -> str:
    """How much less error ours has than PCA locality, and whether that is ahead of Wiener, by intervals."""
    sorts: dict[str, list[str]] = {"ahead of": [], "level with": [], "behind": []}
    for name, found in tables.items():
        known = interval_of(found, "paper/median_r2_over_wiener", EXACT)
        if known is not None:
            word = "ahead of" if known[1] > 0 else "behind" if known[2] < 0 else "level with"
            sorts[word].append(TITLES[name])
    told = [f"{word} Wiener on {_and(names)}" for word, names in sorts.items() if names]
    known_ratios = [_best_ratio(found) for found in tables.values()]
    ratios = [ratio for ratio in known_ratios if ratio is not None]
    if not told or not ratios:
        return ""
    low, high = (round(100 * (1 - end(ratios))) for end in (max, min))
    span = f"{low} to {high}" if low < high else f"{low}"
    ours = f"{span} % less error" if low > 0 else f"{-low} % more error at worst"
    return (
        f"On images that nobody has seen, at {AT}, ours has {ours} than the paper's PCA locality. "
        f"Seed by seed, PCA locality is {_and(told)}."
    )


def _less(ratio: float, name: str) -> str:
    change = round(100 * abs(1 - ratio))
    return f"{change} % {'less' if ratio <= 1 else 'more'} error on {name}"


def _best_ratio(found: Found) -> float | None:
    ratios = [middle(found, f"paper/heldout_over_{EXACT}/{name}/") for name in OWN]
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known) if known else None


def where_networks_look(tables: Mapping[str, Found], kept: Kept) -> str:
    """What networks have beyond: the other eye where it was measured, else the error that is left."""
    cats = kept.get("mirror", {}).get("afhq32")
    if cats is None:
        gaps = {TITLES[n]: _gap(found) for n, found in tables.items()}
        told = [_less(1 + gap, name) for name, gap in gaps.items() if gap is not None]
        return f"The network itself has {_and(told)} than the best of them." if told else ""
    seen, others = who_sees(cats)
    training = " (still in training)" if cats["run"].get("unfinished") else ""
    spots = _and(sorted(map(whose, seen))) or "no denoiser"
    tail = f" {_and(sorted(map(whose, others)))} has none.".replace(" the ", " The ", 1) if others else ""
    return (
        f"On cats, at {AT}, the field of an eye has a second spot on the other eye in {spots}{training}."
        f"{tail}"
    )


def _gap(found: Found) -> float | None:
    theirs = middle(found, "paper/heldout_ratio/network/")
    ours = [middle(found, f"paper/heldout_ratio/{n}/") for n in (*OWN, EXACT)]
    known = [one for one in ours if one is not None]
    return theirs / min(known) - 1 if theirs is not None and known else None


def behind(network: Found) -> str:
    """The noise levels at which a network that ships does not pass the bar; empty if it passes."""
    rows = network["tables"]["heldout"]["rows"]
    return ", ".join(f"{row[0]:g}" for row in rows if is_behind(row[0], *row[-2:]))


def _below(networks: Mapping[str, Found]) -> str:
    """The networks that ship and do not pass the bar, with the noise levels at which they do not."""
    told = []
    for name, one in networks.items():
        told += [f"{called(name)} at {where}"] if (where := behind(one)) else []
    return f" Not better than Wiener, or not surely, at some sigma: {'; '.join(told)}." if told else ""


def caveats(tables: Mapping[str, Found], networks: Mapping[str, Found]) -> list[str]:
    """Three of them; the first from the numbers."""
    thin = []
    for name, found in tables.items():
        known = banks(found).values()
        fewer = sum(n < max(*known, found.get("images", 0)) for n in known)
        thin += [f"{fewer} of {len(known)} on {TITLES[name]}"] if fewer else []
    as_set = [TITLES[name] for name, found in tables.items() if not found.get("calibrated")]
    but = f", but for {_and(as_set)}, where they are as configured" if as_set else ""
    part = (
        f" Rows that read a part of the training images: {_and(thin)} ([which](results/ceiling.md))."
        if thin
        else ""
    )
    return [
        f"Costly rows were given fewer images or seeds.{part} Seconds are the least of a day's runs: other "
        "work on the machine only adds to them.",
        "The networks are small and were trained for an hour or two of a processor's core; the paper's are "
        f"larger and were trained for longer. What is said of networks is said of these.{_below(networks)}",
        f"Settings and shares were found against the same network, on val images{but}; all rows are measured "
        "on test images. r2 of a nearly flat image can be far below 0, hence the medians.",
    ]


def _and(names: Sequence[Any]) -> str:
    parts = [str(name) for name in names]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
