"""Runs of the past: the newest network, the training behind an evaluation, a run to go on with.

Imports nothing heavy: the command line settles here what a run can be resumed with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from locality.config import UsageError, nearest, of_images

STATUS, CONFIG = "status.json", "config.yaml"
CHECKPOINT = Path("checkpoints") / "last.ckpt"  # of a run that trained
WEIGHTS, RECIPE = "model.safetensors", "config.yaml"  # of an exported network
SHIPPED = Path(__file__).parents[1] / "pretrained"  # of a checkout; an installed library brings none
# What may change when a run goes on: it moves none of its numbers. Everything else makes the run.
FREE = (
    "resume", "runs", "cache", "dry_run", "logger", "samples", "snapshots", "trainer.accelerator",
    "trainer.devices", "trainer.num_nodes", "trainer.strategy", "trainer.enable_progress_bar",
)  # fmt: skip


def training_run(path: Path) -> Path:
    """The folder of a training run; for that of an evaluation, the training run that it evaluated.

    So `runs/latest` can be loaded, resumed and evaluated, whatever ran last. Anything else
    comes back as it is.
    """
    if path.is_symlink():  # runs/latest will soon point elsewhere
        path = path.parent / path.readlink()
    if not (path / CONFIG).is_file():
        return path
    cfg = OmegaConf.load(path / CONFIG)
    if not isinstance(cfg, DictConfig) or cfg.get("task") != "evaluate":
        return path
    source = Path(cfg.checkpoint)
    # An evaluation of another working directory: its training run is beside it.
    return source if source.exists() else path.resolve().parent / source.name


def newest_network(root: Path, data: Any, gamma: float | None) -> Path:
    """The newest finished run that trained a network, on this data if it is given; else one that ships.

    Raises UsageError, naming the command that trains one, if there is none.
    """
    wanted_data: Any = OmegaConf.to_container(data, resolve=True) if isinstance(data, DictConfig) else data

    def fits(config: Path) -> bool:
        if wanted_data is None:
            return True
        trained_on: Any = OmegaConf.to_container(OmegaConf.load(config))
        known = gamma is not None or wanted_data["pattern"] is None
        theirs, ours = (of_images(one, known) for one in (trained_on["data"], wanted_data))
        return theirs == ours

    found = [
        # Runs of before the time was noted are older than any that has one.
        (facts.get("time", ""), folder.name, folder)
        for folder, facts in runs_in(root)
        if facts["task"] == "train" and facts["state"] == "finished" and facts["network"]
        if (folder / CHECKPOINT).is_file()  # weights may have been removed to make room
        if fits(folder / CONFIG)
    ]
    if found:
        return max(found)[-1]
    for folder in shipped():
        if fits(folder / RECIPE):
            return folder
    wanted = "" if data is None else " on this data"
    raise UsageError(
        f"checkpoint=auto: no finished training run{wanted} in {root}/, and none ships; train one: "
        "python train.py data=..."
    )


def runs_in(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The run folders with their status, in the order of their names: the oldest first."""
    return [
        (path.parent, json.loads(path.read_text()))
        for path in sorted(root.glob(f"*/{STATUS}"))
        if not path.parent.is_symlink() and (path.parent / CONFIG).is_file()
    ]


def is_exported(path: str | Path) -> bool:
    """Whether this is the folder of an exported network."""
    return (Path(path) / WEIGHTS).is_file() and (Path(path) / RECIPE).is_file()


def shipped() -> list[Path]:
    """The networks that come with the checkout, by name."""
    return [folder for folder in sorted(SHIPPED.glob("*/")) if is_exported(folder)]


def check_unfinished(folder: Path) -> None:
    """Raises UsageError for a run that cannot go on: finished, analytical, or not a training run."""
    if not (folder / CONFIG).is_file():
        there = [str(path.parent) for path in sorted(folder.parent.glob(f"*/{CONFIG}"))]
        hint = nearest(str(folder), there) if there else ""
        raise UsageError(f"resume={folder}: no run there. {hint}".strip())
    model = OmegaConf.select(OmegaConf.load(folder / CONFIG), "model")
    if model is None or "network" not in model:
        raise UsageError(
            f"resume={folder}: nothing to resume, an analytical denoiser is fitted in one pass; "
            "start it again with its own command"
        )
    status = folder / STATUS
    if status.is_file() and json.loads(status.read_text())["state"] == "finished":
        raise UsageError(
            f"resume={folder}: nothing to resume, the run has finished; more epochs are another run "
            "(its learning rate falls to 0 at the last one)"
        )


def resumed(
    cfg: DictConfig,  # as composed from the command line, with `resume`
    overrides: Sequence[str],  # what the command line says
) -> DictConfig:
    """The config of the run to go on with, and on top what this command line changes of FREE.

    Raises UsageError for a run that cannot go on and for a change of anything else.
    """
    folder = training_run(Path(cfg.resume))
    check_unfinished(folder)
    saved = OmegaConf.load(folder / CONFIG)
    assert isinstance(saved, DictConfig)
    OmegaConf.resolve(cfg)
    merged = saved.copy()
    for override in overrides:
        key = override.lstrip("+~").split("=")[0].split("@")[-1]
        if key.split(".")[0] not in saved:
            raise UsageError(f"resume: a run keeps its own settings; leave {key}= out")
        OmegaConf.update(merged, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
    _refuse_changes(folder, dict(_leaves(saved)), dict(_leaves(merged)))
    merged.resume = str(folder)
    return merged


def _refuse_changes(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    for key in sorted(before.keys() | after.keys()):
        old, new = (leaves.get(key) for leaves in (before, after))
        if old != new and not any(key == free or key.startswith(f"{free}.") for free in FREE):
            raise UsageError(
                f"resume: {folder} has {key}={_shown(old)}, which makes its numbers, so it cannot become "
                f"{_shown(new)}; leave it out, or start another run"
            )


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    plain: Any = OmegaConf.to_container(node) if isinstance(node, DictConfig) else node
    if isinstance(plain, dict) and plain:
        for name, value in plain.items():
            yield from _leaves(value, f"{key}.{name}" if key else str(name))
    elif plain is not None and plain != {}:
        yield key, plain


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
