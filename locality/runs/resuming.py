"""A run to go on with: what it is, and what may change about it.

Imports nothing heavy: the command line settles here what a run can be resumed with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from locality.config import UsageError, nearest_name
from locality.disk import shown_path
from locality.paths import path_given
from locality.ranks import is_first
from locality.runs.files import CONFIG, STATUS, read_config
from locality.runs.finding import UNREADABLE, leave_out, reason, training_run
from locality.runs.status import checked_status, is_alive, read_status
from locality.shipped import command
from locality.trust import check_config

# Of this machine and this command, never of the run.
OF_THE_COMMAND = ("resume", "sweep", "runs", "cache", "dry_run", "trust", "figures")
# What may change when a run goes on: it moves none of its numbers. Everything else makes the run.
FREE = (
    *OF_THE_COMMAND, "logger", "samples", "snapshots", "trainer.accelerator", "trainer.devices",
    "trainer.max_time", "trainer.num_nodes", "trainer.strategy", "trainer.enable_progress_bar",
)  # fmt: skip
RATE = "model.learning_rate"  # may change, too, once a run has diverged


def check_unfinished(folder: Path) -> None:
    """Raises UsageError for a run that cannot go on: finished, analytical, or not a training run."""
    if not (folder / CONFIG).is_file():
        there = [str(path.parent) for path in sorted(folder.parent.glob(f"*/{CONFIG}"))]
        hint = nearest_name(str(folder), there) if there else ""
        raise UsageError(f"resume={folder}: no run there. {hint}".strip())
    model = read_config(folder / CONFIG).get("model")
    if not isinstance(model, dict):
        raise UsageError(f"resume={folder}: {CONFIG} has no model; want the folder of a training run")
    if "network" not in model:
        raise UsageError(
            f"resume={folder}: nothing to resume, an analytical denoiser is fitted in one pass; "
            "start it again with its own command"
        )
    try:
        status = checked_status(folder) if os.path.lexists(folder / STATUS) else {}
    except UNREADABLE as error:
        raise UsageError(f"resume={folder}: {STATUS} cannot be read ({reason(error)})") from error
    if is_alive(status) and is_first():  # of another rank it is the first one that is alive
        raise UsageError(
            f"resume={folder}: process {status['process']['pid']} still works on it; stop that one first"
        )
    if status.get("state") == "finished":
        raise UsageError(
            f"resume={folder}: nothing to resume, the run has finished (its learning rate falls to 0 at the "
            f"last epoch); more epochs are another run: pretrained={shown_path(folder)}"
        )


class Unfinished(NamedTuple):
    """A training that has not come to its end."""

    note: str  # what is to be known of its network
    longer: str | None  # the command that goes on with it; None while it runs


def unfinished(folder: Path) -> Unfinished | None:
    """How the training of a network stands that has not finished; None of others."""
    status = read_status(folder)
    if status.get("task") != "train" or not status["network"] or status["state"] == "finished":
        return None
    start = f"the training of {shown_path(folder)}"
    if is_alive(status):
        return Unfinished(f"{start} still goes on", None)
    how = "ended with an error" if status["state"] == "failed" else "was stopped early"
    longer = f"{command('train')} resume={shown_path(folder)}"
    return Unfinished(f"{start} {how}; to go on: {longer}", longer)


def resumed(
    cfg: DictConfig,  # as composed from the command line, with `resume`
    overrides: Sequence[str],  # what the command line says
    usual: DictConfig | None = None,  # the trainer of a command line that names none
) -> DictConfig:
    """The config of the run to go on with, and on top what this command line changes of FREE.

    A name alone, where nothing has it, is that of a run in `runs`: `resume=latest`.
    A choice of a trainer (`trainer=ddp`) says what it changes of the usual one.

    Raises UsageError for a run that cannot go on and for a change of anything else, Untrusted for a run that
    would build what no file may, unless the command line says `trust=true`.
    """
    try:
        folder = training_run(_named(path_given("resume", str(cfg.resume)), str(cfg.runs)))
    except ValueError as error:
        raise UsageError(str(error)) from error
    check_unfinished(folder)
    content = read_config(folder / CONFIG)
    if not cfg.get("trust"):
        check_config(folder / CONFIG, content)
    saved = OmegaConf.create(content)
    OmegaConf.resolve(cfg)
    merged = saved.copy()
    for key in OF_THE_COMMAND:
        if key in cfg:
            merged[key] = cfg[key]
    for override in overrides:
        key = override.lstrip("+~").split("=")[0].split("@")[-1]
        if key.split(".")[0] not in merged:
            raise UsageError(f"resume: a run keeps its own settings; leave {key}= out")
        if key == "trainer" and usual is not None:
            before = dict(_leaves(usual))
            for name, value in _leaves(cfg.trainer):
                if before.get(name) != value:
                    OmegaConf.update(merged, f"trainer.{name}", value, force_add=True)
            continue
        OmegaConf.update(merged, key, OmegaConf.select(cfg, key), merge=False, force_add=True)
    _refuse_changes(folder, dict(_leaves(saved)), dict(_leaves(merged)))
    merged.resume = str(folder)
    return merged


def _named(given: str, runs: str) -> Path:
    path = Path(given)
    return path if len(path.parts) > 1 or os.path.lexists(path) else Path(runs) / path


def _refuse_changes(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    allowed = (*FREE, RATE) if read_status(folder).get("diverged") else FREE
    for key in sorted(before.keys() | after.keys()):
        old, new = (leaves.get(key) for leaves in (before, after))
        if old != new and not _is_free(key, allowed):
            raise UsageError(
                f"resume: {folder} has {key}={_shown(old)}, which makes its numbers, so it cannot become "
                f"{_shown(new)}; leave it out, or begin another run with its weights: "
                f"pretrained={shown_path(folder)}"
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


def earlier_job(
    cfg: DictConfig,  # of a job, as composed
) -> tuple[Path, str] | None:
    """The newest run of the same settings in `runs`, but for those in FREE, and its state; None for none.

    A run that is noted as running while its process is gone was interrupted.
    """
    wanted = of_numbers(OmegaConf.to_container(cfg, resolve=True))
    for folder in sorted(Path(cfg.runs).glob("*/"), reverse=True):
        status = read_status(folder)
        if folder.is_symlink() or status.get("task") != cfg.task or not (folder / CONFIG).is_file():
            continue
        try:
            same = of_numbers(read_config(folder / CONFIG)) == wanted
        except UsageError as error:
            leave_out(folder / CONFIG, error)
            continue
        if same:
            gone = status["state"] == "running" and not is_alive(status)
            return folder, "interrupted" if gone else status["state"]
    return None


def of_numbers(content: Any) -> dict[str, Any]:
    """The settings that make a run's numbers."""
    return {key: value for key, value in _leaves(content) if not _is_free(key, FREE)}


def _is_free(key: str, free: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in free)
