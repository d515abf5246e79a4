"""What is kept of the run folders that the pages of results are written from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from benchmarks.results.kept import borrowed
from benchmarks.results.kept.choosing import SIGNED, TABLES, Found, best, found, predicts, quickest
from benchmarks.results.kept.chosen import chosen
from benchmarks.results.kept.members import candidates_of, of_config, with_members
from benchmarks.results.kept.recipes import compared, comparison
from locality.calibration import NETWORK, OWN_SAMPLES
from locality.compare.attention import SETTINGS
from locality.compare.origins import CALIBRATED
from locality.report.provenance import told
from locality.runs.files import STATUS

OLD_WORDS = "samples of its own"  # for OWN_SAMPLES, in runs of before 2026-11-30
Kept = dict[str, dict[str, dict[str, Any]]]  # kind -> data set -> run, scalars, tables
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
    kept |= {"members": of_config(cfg), "borrowed": borrowed.of_config(cfg)}
    kept = borrowed.with_borrowed(kept)
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
    cfg = comparison(compared(command))
    return cfg is not None and OmegaConf.select(cfg, "compare.calibration") == "none"


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
    """A record with these words, what members of stacks read, and whose calibrations rows took."""
    made = [[*row[:2], _new(str(row[2])), *row[3:]] for row in one.get("calibrated") or []]
    return borrowed.with_borrowed(with_members({**one, "calibrated": made} if made else one))


def network(path: Path) -> dict[str, Any]:
    """What is kept of a network that was exported."""
    metrics: Mapping[str, Any] = json.loads(path.read_text())
    about = {key: metrics["run"].get(key) for key in ("command", "commit", "before")}
    about["command"] = told(str(about["command"]))
    trained = OmegaConf.load(path.parent / "config.yaml")
    assert isinstance(trained, DictConfig)
    about["step"] = trained.get("step")  # of the last training: `before` has those that it went on from
    tables = {"heldout": metrics["tables"]["heldout"]}
    kept = {"run": about, "predicts": predicts(trained), "scalars": {}, "tables": tables}
    settings = chosen(path.parent / "calibration")
    return kept | ({"chosen": settings} if settings else {})
