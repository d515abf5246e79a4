"""Write docs/experiments.md from the run folders: its tables, pictures, commands and times.

    make experiments                                     measure the finished trainings, then this
    python -m benchmarks.experiments [--runs runs]       the page alone
    python -m benchmarks.experiments --redraw            the pictures along training, from the kept tables

Each block of the page, between `<!-- name -->` and `<!-- end -->`, comes from the newest finished evaluation
of that kind and from the trainings that it names, in run folders or among the networks that ship. What was
found before and is not there now stays: docs/experiments.json keeps it. What there is no run of is named.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.questions.letter_levels import CONTRAST, VERDICT, number, recounted
from locality.checkpoints.reading import read
from locality.checkpoints.trained import model_name, steps_of
from locality.compare.contrasts import LABEL
from locality.disk import write_atomically
from locality.report import Chart, Series
from locality.report.figures import draw_chart, to_png
from locality.report.provenance import told
from locality.report.sessions import SESSIONS
from locality.report.table import format_markdown
from locality.runs.finding import runs_in

ROOT = Path(__file__).resolve().parent.parent
SHIPPED, DOCS = ROOT / "pretrained", ROOT / "docs"
PAGE, KEPT, IMAGES = DOCS / "experiments.md", DOCS / "experiments.json", DOCS / "images"
COMPARISONS = ("pattern", "architectures")
STEPS = "pattern/steps_gamma"  # tables of an evaluation of networks with snapshots
GAMMAS, SEEDS = (0.0, 0.1, 0.5), (0, 1, 2)
MODELS = ("unet", "unet_conv", "unet_attention", "dit", "mlp", "mixer")
TRAINING = ("model", "gamma", "seed", "steps", "val loss", "seconds", "commit", "command")
Run = tuple[Path, DictConfig, dict[str, Any]]  # folder, config, metrics
Kept = dict[str, Any]  # of an evaluation: its run, tables, pictures, and rows of TRAINING


def main() -> None:
    """Merge what the run folders hold into the kept file, and rewrite every block of the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder of the run folders")
    parser.add_argument("--redraw", action="store_true", help="the pictures along training, nothing else")
    asked = parser.parse_args()
    kept: dict[str, Kept] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if asked.redraw:
        for name in matching(kept.get("steps"), STEPS):
            write_atomically(_picture(name), to_png(draw_chart(along(name, kept["steps"]["tables"][name]))))
        return
    runs = finished(asked.runs)
    for comparison in COMPARISONS:
        run = newest(runs, comparison)
        if run is not None:
            kept[comparison] = record(run, trainings(run, runs))
            publish(run, [name for name in kept[comparison]["pictures"] if not name.startswith(STEPS)])
            if comparison == "pattern" and growth(kept[comparison]) >= growth(kept.get("steps")):
                kept["steps"] = kept[comparison]
                publish(run, [name for name in kept["steps"]["pictures"] if name.startswith(STEPS)])
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(PAGE.read_text(), kept))


def page(text: str, kept: dict[str, Kept]) -> str:
    """The page with every block written anew."""
    pattern, models, steps = (kept.get(name) for name in (*COMPARISONS, "steps"))
    if pattern and VERDICT in pattern["tables"]:
        pattern = {**pattern, "tables": {**pattern["tables"], VERDICT: recounted(pattern["tables"])}}
    rows = [tuple(row) for one in (pattern, models, steps) if one for row in one["trainings"]]
    named: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        named.setdefault(row[: TRAINING.index("val loss")], row)
    blocks: dict[str, Callable[[], str]] = {
        "trainings": lambda: training_table(list(named.values())),
        "missing": lambda: missing(list(named.values())),
        "pattern": lambda: evaluation(pattern, [VERDICT, CONTRAST], "figure4"),
        "contrast": lambda: pictures(pattern, CONTRAST),
        "steps": lambda: evaluation(steps, matching(steps, STEPS), STEPS),
        "architectures": lambda: evaluation(models, ["architectures/cosine"], "architectures/"),
    }
    return re.sub(
        r"(<!-- (\w+) -->\n).*?(<!-- end -->)",
        lambda match: match[1] + blocks[match[2]]() + match[3],
        text,
        flags=re.DOTALL,
    )


def finished(root: Path) -> list[Run]:
    """The finished runs, newest first."""
    found: list[Run] = []
    for folder, status in reversed(runs_in(root)):
        metrics = folder / "metrics.json"
        if status["state"] == "finished" and metrics.is_file():
            found.append((folder, _config(folder), json.loads(metrics.read_text())))
    return found


def newest(runs: list[Run], comparison: str) -> Run | None:
    """The newest evaluation of a kind whose networks, two or more, had been trained to the end."""
    for run in runs:
        _, config, _ = run
        evaluated = config.task == "evaluate" and config.compare["_target_"].endswith(f".{comparison}")
        if not evaluated or config.unfinished or len(config.networks) < 2:  # one is compared with nothing
            continue
        if len(trainings(run, runs)) == len(config.networks):
            return run
    return None


def trainings(evaluation_run: Run, runs: list[Run]) -> list[Run]:
    """The trainings of an evaluation's networks, in its order: run folders, or networks that ship."""
    by_name = {folder.name: (folder, config, metrics) for folder, config, metrics in runs}
    for path in SHIPPED.glob("*/metrics.json"):
        by_name.setdefault(
            path.parent.name, (path.parent, _config(path.parent), json.loads(path.read_text()))
        )
    names = [Path(path).name for path in evaluation_run[1].networks.values()]
    return [by_name[name] for name in names if name in by_name]


def record(run: Run, trained: list[Run]) -> Kept:
    """What the page tells of an evaluation."""
    folder, _, metrics = run
    images = folder / "images"
    shown = [path.relative_to(images).with_suffix("").as_posix() for path in sorted(images.rglob("*.png"))]
    about = {key: metrics["run"][key] for key in ("command", "seconds", "commit")}
    about["command"] = told(about["command"])
    rows = [training(one) for one in trained]
    return {"run": about, "tables": metrics["tables"], "pictures": shown, "trainings": rows}


def publish(run: Run, names: list[str]) -> None:
    """Copy pictures of an evaluation to docs/images."""
    for name in names:
        shutil.copy(run[0] / "images" / f"{name}.png", _picture(name))


def along(name: str, table: dict[str, Any]) -> Chart:
    """The chart of a table of STEPS, of every other noise level. It shows means without intervals."""
    steps = [int(head.removeprefix("step ").replace(",", "")) for head in table["columns"][1:-1]]
    series: dict[str, Series] = {}
    for t, *means, wiener in table["rows"][1::2]:
        series[f"t = {t}"] = Series(map(number, means))
        series[f"t = {t}, Wiener"] = Series([number(wiener)] * len(steps), beside=f"t = {t}")
    title = f"Contrast along the pattern as training goes on, gamma = {name.removeprefix(STEPS)}"
    return Chart(title, "optimiser steps", LABEL, steps, series, log_x=True, log_y=True)


def growth(kept: Kept | None) -> tuple[int, int]:
    """How much an evaluation tells of the pattern along training: strengths, and how often on the way."""
    names = matching(kept, STEPS)
    return len(names), max((len(kept["tables"][name]["columns"]) for name in names if kept), default=0)


def training(run: Run) -> list[Any]:
    """A row of TRAINING."""
    folder, config, metrics = run
    about = metrics["run"]
    return [
        model_name(config.model), f"{config.gamma:g}", int(config.seed), steps_of(read(folder)),
        metrics["scalars"].get("val/loss"), seconds(folder, about), about["commit"],
        f"`{told(about['command'])}`",
    ]  # fmt: skip


def seconds(folder: Path, about: dict[str, Any]) -> str:
    """What a training took; sessions that were killed left no time."""
    path = folder / SESSIONS
    sessions = json.loads(path.read_text()) if path.is_file() else [about, *about.get("resumed", [])]
    later = sum(session.get("seconds", 0) for session in about.get("resumed", []))
    killed = any("seconds" not in session for session in sessions) or 0 < about["seconds"] <= later
    return ("more than " if killed else "") + f"{about['seconds']:.0f}"


def training_table(named: list[tuple[Any, ...]]) -> str:
    """Commands, times and commits of the trainings, each once."""
    return format_markdown(TRAINING, named) + "\n" if named else "No training has been measured yet.\n"


def missing(named: list[tuple[Any, ...]]) -> str:
    """What the page should show and no finished run gives."""
    there = {(model, float(gamma), seed) for model, gamma, seed, *_ in named}
    wanted = {("unet", gamma, seed) for gamma in GAMMAS for seed in SEEDS}
    lines = [
        f"* `model={model}`, gamma = {gamma:g}, seed {seed}" for model, gamma, seed in sorted(wanted - there)
    ]
    others = sorted(set(MODELS) - {model for model, gamma, _ in there if gamma == 0})
    lines += [f"* `model={model}`, gamma = 0, any seed" for model in others]
    if not lines:
        return "Nothing is missing.\n"
    return "Not finished, or not measured, yet:\n\n" + "\n".join(lines) + "\n"


def matching(kept: Kept | None, start: str) -> list[str]:
    """The tables of an evaluation whose names begin so."""
    return [] if kept is None else [name for name in sorted(kept["tables"]) if name.startswith(start)]


def evaluation(kept: Kept | None, tables: list[str], shown: str) -> str:
    """The pictures whose names contain `shown`, tables, and where they come from."""
    if kept is None:
        return "Not measured yet.\n"
    parts = [pictures(kept, shown)]
    for name in tables:
        content = kept["tables"][name]
        parts.append(f"`{name}`\n\n" + format_markdown(content["columns"], content["rows"]) + "\n")
    about = kept["run"]
    parts.append(f"`{about['command']}`, {about['seconds']:.0f} s, commit `{about['commit']}`.\n")
    return "\n".join(parts)


def pictures(kept: Kept | None, shown: str) -> str:
    """The pictures of an evaluation whose names contain `shown`."""
    if kept is None:
        return "Not measured yet.\n"
    names = [name for name in kept["pictures"] if shown in name]
    return "\n".join(f"![{name}](images/{name.replace('/', '_')}.png)\n" for name in names)


def _picture(name: str) -> Path:
    return IMAGES / (name.replace("/", "_") + ".png")


def _config(folder: Path) -> DictConfig:
    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)
    return config


if __name__ == "__main__":
    main()
