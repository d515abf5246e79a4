"""Run folders: made once, by the first rank, and found again."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import torch.distributed
from omegaconf import DictConfig, OmegaConf

from locality.config import RUN_VARIABLE, UsageError
from locality.report import create_run_folder, write_atomically
from locality.report.folder import first_rank, point_latest

STATUS = "status.json"


def open_run(cfg: DictConfig) -> Path:
    """The folder of this run: an old one to resume, or a new one with the config in it.

    All ranks get the same folder; ranks that Lightning starts are told it through the environment.
    """
    if cfg.get("resume"):
        folder = Path(cfg.resume).resolve()
        if first_rank():
            point_latest(folder)
    elif not first_rank() and RUN_VARIABLE in os.environ:
        return Path(os.environ[RUN_VARIABLE])
    elif first_rank():
        folder = _create(Path(cfg.runs), _name(cfg))
        write_atomically(folder / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
    else:
        return Path(cfg.runs) / _name(cfg)
    os.environ[RUN_VARIABLE] = str(folder.resolve())
    set_status(folder, cfg, "running")
    return folder


def close_run() -> None:
    """Lets the next run of this process (of a sweep) have a folder and ranks of its own."""
    if "TORCHELASTIC_RUN_ID" not in os.environ and os.environ.get("LOCAL_RANK", "0") == "0":
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for variable in (RUN_VARIABLE, "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_PORT"):
            os.environ.pop(variable, None)


def set_status(folder: Path, cfg: DictConfig, state: str) -> None:
    """Notes what became of a run: running, finished, failed or interrupted."""
    if first_rank():
        write_atomically(
            folder / STATUS, json.dumps({"task": cfg.task, "state": state, "network": is_network(cfg)}) + "\n"
        )


def is_network(cfg: DictConfig) -> bool:
    """Whether a training config trains a network (an analytical model has no `network`)."""
    return cfg.task == "train" and "network" in cfg.model


def newest_network(root: Path, data: Any, gamma: float | None) -> Path:
    """The newest finished run that trained a network, on this data if it is given.

    Raises UsageError, naming the command that trains one, if there is none.
    """
    for folder in sorted(root.glob("*/"), key=lambda path: path.stat().st_mtime, reverse=True):
        status = folder / STATUS
        if folder.is_symlink() or not status.is_file() or not (folder / "config.yaml").is_file():
            continue
        facts = json.loads(status.read_text())
        if facts["task"] == "train" and facts["state"] == "finished" and facts["network"]:
            trained_on = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))["data"]  # type: ignore[index,call-overload]
            if data is None or _images(trained_on, gamma) == _images(data, gamma):
                return folder
    wanted = "" if data is None else " on this data"
    raise UsageError(
        f"checkpoint=auto: no finished training run{wanted} in {root}/; train one: python train.py"
    )


def _images(data: Any, gamma: float | None) -> Any:
    # What decides over the images; the seed of the order and the batch sizes do not.
    ignored = {"seed", "batch_size", "eval_batch_size", "pixels"} | ({"gamma"} if gamma is None else set())
    plain: Any = OmegaConf.to_container(data) if isinstance(data, DictConfig) else data
    return {key: value for key, value in plain.items() if key not in ignored}


def _create(root: Path, name: str) -> Path:
    for attempt in range(1, 1000):
        try:
            return create_run_folder(root, name if attempt == 1 else f"{name}-{attempt}")
        except FileExistsError:
            if "TORCHELASTIC_RUN_ID" in os.environ:  # the other ranks know the plain name only
                raise
    raise FileExistsError(f"{root / name}: a thousand runs of that name")


def _name(cfg: DictConfig) -> str:
    launch = os.environ.get("TORCHELASTIC_RUN_ID") or os.environ.get("SLURM_JOB_ID")
    parts = [launch or datetime.now().strftime("%Y%m%d-%H%M%S"), *_what(cfg), f"seed{cfg.seed}"]
    from hydra.core.hydra_config import HydraConfig

    if launch and HydraConfig.initialized():
        job = HydraConfig.get().job
        # Only a sweep numbers its jobs.
        parts += [] if OmegaConf.is_missing(job, "num") else [f"job{job.num}"]
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
    return [*parts, cfg.denoiser["_target_"].split(".")[-2] if cfg.denoiser else _last(cfg.model)]


def _last(node: DictConfig) -> str:
    return str(node["_target_"]).rsplit(".", 1)[-1]
