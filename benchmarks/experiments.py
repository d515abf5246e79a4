"""Write docs/experiments.md from the run folders: its tables, pictures, commands and times.

    make experiments                                     measure the finished trainings, then this
    python -m benchmarks.experiments [--runs runs]       the page alone

Each block of the page, between `<!-- name -->` and `<!-- end -->`, comes from the newest finished evaluation
of that kind and from the trainings that it names; what there is no run of is said to be missing.
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

from locality.gallery import model_name
from locality.past_runs import runs_in
from locality.report.provenance import told
from locality.report.sessions import SESSIONS
from locality.report.table import format_markdown

ROOT = Path(__file__).resolve().parent.parent
PAGE, IMAGES = ROOT / "docs" / "experiments.md", ROOT / "docs" / "images"
GAMMAS, SEEDS = (0.0, 0.1, 0.5), (0, 1, 2)
MODELS = ("unet", "unet_conv", "unet_attention", "dit", "mlp")
Run = tuple[Path, DictConfig, dict[str, Any]]  # folder, config, metrics


def main() -> None:
    """Rewrite every block of the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder of the run folders")
    runs = finished(parser.parse_args().runs)
    pattern, models = newest(runs, "pattern"), newest(runs, "architectures")
    named = [network for one in (pattern, models) if one for network in trainings(one, runs)]
    blocks: dict[str, Callable[[], str]] = {
        "trainings": lambda: training_table(named),
        "missing": lambda: missing(named),
        "pattern": lambda: evaluation(pattern, ["pattern/verdict", "pattern/contrast"], "figure4"),
        "contrast": lambda: pictures(pattern, "pattern/contrast"),
        "steps": lambda: evaluation(pattern, matching(pattern, "pattern/steps_gamma"), "pattern/steps_gamma"),
        "architectures": lambda: evaluation(models, ["architectures/cosine"], "architectures/"),
    }
    page = re.sub(
        r"(<!-- (\w+) -->\n).*?(<!-- end -->)",
        lambda match: match[1] + blocks[match[2]]() + match[3],
        PAGE.read_text(),
        flags=re.DOTALL,
    )
    PAGE.write_text(page)


def finished(root: Path) -> list[Run]:
    """The finished runs, newest first."""
    found: list[Run] = []
    for folder, status in reversed(runs_in(root)):
        metrics = folder / "metrics.json"
        if status["state"] == "finished" and metrics.is_file():
            config = OmegaConf.load(folder / "config.yaml")
            assert isinstance(config, DictConfig)
            found.append((folder, config, json.loads(metrics.read_text())))
    return found


def newest(runs: list[Run], comparison: str) -> Run | None:
    """The newest evaluation of a kind whose networks had been trained to the end."""
    for run in runs:
        evaluated = run[1].task == "evaluate" and run[1].compare["_target_"].endswith(f".{comparison}")
        if evaluated and len(trainings(run, runs)) == len(run[1].networks):
            return run
    return None


def trainings(evaluation_run: Run, runs: list[Run]) -> list[Run]:
    """The training runs of an evaluation's networks, in its order."""
    names = [Path(path).name for path in evaluation_run[1].networks.values()]
    by_name = {folder.name: (folder, config, metrics) for folder, config, metrics in runs}
    return [by_name[name] for name in names if name in by_name]


def training_table(named: list[Run]) -> str:
    """Commands, times and commits of the trainings, each once."""
    columns = ["model", "gamma", "seed", "val loss", "seconds", "commit", "command"]
    rows = []
    for folder, config, metrics in {run[0].name: run for run in named}.values():
        loss = metrics["scalars"].get("val/loss")
        about = metrics["run"]
        rows.append(
            [model_name(config.model), f"{config.gamma:g}", config.seed, loss, seconds(folder, about),
             about["commit"], f"`{told(about['command'])}`"]
        )  # fmt: skip
    return format_markdown(columns, rows) + "\n" if rows else "No training has been measured yet.\n"


def seconds(folder: Path, about: dict[str, Any]) -> str:
    """What a training took; sessions that were killed left no time."""
    path = folder / SESSIONS
    sessions = json.loads(path.read_text()) if path.is_file() else []
    killed = any("seconds" not in session for session in sessions)
    return ("more than " if killed else "") + f"{about['seconds']:.0f}"


def missing(named: list[Run]) -> str:
    """What the page should show and no finished run gives."""
    there = {(model_name(config.model), float(config.gamma), int(config.seed)) for _, config, _ in named}
    wanted = {("unet", gamma, seed) for gamma in GAMMAS for seed in SEEDS}
    wanted |= {(model, 0.0, 0) for model in MODELS}
    lacking = sorted(wanted - there)
    if not lacking:
        return "Nothing is missing.\n"
    lines = [f"* `model={model}`, gamma = {gamma:g}, seed {seed}" for model, gamma, seed in lacking]
    return "Not finished, or not measured, yet:\n\n" + "\n".join(lines) + "\n"


def matching(run: Run | None, start: str) -> list[str]:
    """The tables of a run whose names begin so."""
    return [] if run is None else [name for name in sorted(run[2]["tables"]) if name.startswith(start)]


def evaluation(run: Run | None, tables: list[str], shown: str) -> str:
    """The pictures whose names contain `shown`, tables, and where they come from."""
    if run is None:
        return "Not measured yet.\n"
    parts = [pictures(run, shown)]
    for name in tables:
        content = run[2]["tables"][name]
        parts.append(f"`{name}`\n\n" + format_markdown(content["columns"], content["rows"]) + "\n")
    about = run[2]["run"]
    parts.append(f"`{told(about['command'])}`, {about['seconds']:.0f} s, commit `{about['commit']}`.\n")
    return "\n".join(parts)


def pictures(run: Run | None, shown: str) -> str:
    """The pictures of a run whose names contain `shown`, copied to docs/images."""
    if run is None:
        return "Not measured yet.\n"
    lines = []
    for path in sorted((run[0] / "images").rglob("*.png")):
        name = path.relative_to(run[0] / "images").with_suffix("").as_posix()
        if shown in name:
            copied = IMAGES / (name.replace("/", "_") + ".png")
            shutil.copy(path, copied)
            lines.append(f"![{name}](images/{copied.name})\n")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
