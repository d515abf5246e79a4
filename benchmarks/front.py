"""docs/results.md: one screen. The claim, a figure, a small table for each data set, caveats and links."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.agreement import TITLE as AGREEMENT
from benchmarks.answers import EXACT, FLOOR, LEAST, MIDDLE, OWN, Found, is_middle, sigma_of, steps
from benchmarks.caveats import banks, caveats
from benchmarks.claims import Eyes, but_medians, standing, stands
from benchmarks.gathering import Kept
from benchmarks.questions import QUESTIONS
from benchmarks.small_tables import FRONT, front_table, levels_table, middle
from benchmarks.titles import DATA, SIGMA, TITLES, bullets, joined, markdown
from locality.report import Chart, Series

LINES = ("network", "nn2", EXACT, OWN[0])  # of the figure
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
    """A few bullets, chosen by the numbers."""
    said = (data_alone(tables), less_error(tables), seed_by_seed(tables), where_networks_look(tables, kept))
    return [sentence for sentence in said if sentence]


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


def less_error(tables: Mapping[str, Found]) -> str:
    """How much less error the better of ours has than PCA locality on unseen images."""
    ratios = {name: ratio for name, found in tables.items() if (ratio := _best_ratio(found)) is not None}
    known = [(ratio, TITLES[name], tables[name]) for name, ratio in ratios.items()]
    if not known:
        return ""
    (most, there, _), (least, here, _) = max(known, key=_ratio), min(known, key=_ratio)
    told = f"{_per_cent(most)} % ({there}) to {_per_cent(least)} % ({here}) less error"
    if len(known) == 1 or most > 1:
        told = joined(_less(ratio, title) for ratio, title, _ in known)
    counts = {sum(map(is_middle, steps(found, OVER + OWN[1] + "/"))) for _, _, found in known}
    over = f"{max(counts)} noise levels" if len(counts) == 1 else "the noise levels"
    return (
        f"On unseen images our better stack has {told} than the paper's PCA locality, in the median over "
        f"{over} ({AT})."
    )


def _ratio(known: tuple[float, str, Found]) -> float:
    return known[0]


def seed_by_seed(tables: Mapping[str, Found]) -> str:
    """How PCA locality stands to Wiener in r2 of samples."""
    sorts = standing(tables, EXACT, FLOOR)
    if not sorts:
        return ""
    but = but_medians(tables, EXACT, FLOOR, sorts)
    return f"In r2 of samples to the network, seed by seed, PCA locality is {stands(sorts, 'Wiener')}{but}."


def _less(ratio: float, name: str) -> str:
    return f"{_per_cent(ratio)} % {'less' if ratio <= 1 else 'more'} error on {name}"


def _per_cent(ratio: float) -> int:
    return round(100 * abs(1 - ratio))


def _best_ratio(found: Found) -> float | None:
    ratios = [middle(found, f"{OVER}{name}/") for name in OWN]
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known) if known else None


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
