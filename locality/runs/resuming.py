"""A run to go on with: what it is, and what may change about it.

Imports nothing heavy: the command line settles here what a run can be resumed with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from locality.config import UsageError, nearest
from locality.paths import path_given
from locality.runs.files import CONFIG, STATUS
from locality.runs.finding import UNREADABLE, read_config, read_status, reason, training_run

# What may change when a run goes on: it moves none of its numbers. Everything else makes the run.
FREE = (
    "resume", "runs", "cache", "dry_run", "logger", "samples", "snapshots", "trainer.accelerator",
    "trainer.devices", "trainer.num_nodes", "trainer.strategy", "trainer.enable_progress_bar",
)  # fmt: skip


def check_unfinished(folder: Path) -> None:
    """Raises UsageError for a run that cannot go on: finished, analytical, or not a training run."""
    if not (folder / CONFIG).is_file():
        there = [str(path.parent) for path in sorted(folder.parent.glob(f"*/{CONFIG}"))]
        hint = nearest(str(folder), there) if there else ""
        raise UsageError(f"resume={folder}: no run there. {hint}".strip())
    model = _read(folder, CONFIG, read_config).get("model")
    if not isinstance(model, DictConfig):
        raise UsageError(f"resume={folder}: {CONFIG} has no model; want the folder of a training run")
    if "network" not in model:
        raise UsageError(
            f"resume={folder}: nothing to resume, an analytical denoiser is fitted in one pass; "
            "start it again with its own command"
        )
    if (folder / STATUS).is_file() and _read(folder, STATUS, read_status)["state"] == "finished":
        raise UsageError(
            f"resume={folder}: nothing to resume, the run has finished; more epochs are another run "
            "(its learning rate falls to 0 at the last one)"
        )


def _read(folder: Path, name: str, how: Callable[[Path], Any]) -> Any:
    try:
        return how(folder / name)
    except UNREADABLE as error:
        raise UsageError(f"resume={folder}: {name} cannot be read ({reason(error)})") from error


def resumed(
    cfg: DictConfig,  # as composed from the command line, with `resume`
    overrides: Sequence[str],  # what the command line says
) -> DictConfig:
    """The config of the run to go on with, and on top what this command line changes of FREE.

    Raises UsageError for a run that cannot go on and for a change of anything else.
    """
    try:
        folder = training_run(Path(path_given("resume", str(cfg.resume))))
    except ValueError as error:
        raise UsageError(str(error)) from error
    check_unfinished(folder)
    saved: DictConfig = _read(folder, CONFIG, read_config)
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
