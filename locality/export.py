"""A trained network written as a folder to keep, ship or share.

    python -m locality.export runs/<run> pretrained/<name>
    python -m locality.export runs/<run>/checkpoints/step005000.ckpt young --form diffusers

The first is this project's form: weights, recipe, calibrations, numbers and a card; `locality.load`,
`checkpoint=` and `networks=` take it. The second is a pipeline that plain diffusers loads and samples from,
and that we read, too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from locality import build
from locality.bank import ImageBank
from locality.checkpoints.exported import WEIGHTS, fresh_folder, trainings_before, write_exported
from locality.checkpoints.reading import calibrations, read, rebuilt
from locality.config import UsageError
from locality.denoisers import NetworkDenoiser, Wiener
from locality.denoisers.network import PREDICTS
from locality.disk import write_atomically
from locality.heldout import Heldout, estimates, heldout
from locality.networks import save_pipeline
from locality.networks.weights import unwrapped
from locality.noise import image_noise
from locality.paths import cache_folder
from locality.report.card import ModelCard, render_card
from locality.report.figures import to_png
from locality.report.grid import draw_grid
from locality.report.history import HISTORY, read_history
from locality.report.provenance import told
from locality.report.quoting import code, plain
from locality.report.record import METRICS
from locality.report.table import Table
from locality.runs.files import CONFIG, is_exported, read_config
from locality.runs.finding import training_run
from locality.sampling import sample
from locality.shipped import script
from locality.statistics import GaussianStats

FORMS = ("locality", "diffusers")
AGREEMENT = 1e-3  # relative; half precision is good enough if estimates differ by less at every noise level
# What a card tells of a training.
EXPORTED: dict[str, Any] = {"step": None, "gamma": 0.0, "seed": None, "run": {}, "losses": {}}
COLUMNS = 8  # samples in a row of the picture, of two rows
STEPS = 50  # of DDIM, for the picture


def export(
    source: str | Path,  # runs/<run>, a .ckpt file, or whatever else `locality.load` takes
    folder: str | Path,  # new
    form: str = "locality",  # locality | diffusers
    count: int = 256,  # test images for the numbers of the card
    cache: str | Path | None = None,  # a folder for the statistics of the data
    trust: bool = False,  # true: whatever its recipe names is built, which may run code (docs/trust.md)
) -> Path:
    """Write the network with its averaged weights. Raises UsageError for what cannot be exported.

    What breaks leaves no folder.
    """
    source, folder = training_run(Path(source)), Path(folder)
    if form not in FORMS:
        raise UsageError(f"form: want {' or '.join(FORMS)}, got {form!r}")
    if count < 1:
        raise UsageError(f"count: want at least 1 test image, got {count}")
    try:
        with fresh_folder(folder):
            checkpoint = read(source, trust)
            denoiser = rebuilt(checkpoint, source, cache)
            if not isinstance(denoiser, NetworkDenoiser):
                raise UsageError(
                    f"{source}: want a network, got {type(denoiser).__name__}; it is fitted where it is used"
                )
            recipe = {**checkpoint["hyper_parameters"], **_origin(source, checkpoint)}
            if form == "diffusers":
                save_pipeline(denoiser, folder)
            elif recipe["data"] is None:
                raise UsageError(
                    f"{source}: does not say what it was trained on; "
                    f"{script('train')} model=hub goes on from it"
                )
            else:
                _ship(denoiser, unwrapped(checkpoint["state_dict"]), recipe, source, folder, count, cache)
    except UsageError:
        raise
    except ValueError as error:  # of settings, or of images
        raise UsageError(" ".join(str(error).split())) from error
    return folder


@torch.no_grad()
def _ship(
    denoiser: NetworkDenoiser,
    state: dict[str, Tensor],
    recipe: dict[str, Any],
    source: Path,
    folder: Path,
    count: int,
    cache: str | Path | None,
) -> None:
    data = build.datamodule(recipe["data"])
    bank, images = data.bank("train"), data.bank("test").images[:count]
    wiener = Wiener(GaussianStats.from_bank(bank, cache=cache))
    measured = heldout({"network": denoiser, "wiener": wiener}, images)
    dtype = _precision(denoiser, images)
    write_exported(folder, {**recipe, "fingerprint": bank.fingerprint}, state, dtype)
    noise = image_noise(range(2 * COLUMNS), denoiser.image_shape or (), 0, "sample")
    rows = sample(denoiser, noise, denoiser.schedule.leading(STEPS)).split(COLUMNS)
    picture = draw_grid({f"samples {k + 1}": row for k, row in enumerate(rows)})
    write_atomically(folder / "samples.png", to_png(picture))
    if calibrations(source).is_dir():
        shutil.copytree(calibrations(source), folder / "calibration")
    _describe(folder, recipe, measured, (PREDICTS[denoiser.prediction], dtype), bank)


def _origin(source: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """What the run folder knows of the training; an exported network brings all of that."""
    if is_exported(source):
        known = checkpoint["hyper_parameters"]
        return {**EXPORTED, **{name: known[name] for name in EXPORTED.keys() & known.keys()}}
    run = source if source.is_dir() else source.parent.parent
    facts: dict[str, Any] = {**EXPORTED, "step": checkpoint.get("global_step")}
    if (run / CONFIG).is_file():
        cfg = read_config(run / CONFIG)
        facts |= {"gamma": cfg.get("gamma", 0.0), "seed": cfg.get("seed")}
    if (run / METRICS).is_file():
        try:
            facts["run"] = json.loads((run / METRICS).read_text())["run"]
            for session in (facts["run"], *facts["run"].get("resumed", [])):
                session["command"] = told(session["command"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{run / METRICS}: want the numbers of a run, got a broken file") from error
    if stages := trainings_before(run):
        facts["run"] = {**facts["run"], "before": stages}
    points = read_history(run / HISTORY)
    step = facts["step"] or 0
    facts["losses"] = {
        name: before[-1]
        for name, values in points.items()
        if "loss" in name and (before := [value for at, value in values if at <= step])
    }
    return facts


def _precision(denoiser: NetworkDenoiser, images: Tensor) -> torch.dtype:
    """Half precision, if estimates by rounded weights agree with those by the weights themselves."""
    import copy

    rounded = copy.deepcopy(denoiser)
    for tensor in rounded.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())
    for level in estimates({"exact": denoiser, "rounded": rounded}, images[:16]):
        difference = level["rounded"] - level["exact"]
        if not difference.norm() <= AGREEMENT * level["exact"].norm():  # NaN where a half is infinite
            return torch.float32
    return torch.float16


def _describe(
    folder: Path, recipe: dict[str, Any], measured: Heldout, kind: tuple[str, torch.dtype], bank: ImageBank
) -> None:
    table = Table(*measured.table())
    scalars = {**measured.scalars(), **recipe["losses"]}
    size = (folder / WEIGHTS).stat().st_size / 1e6
    run = {"command": None, "commit": None, "started": None, **recipe["run"]}
    place = json.dumps(str(folder), ensure_ascii=False)  # in the quotes of Python, too
    card = ModelCard(
        title=folder.name,
        summary=f"A denoising network for images {tuple(recipe['image_shape'])} in [-1, 1], trained with "
        "locality. The weights are the moving average over training.\n\n![samples](samples.png)",
        data=f"{code(recipe['data']['source']['_target_'])}, {len(bank):,} training images (mirror images "
        f"included, where trained on), fingerprint {code(bank.fingerprint)}, gamma {recipe['gamma']:g}.",
        usage=f"import locality\n\ndenoiser = locality.load({place})\nx0 = denoiser(x, sigma)",
        facts={
            "Optimiser steps": _steps(recipe["step"], run),
            "Predicts": kind[0],
            "Seed": plain(str(recipe["seed"])),
            "Weights": f"{str(kind[1]).removeprefix('torch.')}, {size:.1f} MB",
            "Held-out images": str(measured.count),
        },
    )
    where = ", ".join(f"{sigma:g}" for sigma in measured.behind())
    bar = f"not passed at sigma {where}: conclude nothing from this network there" if where else "passed"
    tables = {
        f"Held-out denoising, and its ratio to Wiener's with 95 % paired intervals (the bar: {bar})": table
    }
    write_atomically(folder / "MODEL_CARD.md", render_card(card, recipe["losses"], tables, run))
    content = {"scalars": scalars, "tables": {"heldout": vars(table)}, "run": run}
    write_atomically(folder / METRICS, json.dumps(content, indent=2, sort_keys=True) + "\n")


def _steps(last: int | None, run: dict[str, Any]) -> str:
    """Of the training, and in all where it went on from weights of another."""
    if last is None:
        return "unknown"
    before = sum(stage["step"] for stage in run.get("before", []))
    return f"{last:,}" + (f", {before + last:,} in all" if before else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m locality.export", description=__doc__.split("\n")[0])
    parser.add_argument("source", help="runs/<run>, or a .ckpt file in it")
    parser.add_argument("folder", help="pretrained/<name>, which is made")
    parser.add_argument("--form", choices=FORMS, default="locality")
    parser.add_argument("--count", type=int, default=256, help="test images for the numbers of the card")
    parser.add_argument("--trust", action="store_true", help="build whatever the file names (docs/trust.md)")
    parser.add_argument("--cache", help="where statistics are kept")

    def stop(message: str) -> NoReturn:
        _end(f"{message}; see --help", 2)

    parser.error = stop  # type: ignore[method-assign]
    asked = parser.parse_args(arguments)
    try:
        asked.cache = cache_folder() if asked.cache is None else asked.cache
    except ValueError as error:
        _end(str(error), 2)
    warnings.showwarning = lambda message, *_, **__: print(f"note: {' '.join(str(message).split())}")
    try:
        print(export(**vars(asked)))
    except UsageError as error:
        _end(str(error), 2)
    except OSError as error:
        named = "" if error.filename is None else f"{error.filename}: "
        _end(f"{named}{error.strerror or error}; name another folder, make room or mend the rights", 1)


def _end(message: str, code: int) -> NoReturn:
    print(f"export: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)


if __name__ == "__main__":
    main()
