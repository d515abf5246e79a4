"""Run folders with something of every kind in them, for tests: written by the report, in a second each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf

from locality.report import Chart, Report, Series, loggers
from locality.runs.folder import create_run_folder

SIGMAS = [0.3, 1.0, 10.0]
MODEL = {"learning_rate": 1e-3, "network": {"_target_": "locality.networks.unet"}}


def folder_of(root: Path, name: str, task: str, **settings: Any) -> tuple[Path, dict[str, Any]]:
    """A run folder with its config and state."""
    folder = create_run_folder(root, name)
    logger = {"_target_": "locality.report.loggers", "wandb": "offline", "project": "mine"}
    config = {"task": task, "gamma": 0.0, "seed": 0, "runs": str(root), "logger": logger, **settings}
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)))
    status = {"task": task, "state": "finished", "network": task == "train"}
    (folder / "status.json").write_text(json.dumps(status))
    return folder, config


def training(root: Path, name: str = "trained", wandb: str = "disabled", **settings: Any) -> Path:
    """A training: losses, gradient norms, noise bands, samples, held-out errors."""
    folder, config = folder_of(root, name, "train", model={**MODEL, **settings.pop("model", {})}, **settings)
    tools = loggers(wandb=wandb, project="mine")(folder, config)
    report = Report(folder, tools)
    for step in range(4):
        row = {
            "train/loss": 1.0 / (step + 1),
            "train/gradient_norm": 0.1 + step,
            "val/loss": 2.0 / (step + 1),
        }
        row |= {"val/loss_t000_100": 0.5, "val/loss_t100_300": 0.2}
        for tool in tools:
            tool.log_metrics(row, step)
    report.grid("samples/epoch_0001", {"samples": torch.zeros(2, 3, 4, 4)})
    report.scalars({"val/loss": 0.5 + 0.1 * config["seed"], "test/mse/t100": 0.1, "test/mse/t500": 0.2})
    report.finish()
    return folder


def comparison(root: Path, name: str = "compared", wandb: str = "disabled") -> Path:
    """A comparison: curves with intervals, a table, fields, the pattern's contrast."""
    folder, config = folder_of(root, name, "evaluate", compare={"_target_": "locality.compare.pattern"})
    tools = loggers(wandb=wandb, project="mine")(folder, config)
    report = Report(folder, tools)
    series = {
        "wiener": Series([0.9, 0.8, 0.7], [0.8, 0.7, 0.6], [1.0, 0.9, 0.8]),
        "optimal": Series([0.5, float("nan"), 0.3]),
    }
    for name in ("compare/forward_r2", "sensitivity/radius", "pattern/contrast"):
        report.chart(name, Chart(name, "noise level sigma", "r2", SIGMAS, series, log_x=True))
    report.table("compare/summary", ["denoiser", "r2"], [["wiener", 0.9], ["optimal", None]])
    report.grid("sensitivity/denoisers", {"wiener": torch.zeros(2, 3, 4, 4)})
    levels = {
        f"pattern/contrast/gamma{gamma:g}/t{t}": gamma + t for gamma in (10, 0, 0.5) for t in (100, 500)
    }
    report.scalars(levels)
    report.finish()
    return folder
