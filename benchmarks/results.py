"""Write docs/results.md from what was measured: run folders, and the networks that ship.

python evaluate.py experiment=paper_table && python evaluate.py compare=paper_variants
python -m benchmarks.results

Of each data set the newest finished paper_table and paper_variants count, unless they have few seeds. What
was found before and is not in runs/ now stays: docs/results.json keeps it. What was never measured is named.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from benchmarks.questions import QUESTIONS, Question
from locality.calibration import load
from locality.heldout import is_behind
from locality.report.provenance import told
from locality.report.table import format_markdown
from locality.runs.finding import runs_in

ROOT = Path(__file__).resolve().parent.parent
RUNS, SHIPPED, DOCS = ROOT / "runs", ROOT / "pretrained", ROOT / "docs"
TARGET = "locality.compare.paper_table"
SEEDS = {"paper": 128, "variants": 32, "released": 128}  # fewer make a trial
DATA = ("fashion_mnist", "photos16", "photos32", "cifar", "celeba_hq64", "afhq64")
TABLES = ("paper/samples", "paper/step_r2", "paper/heldout", "paper/heldout_pca")
CALIBRATED = ("denoiser", "setting", "val images", "training images")
FIGURES = {
    "figure1": "One denoising step of noised test images, and what the optimal denoiser makes of them",
    "figure1_mse": "The error of that step against the noise level",
    "figure5": "Samples from the same noise; the last row is the training image nearest to PCA locality's",
}
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
    """Merge what runs/ and pretrained/ hold into docs/results.json, and write the page."""
    store = DOCS / "results.json"
    before = json.loads(store.read_text()) if store.exists() else {}
    kept: dict[str, Any] = {key: before.get(key, {}) for key in (*SEEDS, "networks")}
    for section, name, folder in tables(RUNS):
        found = json.loads((folder / "metrics.json").read_text()) | {"folder": folder.name}
        found["run"]["command"] = told(found["run"]["command"])
        kept[section][name] = found
        for figure in FIGURES if section == "paper" else ():
            picture = folder / "images" / "paper" / f"{figure}.png"
            shutil.copyfile(picture, DOCS / "images" / f"{name}_{figure}.png")
    kept["networks"] = {
        path.parent.name: json.loads(path.read_text()) for path in sorted(SHIPPED.glob("*/metrics.json"))
    }
    kept["calibrations"] = {name: calibrated(SHIPPED / name / "calibration") for name in DATA}
    store.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    (DOCS / "results.md").write_text(page(kept))


def tables(runs: Path) -> Iterator[tuple[str, str, Path]]:
    """(paper or variants, data set, run folder) of every finished one on unedited data, the newest last."""
    for folder, status in runs_in(runs):
        if status["state"] != "finished":
            continue
        cfg = OmegaConf.load(folder / "config.yaml")
        if cfg.task == "evaluate" and cfg.compare._target_ == TARGET and not cfg.gamma:
            source = cfg.data.source
            section = cfg.compare.get("section", "paper")
            if section not in SEEDS or cfg.compare.count < SEEDS[section] or cfg.data.subset is not None:
                continue  # a trial
            yield section, f"{str(source._target_).rsplit('.', 1)[-1]}{source.get('size', '')}", folder


def page(kept: dict[str, Any]) -> str:
    """The whole of docs/results.md."""
    parts = [
        "# Results",
        "This page is written by `make paper` from the `metrics.json` of run folders. The last paragraph "
        "under a question is how we read its tables; the published numbers at the end are quoted. Intervals "
        "are 95 % bootstrap intervals over images or seeds of noise. The network is the target of every "
        "column; Wiener is the floor, a second network (NN2) the ceiling. MSE is in pixel units, images "
        "from -1 to 1.",
        "Settings and shares were found against the same network, on val images that no row is measured on; "
        "the tables of calibrations say with how many. `pca_locality_wssm` and `golden_subset` take the tau "
        "of `pca_locality`, `equivariant_broken` the patch sizes of `equivariant_local_score`; the "
        "fractions of the golden subset and `smoothed` are as configured. Rows with fewer samples or "
        "training images than others compare by the paired columns only. A stack counts the images of its "
        f"largest member: in `stacked_locality` {fewer()}.",
        "photos are crops of a few photographs, and r2 of a nearly flat sample can be far below 0: a few "
        "seeds then decide the mean, hence the medians. In the tables of comparisons, intervals of single "
        "steps are over the photographs, drawn with all their crops and widened as such few ask (Student's "
        "t); those of networks that ship are over crops.",
    ]
    for name in DATA:
        parts.append(f"## {name}")
        rows = kept.get("calibrations", {}).get(name, ())
        parts += comparison(name, kept["paper"][name], rows) if name in kept["paper"] else ["Not measured."]
    parts.append("## Questions")
    for question in QUESTIONS:
        parts.append(f"### {question.text}")
        known = kept.get(question.section, {})
        answers = [part for name in DATA for part in answer(question, name, known.get(name))]
        parts += [*answers, question.why] if answers else ["Not measured."]
    parts.append("## Networks that ship")
    parts += [part for name, found in kept["networks"].items() for part in network(name, found)]
    parts += [] if kept["networks"] else ["None yet."]
    parts.append("## Published numbers, to stand beside ours")
    parts.append(
        "GoldDiff's re-run (arXiv 2602.16498) with the paper's networks; MSE on [0, 1], a quarter of that "
        "in our units."
    )
    parts.append(markdown(PUBLISHED[0], PUBLISHED[1:]))
    return "\n\n".join(parts) + "\n"


def fewer() -> str:
    """Which members of the stack have fewer images than the others."""
    counts = OmegaConf.load(ROOT / "configs" / "denoiser" / "stacked_locality.yaml").counts
    return ", ".join(f"`{name}` has {count:,}" for name, count in counts.items())


def calibrated(folder: Path) -> list[list[Any]]:
    """What a network's calibrations were made with."""
    found = [load(path) for path in sorted(folder.glob("*.json"))]
    names = [path.name.split(".")[0] for path in sorted(folder.glob("*.json"))]
    return [[n, one.setting, one.count, f"{one.bank_count:,}"] for n, one in zip(names, found, strict=True)]


def comparison(name: str, found: dict[str, Any], rows: Sequence[Sequence[Any]] = ()) -> list[str]:
    """The tables and figures of one data set, and where they come from."""
    run = found["run"]
    parts = [f"`{run['command']}`, commit `{run['commit']}`, {run['started']}, run `{found['folder']}`."]
    parts += [
        markdown(table["columns"], table["rows"])
        for table in (found["tables"].get(key) for key in TABLES)
        if table is not None
    ]
    if not any(key.startswith("paper/r2/nn") for key in found["scalars"]):
        parts.append("A second network (the ceiling): not measured.")
    if rows:
        parts += ["Calibrations, against the network:", markdown(CALIBRATED, rows)]
    return parts + [f"![{text}](images/{name}_{figure}.png)\n\n{text}." for figure, text in FIGURES.items()]


def answer(question: Question, name: str, found: dict[str, Any] | None) -> list[str]:
    """What a data set says to a question."""
    if found is None:
        return []
    run = found["run"]
    found_tables = [markdown(columns, rows) for columns, rows in question.tables(found)]
    return [
        f"{name} (`{run['command']}`, commit `{run['commit']}`)",
        *found_tables,
        f"{question.verdict(found)}.",
    ]


def network(name: str, found: dict[str, Any]) -> list[str]:
    """How a shipped network stands against the bar."""
    run, table = found["run"], found["tables"]["heldout"]
    behind = ", ".join(f"{row[0]:g}" for row in table["rows"] if is_behind(row[0], *row[-2:]))
    verdict = f"not passed (not ahead of Wiener at sigma {behind})" if behind else "passed"
    return [
        f"### {name}",
        f"`{run['command']}`, commit `{run['commit']}`; the bar on held-out images: {verdict}.",
        markdown(table["columns"], table["rows"]),
    ]


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table, of cells as `shown`."""
    return format_markdown(columns, [[shown(cell) for cell in row] for row in rows])


def shown(cell: Any) -> str:
    """A cell: three significant digits, a dash for nothing."""
    return "-" if cell is None or cell == "" else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


if __name__ == "__main__":
    main()
