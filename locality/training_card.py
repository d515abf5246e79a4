"""What a training says of itself in MODEL_CARD.md: what it is, how it was made, how it stands to Wiener."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from omegaconf import DictConfig

from locality import build
from locality.data import ImageDataModule
from locality.denoisers import Wiener
from locality.denoisers.network import PREDICTS
from locality.disk import shown_path
from locality.heldout import is_dear
from locality.live import prose
from locality.modules import DDPMModule, DenoiserModule, FinishedModule
from locality.ranks import say
from locality.report import ModelCard, Report
from locality.report.over_wiener import RATIO, over_wiener
from locality.report.quoting import code


def ratios_to_wiener(
    cfg: DictConfig,
    module: DenoiserModule,
    data: ImageDataModule,
    report: Report,
    numbers: Mapping[str, float],  # test/mse/t000... of the module
) -> dict[str, float]:
    """The module's held-out errors over Wiener's, on the same images and noise.

    Nothing for Wiener itself, nor where the filter would take longer than a few seconds. Full precision,
    whatever the training had.
    """
    bank = data.bank("train")
    if isinstance(module.denoiser, Wiener) or is_dear(bank):
        return {}
    n, count = bank.image_shape.numel(), len(bank)
    if count < n:
        say(prose(f"note: Wiener of {count:,} images for {n:,} coordinates is a weak floor, shrunk as it is"))
    report.measures(bank, cfg.cache)
    floor = FinishedModule.floor(bank, module.schedule, module.seed, cfg.cache)
    trainer = build.trainer(
        cfg.trainer, report.folder, [], [], enable_progress_bar=False, precision="32-true"
    )
    (errors,) = trainer.test(floor, datamodule=data, verbose=False)
    return over_wiener(numbers, errors)


def card(
    cfg: DictConfig, module: DenoiserModule, data: ImageDataModule, folder: Path, steps: int
) -> ModelCard:
    """The model card, but for the numbers, command and versions, which the report knows."""
    bank, kind = data.bank("train"), type(module.denoiser).__name__
    shape = " x ".join(map(str, bank.image_shape))
    inside = next((cfg.model[key] for key in ("network", "denoiser") if key in cfg.model), cfg.model)
    facts = {"What": code(inside["_target_"]), "Seed": str(cfg.seed), "Run": code(folder.name)}
    if isinstance(module, DDPMModule):
        facts |= {
            "Parameters": f"{sum(parameter.numel() for parameter in module.parameters()):,}",
            "Predicts": PREDICTS[module.denoiser.prediction],
            "Optimiser steps": f"{steps:,}, of {cfg.data.batch_size} images",
            "Weights": f"averaged with decay {module.ema_decay:g}" if module.ema_decay else "the last ones",
        }
    pattern = f", with a pattern of strength gamma = {cfg.gamma:g}" if cfg.data.pattern is not None else ""
    place = json.dumps(shown_path(folder), ensure_ascii=False)  # in the quotes of Python, too
    return ModelCard(
        title=f"{kind} for images of {shape}",
        summary="A denoiser `D(x, sigma) -> x0` of noisy images `x = x0 + sigma eps` in [-1, 1].",
        data=f"{code(cfg.data.source['_target_'])}{pattern}: {len(bank):,} training images of {shape}"
        f"{', mirror images included' if cfg.data.flip else ''}, fingerprint {code(bank.fingerprint)}.",
        usage=f"import locality\n\ndenoiser = locality.load({place})\nx0 = denoiser(x, sigma)",
        limits=[
            f"Made for images of {shape} like those of its data, and for nothing else.",
            "`test/...` are squared errors on held-out images at the noise of time-step t, in pixel units; "
            f"`{RATIO}...` divides them by those of the best affine denoiser on the same noise.",
        ],
        facts=facts,
    )
