"""Run folders: made once, by the first rank, which tells the others."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from locality.config import RUN_VARIABLE
from locality.disk import write_atomically
from locality.ranks import first_rank
from locality.runs.files import CONFIG
from locality.runs.folder import LATEST, create_run_folder, point_latest
from locality.runs.lock import hold, let_go
from locality.runs.resuming import check_unfinished
from locality.runs.status import is_network


def open_run(
    cfg: DictConfig,
    job: int | None = None,  # of a sweep
) -> Path:
    """The folder of this run: an old one to resume, or a new one; the config is in it.

    All ranks get the same folder; ranks that Lightning starts are told it through the environment.
    """
    if not first_rank() and RUN_VARIABLE in os.environ:
        return Path(os.environ[RUN_VARIABLE])
    if cfg.get("resume"):
        folder = Path(cfg.resume).resolve()
        if first_rank():
            hold(folder)
            check_unfinished(folder)  # once more: another process may just have ended it
            point_latest(folder)
    elif first_rank():
        folder = _create(Path(cfg.runs), _name(cfg, job))
        hold(folder)
    else:
        return Path(cfg.runs) / _name(cfg, job)
    if first_rank():
        write_atomically(folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    os.environ[RUN_VARIABLE] = str(folder.resolve())
    return folder


def latest_run(cfg: DictConfig) -> Path | None:
    """What `latest` points to."""
    link = Path(cfg.runs) / LATEST
    return link.resolve() if link.is_symlink() else None


def drop_run(
    folder: Path,
    before: Path | None,  # the latest run without it
    made: bool,  # whether the folder of run folders was made for it, too
) -> None:
    """Takes a run folder away, of a command that could not be followed."""
    if first_rank():
        shutil.rmtree(folder, ignore_errors=True)
        if before is not None and before.is_dir():
            point_latest(before)
        elif (folder.parent / LATEST).is_symlink():
            (folder.parent / LATEST).unlink()
        if made and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def close_run() -> None:
    """Lets the next run of this process (of a sweep) have a folder and ranks of its own."""
    let_go()
    if "TORCHELASTIC_RUN_ID" not in os.environ and os.environ.get("LOCAL_RANK", "0") == "0":
        distributed = sys.modules.get("torch.distributed")
        if distributed is not None and distributed.is_initialized():
            distributed.destroy_process_group()
        for variable in (RUN_VARIABLE, "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_PORT"):
            os.environ.pop(variable, None)


def _create(root: Path, name: str) -> Path:
    for attempt in range(1, 1000):
        try:
            return create_run_folder(root, name if attempt == 1 else f"{name}-{attempt}")
        except FileExistsError:
            if "TORCHELASTIC_RUN_ID" in os.environ:  # the other ranks know the plain name only
                raise
    raise FileExistsError(f"{root / name}: a thousand runs of that name")


def _name(cfg: DictConfig, job: int | None) -> str:
    launch = os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
    parts = [launch or datetime.now().strftime("%Y%m%d-%H%M%S"), *_what(cfg), f"seed{cfg.seed}"]
    parts += [f"job{job}"] if launch and job is not None else []
    return "-".join(str(part).lower() for part in parts)


def _what(cfg: DictConfig) -> list[str]:
    parts = []
    if cfg.data is not None:
        parts.append(_last(cfg.data.source))
        named = cfg.data.get("pattern") is not None and cfg.gamma is not None
        parts += [f"gamma{cfg.gamma:g}"] if named else []
    if cfg.task == "evaluate":
        return [_last(cfg.compare), *parts]
    if is_network(cfg):
        return [*parts, _last(cfg.model.network)]
    return [*parts, _last(cfg.denoiser or cfg.model)]


def _last(node: DictConfig) -> str:
    return str(node["_target_"]).removesuffix(".fit").rsplit(".", 1)[-1]
