"""Which run folders the pages of results are written from, and what is kept of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept.members import CONFIGS, candidates_of, of_config, with_members
from locality.calibration import NETWORK, OWN_SAMPLES
from locality.compare.attention import SETTINGS
from locality.compare.origins import CALIBRATED
from locality.report.provenance import told
from locality.runs.files import STATUS
from locality.runs.finding import runs_in

OLD_WORDS = "samples of its own"  # for OWN_SAMPLES, in runs of before 2026-11-30
ENDS = {"epsilon": "_epsilon", "v_prediction": "_v"}  # of the name of a data set, by what networks predict
SIGNED = "_signed"  # ends the kind of fields whose derivatives kept their signs
LETTERS = ("pattern", f"pattern{SIGNED}")
Kept = dict[str, dict[str, dict[str, Any]]]  # kind -> data set -> run, scalars, tables
TABLES = {  # comparison -> the kind of its results, and what begins the names of tables that are kept
    "paper_table": ("paper", ()),
    "mirror": ("mirror", ("mirror/ratio",)),
    "information": ("information", ("information/",)),
    "halves": ("halves", ("halves/agreement",)),
    "labels": ("labels", ("labels/errors",)),
    "pattern": ("pattern", ("pattern/verdict", "pattern/contrast", "pattern/learned")),
    "sensitivity": ("fields", ("sensitivity/cosine", "sensitivity/radius")),
}
SECTIONS = (
    "paper",
    "variants",
    "released",
    "by_output",
    "larger",
    "remaining",
    "bank_sizes",
    "epsilon",
)  # of paper_table
PICTURES = {  # kind -> (name in the run folder, name in docs/images)
    "paper": (
        ("paper/figure1", "figure1"),
        ("paper/figure1_mse", "figure1_mse"),
        ("paper/figure5_short", "figure5"),
    ),
    "mirror": (("mirror/fields_left_eye", "eyes"), ("mirror/ratio_left_eye", "eyes_ratio")),
    "information": (("information/entropy/local_score/clean", "information"),),
    "halves": (("halves/disagreement", "halves"),),
    "labels": (("labels/ratio", "labels"),),
    "pattern": (("pattern/figure4", "pattern"), ("pattern/learned", "pattern_learned")),
    "pattern_signed": (("pattern/figure4", "pattern_signed"),),
    "fields_signed": (("sensitivity/denoisers", "fields_signed"),),
    "fields": (("sensitivity/denoisers", "fields"), ("sensitivity/cosine_below_1", "fields_cosine")),
}


@dataclass(frozen=True)
class Found:
    """A finished evaluation whose numbers count."""

    kind: str
    name: str  # of the data set
    size: int  # seeds, or images
    folder: Path


def with_signed(kept: Kept, kind: str) -> Kept:
    """What is kept, fields of a kind with those of the same networks whose derivatives kept their signs."""
    signed = kept.get(f"{kind}{SIGNED}", {})
    told = {n: {**one, "signed": signed[n]} if n in signed else one for n, one in kept.get(kind, {}).items()}
    return {**kept, kind: told} if told else dict(kept)


def gather(kept: Kept, runs: Path, shipped: Path, images: Path) -> Kept:
    """What was kept before, with what the runs and the networks that ship say now."""
    kept = {kind: {name: _renewed(one) for name, one in known.items()} for kind, known in kept.items()}
    known = list(found(runs, shipped))
    for run in best(iter(known)):
        one = record(run)
        before = kept.get(run.kind, {}).get(run.name)
        if before and str(before["run"]["started"]) > str(one["run"]["started"]):
            continue  # what was measured later stays, wherever its folder is
        if before and before["run"]["started"] == one["run"]["started"] and not one["calibrated"]:
            one["calibrated"] = before["calibrated"]  # of a run that did not keep with how many images
        one["scalars"] |= quickest(run, known)
        kept.setdefault(run.kind, {})[run.name] = one
        for picture, name in PICTURES.get(run.kind, ()):
            path = run.folder / "images" / f"{picture}.png"
            if path.is_file():
                shutil.copyfile(path, images / f"{run.name}_{name}.png")
    for path in sorted((runs / "benchmarks" / "precision").glob("*.json")):
        one = json.loads(path.read_text())
        kept.setdefault("precision", {})[one.pop("name")] = one | {"tables": {}}
    kept["networks"] = {path.parent.name: network(path) for path in sorted(shipped.glob("*/metrics.json"))}
    for path in sorted((runs / "exports").glob("*/metrics.json")):  # too large to ship
        kept.setdefault("unshipped", {})[path.parent.name] = network(path)
    return kept


def found(runs: Path, shipped: Path) -> Iterator[Found]:
    """Every finished evaluation of these kinds on the whole of some data, the newest last."""
    for folder, status in runs_in(runs):
        if status["state"] != "finished" or not (folder / "metrics.json").is_file():
            continue
        cfg = OmegaConf.load(folder / "config.yaml")
        if cfg.task != "evaluate":
            continue
        comparison = str(cfg.compare._target_).rsplit(".", 1)[-1]
        kind = TABLES.get(comparison, ("",))[0]
        if comparison == "paper_table":
            section = cfg.compare.get("section", "paper")
            kind = section if section in SECTIONS else ""
        magnitude = cfg.compare.get("magnitude", "absolute")
        if kind and magnitude != "absolute":
            kind = f"{kind}{SIGNED}" if magnitude == "signed" else ""
        trained = first_network(cfg, runs, shipped)
        data = trained.data if cfg.data is None and trained is not None else cfg.data
        if not kind or data is None or data.subset is not None or (cfg.gamma and kind not in LETTERS):
            continue  # another comparison, or a trial
        assert isinstance(data, DictConfig)
        end = ENDS.get(predicts(trained), "") if kind in LETTERS and trained is not None else ""
        yield Found(kind, f"{data_name(data)}{end}", int(cfg.compare.count), folder)


def best(runs: Iterator[Found]) -> list[Found]:
    """The runs to tell of: for each kind and data set the newest with the most seeds or images."""
    chosen: dict[tuple[str, str], Found] = {}
    for one in runs:
        before = chosen.get((one.kind, one.name))
        if before is None or one.size >= before.size:
            chosen[one.kind, one.name] = one
    return list(chosen.values())


def quickest(run: Found, others: Sequence[Found]) -> dict[str, float]:
    """The seconds of each row, the least of the day's runs that made the same samples."""
    start = f"{run.kind}/seconds/"
    day = run.folder.name.split("-")[0]
    least: dict[str, float] = {}
    own = _scalars(run)
    for other in others:
        if (other.kind, other.name) == (run.kind, run.name) and other.folder.name.startswith(day):
            theirs = _scalars(other)
            for key in own.keys() & theirs.keys():
                row = key.removeprefix(start)
                alike = [f"{run.kind}/{what}/{row}" for what in ("bank", "samples", "median_r2", "r2")]
                if key.startswith(start) and all(own.get(one) == theirs.get(one) for one in alike):
                    least[key] = min(least.get(key, own[key]), theirs[key])
    return least


def _scalars(run: Found) -> dict[str, Any]:
    return dict(json.loads((run.folder / "metrics.json").read_text())["scalars"])


def first_network(cfg: DictConfig, runs: Path, shipped: Path) -> DictConfig | None:
    """The config of the first of several networks."""
    for path in dict(cfg.networks or {}).values() if isinstance(cfg.networks, DictConfig) else ():
        for root in (runs, runs / "exports", shipped):
            if (root / Path(path).name / "config.yaml").is_file():
                found = OmegaConf.load(root / Path(path).name / "config.yaml")
                assert isinstance(found, DictConfig)
                return found
    return None


def predicts(cfg: DictConfig) -> str:
    """What a network puts out: the noise, where its config does not say."""
    return str(OmegaConf.select(cfg, "model.prediction") or "epsilon")


def data_name(data: DictConfig) -> str:
    """What the pages call a data set: its source, and the side of its images where there is a choice."""
    return f"{str(data.source._target_).rsplit('.', 1)[-1]}{data.source.get('size') or ''}"


def record(one: Found) -> dict[str, Any]:
    """What is kept of a run: where it comes from, its numbers, and a few tables."""
    metrics = json.loads((one.folder / "metrics.json").read_text())
    cfg = OmegaConf.load(one.folder / "config.yaml")
    about = {key: metrics["run"].get(key) for key in ("command", "commit", "started", "seconds")}
    about["command"] = told(str(about["command"]))
    about["unfinished"] = in_training(Path(str(cfg.checkpoint)))
    starts = dict(TABLES.values()).get(one.kind.removesuffix(SIGNED), ())
    tables = {name: t for name, t in metrics["tables"].items() if any(map(name.startswith, starts))}
    made = calibrated(metrics["tables"].get(SETTINGS))
    kept = {"run": about, "size": one.size, "scalars": metrics["scalars"], "tables": tables}
    kept |= {"calibrated": made, "images": images(metrics["tables"].get(f"{one.kind}/samples"))}
    kept |= {"members": of_config(cfg)}
    return kept | ({"settings": as_configured(cfg)} if one.kind == "larger" else {})


def as_configured(cfg: DictConfig) -> dict[str, dict[str, Any]]:
    """The tau and the shrinkage of each row, as a run was told."""
    rows = {
        name: {key: one[key] for key in ("tau", "shrinkage") if key in one}
        for name, one in candidates_of(cfg).items()
    }
    return {name: one for name, one in rows.items() if one}


def images(samples: Mapping[str, Any] | None) -> int:
    """How many training images there are; cells say `8,000 of 60,000`, or `60,000` for all."""
    if samples is None:
        return 0
    place = samples["columns"].index("training images")
    cells = [str(row[place]).split(" of ")[-1].replace(",", "") for row in samples["rows"]]
    return max((int(cell) for cell in cells if cell.isdecimal()), default=0)


def in_training(checkpoint: Path) -> bool:
    """Whether the run of a checkpoint had not finished."""
    for folder in (checkpoint, *checkpoint.parents[:2]):
        if (folder / STATUS).is_file():
            return bool(json.loads((folder / STATUS).read_text())["state"] != "finished")
    return False


def took_none(command: str) -> bool:
    """Whether a comparison took its settings as configured, whatever had been calibrated."""
    if "compare.calibration=none" in command:
        return True
    named = re.search(r"(?<!\S)compare=(\w+)", command)
    path = CONFIGS / "compare" / f"{named[1]}.yaml" if named else None
    if path is None or not path.is_file():
        return False
    return bool(OmegaConf.select(OmegaConf.load(path), "compare.calibration") == "none")


def calibrated(settings: Mapping[str, Any] | None) -> list[list[str]]:
    """What the calibrations that a run took were made with: row, setting, what was denoised, images."""
    if settings is None:
        return []
    rows = [dict(zip(settings["columns"], row, strict=True)) for row in settings["rows"]]
    return [
        [row["denoiser"], row["setting"], _on(row), str(row["training images"])]
        for row in rows
        if row["found"] == CALIBRATED
    ]


def _on(row: Mapping[str, Any]) -> str:
    """What was denoised to find a setting; against what, where it was not the network."""
    against = row.get("against", NETWORK)
    return _new(str(row["on"])) + ("" if against == NETWORK else f", against {against}")


def _new(on: str) -> str:
    """What was denoised, in the words of today."""
    return on.replace(OLD_WORDS, OWN_SAMPLES)


def _renewed(one: Mapping[str, Any]) -> dict[str, Any]:
    """A record with these words, and with what the members of stacks read."""
    made = [[*row[:2], _new(str(row[2])), *row[3:]] for row in one.get("calibrated") or []]
    return with_members({**one, "calibrated": made} if made else one)


def network(path: Path) -> dict[str, Any]:
    """What is kept of a network that was exported."""
    metrics: Mapping[str, Any] = json.loads(path.read_text())
    about = {key: metrics["run"].get(key) for key in ("command", "commit", "before")}
    about["command"] = told(str(about["command"]))
    trained = OmegaConf.load(path.parent / "config.yaml")
    assert isinstance(trained, DictConfig)
    tables = {"heldout": metrics["tables"]["heldout"]}
    return {"run": about, "predicts": predicts(trained), "scalars": {}, "tables": tables}
