"""What recipes for a processor's core cost, and what they reach: docs/recipes.md, from runs and timed steps.

    python -m benchmarks.recipes [--runs runs] [--rounds 5]

A step is timed by the CPU time of one thread, recipes in turns in one process. The loss is the validation
loss that a finished run of the recipe had after as many steps as 20 minutes of a core hold.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from benchmarks.page import ROOT
from benchmarks.processor import about
from benchmarks.timing import cpu_seconds
from locality import build
from locality.data.batch import as_batch
from locality.denoisers.base import per_image
from locality.report.history import HISTORY, read_history
from locality.report.table import format_markdown
from locality.runs.files import CONFIG, SHIPPED
from locality.runs.finding import runs_in

PAGE, KEPT = ROOT / "docs" / "recipes.md", ROOT / "docs" / "recipes.json"
LAST = "channels_last"
MINUTES, SHAPE = 20, (3, 32, 32)
NEAR = 0.1  # of the steps in that time: how near the losses of a run that was stopped must come
RECIPE, PATCHES = "the recipe for CIFAR-10", "a U-Net on squares of 2 x 2 pixels"
CIFAR = ["experiment=cifar_cpu", "gamma=0"]
UNET = ["model=unet", "model.network.channels=[32,64,64]", "model.network.layers=2"]  # as of any other recipe
RECIPES: dict[str, list[str]] = {  # what is typed behind train.py
    RECIPE: CIFAR,
    "in 32 bits": [*CIFAR, "trainer.precision=32-true"],
    "the usual U-Net": [*CIFAR, *UNET],
    "the usual U-Net in 32 bits": [*CIFAR, *UNET, "trainer.precision=32-true"],
    PATCHES: [*CIFAR, "model=unet_patches"],
    "in batches of 32": [*CIFAR, "data.batch_size=32"],
    "the recipe for cats": ["experiment=cats_cpu"],
    "a transformer": ["experiment=cats_cpu", "model=dit"],
    "an MLP-Mixer": ["experiment=cats_cpu", "model=mixer"],
    "an MLP": ["experiment=cats_cpu", "model=mlp"],
    "an MLP on top of Wiener": ["experiment=cats_cpu", "model=mlp", "model.prediction=wiener_residual"],
}
COLUMNS = (
    "", "`python train.py`", "parameters", "CPU seconds a step", f"steps in {MINUTES} minutes",
    "validation loss near then (steps)", "loss at the end (steps)",
)  # fmt: skip
HEAD = """# Recipes for one core

```sh
python train.py experiment=cifar_cpu     # CIFAR-10
python train.py experiment=cats_cpu      # cats (32 x 32)
python -m benchmarks.recipes             # writes this page
```

Images are 32 x 32 x 3. A batch has 64, unless its row says otherwise. Steps are timed in turns in one
process, by the CPU time of one thread. A core that other work shares takes longer. The loss is that of v.
Where a network sits on top of Wiener, the loss is of what Wiener misses. Losses compare for the same data
and the same prediction only. The loss near 20 minutes is read during the full training, or a part of it, at
the step in brackets. The learning rate is still high then. A dash stands where no run went so far. Networks
that ship have a loss at the end.

"""


def main() -> None:
    """Time all recipes, read the runs, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=ROOT / "runs", help="the folder of the run folders")
    parser.add_argument(
        "--rounds", type=int, default=5, help="turns that each recipe takes; 0: as timed before"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    configs = {name: composed(typed) for name, typed in RECIPES.items()}
    steps = {name: step_of(cfg) for name, cfg in configs.items()}
    last = step_of(configs[RECIPE], torch.channels_last)
    times: dict[str, list[float]] = {name: [] for name in (*steps, LAST)}
    for turn in range(options.rounds + (options.rounds > 0)):
        for name, (step, _) in {**steps, LAST: last}.items():
            spent = cpu_seconds(step)
            if turn:  # the first allocates
                times[name].append(spent)
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {"rows": {}}
    known, where = kept["rows"], about() if options.rounds else kept["about"]
    rows = {}
    for name, cfg in configs.items():
        seconds = statistics.median(times[name]) if times[name] else float(known[name]["seconds"])
        count = int(MINUTES * 60 / seconds)
        before = known.get(name, {}).get("reached")  # maybe near the steps that another processor takes
        ended = before or ending(RECIPES[name], cfg, SHIPPED) or {}
        reached = {**ended, **(outcome(cfg, options.runs, count) or {})} or None
        rows[name] = {"parameters": steps[name][1], "seconds": seconds, "steps": count, "reached": reached}
        print(name, json.dumps(rows[name]), flush=True)
    slower = statistics.median(times[LAST]) / rows[RECIPE]["seconds"] if times[LAST] else kept[LAST]
    KEPT.write_text(json.dumps({"about": where, LAST: slower, "rows": rows}, indent=1) + "\n")
    told = f"{ratios(rows, slower)} {best_early(rows)}\n\n({where['machine']}, torch {where['torch']})\n"
    PAGE.write_text(f"{HEAD}{page(rows)}\n\n{told}")


def composed(typed: list[str]) -> DictConfig:
    """The config of a recipe."""
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        return compose("train", typed)


def step_of(
    cfg: DictConfig, order: torch.memory_format = torch.contiguous_format
) -> tuple[Callable[[], object], int]:
    """A step of the recipe on noise for images, and how many parameters it changes."""
    torch.manual_seed(0)
    module: Any = build.module(cfg.model, SHAPE).to(memory_format=order)
    if module.denoiser.floor is not None:  # any filter costs the same
        state = module.denoiser.floor.state_dict()
        module.denoiser.floor.load_state_dict(state | {"eigenvalues": torch.ones_like(state["eigenvalues"])})
    parameters = list(module.denoiser.net.parameters())
    optimizer = torch.optim.AdamW(parameters, 1e-4)
    batch = as_batch(torch.randn(int(cfg.data.batch_size), *SHAPE))
    short = str(cfg.trainer.precision).startswith("bf16")

    def step() -> None:
        t = torch.randint(1000, (len(batch.images),))
        sigma, noise = module.schedule.sigma(t, torch.float32), torch.randn_like(batch.images)
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            guess = module.denoiser.output(batch.images + per_image(sigma) * noise, sigma)
            loss = (guess.float() - module.denoiser.target(batch.images, noise, sigma)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, sum(one.numel() for one in parameters)


def outcome(cfg: DictConfig, runs: Path, count: int) -> dict[str, float] | None:
    """Of a run of a recipe: the validation loss after some steps, and at its end if it is finished.

    A run that was stopped counts where its losses come near to that many steps.
    """
    wanted, stopped = _telling(cfg), None
    for folder, status in runs_in(runs):
        mine = OmegaConf.load(folder / CONFIG) if status["state"] != "running" else None
        if not isinstance(mine, DictConfig) or mine.get("task") != "train" or _telling(mine) != wanted:
            continue
        losses = dict(read_history(folder / HISTORY).get("val/loss", []))
        if not losses:
            continue
        last, nearest = max(losses), min(losses, key=lambda step: abs(step - count))
        if status["state"] == "finished":
            return {"loss": losses[nearest], "at": nearest, "last": losses[last], "steps": last}
        if abs(nearest - count) <= NEAR * count:
            stopped = {"loss": losses[nearest], "at": nearest}
    return stopped


def ending(typed: list[str], cfg: DictConfig, shipped: Path) -> dict[str, float] | None:
    """Of a network that ships and was trained by a recipe: the validation loss at its end.

    The folder of such a network has no trainer's settings, but the command that trained it.
    """
    wanted, words = _trained_on(cfg), _words(typed)
    for path in sorted(shipped.glob("*/metrics.json")):
        mine, found = OmegaConf.load(path.with_name(CONFIG)), json.loads(path.read_text())
        loss, command = found["scalars"].get("val/loss"), str(found["run"]["command"]).split()
        assert isinstance(mine, DictConfig)
        typed_alike = command[:2] == ["python", "train.py"] and _words(command[2:]) == words
        if loss is not None and typed_alike and _trained_on(mine) == wanted:
            return {"last": loss, "steps": int(mine.step) - 1}  # as a history counts them: from 0
    return None


def _words(typed: list[str]) -> set[str]:
    """What is typed, without seeds and without a strength of nothing."""
    return {word for word in typed if not word.startswith("seed=") and word != "gamma=0"}


def _telling(cfg: DictConfig) -> Any:
    """What makes two runs runs of one recipe."""
    return (*_trained_on(cfg), cfg.trainer.precision, cfg.trainer.max_epochs)


def _trained_on(cfg: DictConfig) -> tuple[Any, ...]:
    """The network and its images."""
    model = OmegaConf.to_container(cfg.model, resolve=False)
    assert isinstance(model, dict)
    model.pop("seed", None)
    source = OmegaConf.to_container(cfg.data.source, resolve=True)
    strength = float(cfg.get("gamma") or 0)
    part = cfg.data.subset, cfg.data.get("subset_draw")
    return model, source, strength, part, cfg.data.batch_size


def page(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The table."""
    cells = [
        [
            name, f"`{' '.join(RECIPES[name])}`", f"{row['parameters'] / 1e6:.2f} M", f"{row['seconds']:.3f}",
            f"{row['steps']:,}", *_cells(row["reached"], row["steps"]),
        ]
        for name, row in rows.items()
    ]  # fmt: skip
    return format_markdown(list(COLUMNS), cells)


def ratios(
    rows: Mapping[str, Mapping[str, Any]],
    last: float,  # CPU time of a step with channels last in memory, over the recipe's
) -> str:
    """What 16 bits, a narrow first level, squares of pixels and the order in memory save."""
    narrow, whole, usual, long = (row["seconds"] for row in list(rows.values())[:4])
    return (
        f"A step in 16 bits costs {narrow / whole:.2f} of one in 32 bits, and {usual / long:.2f} with the "
        f"usual U-Net. The usual U-Net costs {usual / narrow:.1f} times as much as the recipe's, which is "
        f"narrow where pixels are many. A U-Net on squares costs {rows[PATCHES]['seconds'] / narrow:.2f} "
        f"times as much. With channels last in memory a step of the recipe costs {last:.2f} times as much."
    )


def best_early(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Which recipe of CIFAR-10 has the least loss after the time, and how much more the first one has."""
    alike = [name for name, typed in RECIPES.items() if typed[: len(CIFAR)] == CIFAR]
    known = {name: _early(rows[name]["reached"], rows[name]["steps"]) for name in alike}
    losses = {name: loss for name, loss in known.items() if loss is not None}
    least = min(losses, key=lambda name: losses[name], default=RECIPE)
    if RECIPE not in losses or len(losses) < 2:
        return ""
    if least == RECIPE:
        return f"Near {MINUTES} minutes the recipe has the least loss of these of CIFAR-10."
    more = 100 * (losses[RECIPE] / losses[least] - 1)
    below = [name for name in losses if losses[name] < losses[RECIPE]]
    return (
        f"Less loss near {MINUTES} minutes than the recipe's, on CIFAR-10: {'; '.join(below)}. The recipe's "
        f"is {more:.1f} % above the least ({least}). These are single runs."
    )


def _early(reached: Mapping[str, float] | None, count: int) -> float | None:
    """The loss near that many steps; None where a run ended before, or its history is gone."""
    known = reached or {}
    return known.get("loss") if count < known.get("steps", math.inf) else None


def _cells(reached: Mapping[str, float] | None, count: int) -> list[str]:
    loss, reached = _early(reached, count), reached or {}
    early = "-" if loss is None else f"{loss:.3f} ({reached['at']:,})"
    return [early, f"{reached['last']:.3f} ({reached['steps']:,})" if "last" in reached else "-"]


if __name__ == "__main__":
    main()
