"""r2 and MSE of analytical denoisers against a trained network, with Wiener as the floor."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from locality.compare.context import Context
from locality.metrics import interval, ratio_interval
from locality.modules.comparison import ComparisonModule, Scores
from locality.report import Chart, Report, Series, format_table
from locality.report.folder import first_rank

SIGMA = "noise level sigma (pixel units, images in [-1, 1])"
COLUMNS = (
    "denoiser",
    "sample r2", "sample r2 95 %", "sample MSE",
    "one-step r2", "held-out MSE", "held-out r2", "MSE / Wiener", "ms / image",
)  # fmt: skip


def analytic_vs_nn(
    context: Context,
    count: int = 64,  # test images, and samples
    pictures: int = 10,  # columns of the picture grids
) -> dict[str, float]:
    """Compare every candidate with the network; tables, curves and grids go to the report.

    `sample`: final images of 10 steps of DDIM from the same noise, against the network's. `one-step`:
    estimates from the same noised test images, against the network's, mean over the 10 noise levels.
    `held-out`: the same estimates against the clean images, every denoiser by its own merit.
    """
    available = len(context.data.bank("test"))
    if not 1 <= count <= available:
        raise ValueError(f"compare.count: want 1 to {available} (the test images), got {count}")
    module = ComparisonModule(
        context.reference, context.candidates(), count, pictures=min(pictures, count), seed=context.seed
    )
    batches = math.ceil(count / context.data.eval_batch_size)
    context.trainer(limit_test_batches=batches).test(module, datamodule=context.data, verbose=False)
    scores = module.results
    _draw(context.report, module, scores)
    numbers = _numbers(scores, module.reference_name)
    context.report.scalars(numbers)
    rows = _rows(scores, module.reference_name)
    context.report.table("compare/summary", COLUMNS, rows)
    if first_rank():
        print(format_table(COLUMNS, rows), flush=True)
    return numbers


def _draw(report: Report, module: ComparisonModule, scores: Mapping[str, Scores]) -> None:
    name = module.reference_name
    others = {key: value for key, value in scores.items() if key != name}
    kinds = {
        "forward": "One denoising step from the same noised test images",
        "path": "Along 10 steps of DDIM from the same noise",
    }
    sigmas = module.sigmas.tolist()
    for kind, title in kinds.items():
        for metric, label in (
            ("r2", f"r2 against the {name}"),
            ("mse", f"MSE against the {name} (pixel units squared)"),
        ):
            series = {key: _series(getattr(value, f"{kind}_{metric}")) for key, value in others.items()}
            limits = (-1.0, 1.0) if metric == "r2" else (None, None)
            chart = Chart(
                title, SIGMA, label, sigmas, series, log_x=True, log_y=metric == "mse", y_range=limits
            )
            report.chart(f"compare/{kind}_{metric}", chart)
    series = {key: _series(value.heldout_mse) for key, value in scores.items()}
    label = "MSE against the clean image (pixel units squared)"
    report.chart(
        "compare/heldout_mse",
        Chart("Held-out denoising", SIGMA, label, sigmas, series, log_x=True, log_y=True),
    )
    if "wiener" in scores:
        series = {
            key: _ratio(value.heldout_mse, scores["wiener"].heldout_mse) for key, value in scores.items()
        }
        chart = Chart(
            "Held-out denoising, relative to Wiener", SIGMA, "MSE / MSE of Wiener", sigmas, series,
            log_x=True, log_y=True,
        )  # fmt: skip
        report.chart("compare/heldout_ratio", chart)
    for grid, title in (
        ("samples", "Samples: 10 steps of DDIM, the same noise in each column"),
        ("denoise", "One denoising step of the same noised test images"),
    ):
        report.grid(f"compare/{grid}", module.grids[grid], title=title)


def _numbers(scores: Mapping[str, Scores], reference: str) -> dict[str, float]:
    numbers = {}
    for name, score in scores.items():
        numbers[f"compare/heldout_mse/{name}"] = _overall(score.heldout_mse).mean().item()
        numbers[f"compare/heldout_r2/{name}"] = _average(score.heldout_r2)
        numbers[f"compare/seconds/{name}"] = score.seconds
        if name != reference:
            assert score.path_r2 and score.path_mse and score.forward_r2 and score.forward_mse  # noqa: PT018
            numbers[f"compare/r2/{name}"] = score.path_r2[-1].mean().item()
            low, high = interval(score.path_r2[-1])
            numbers |= {f"compare/r2_low/{name}": low, f"compare/r2_high/{name}": high}
            numbers[f"compare/mse/{name}"] = score.path_mse[-1].mean().item()
            numbers[f"compare/forward_r2/{name}"] = _average(score.forward_r2)
            numbers[f"compare/forward_mse/{name}"] = _average(score.forward_mse)
    return numbers


def _rows(scores: Mapping[str, Scores], reference: str) -> list[list[str | float | None]]:
    numbers = _numbers(scores, reference)
    floor = _overall(scores["wiener"].heldout_mse) if "wiener" in scores else None
    rows: list[list[str | float | None]] = []
    for name, score in scores.items():
        get = lambda key, name=name: numbers.get(f"compare/{key}/{name}")  # noqa: E731
        bounds = None if name == reference else f"{get('r2_low'):.3f} .. {get('r2_high'):.3f}"
        ratio = None if floor is None else (_overall(score.heldout_mse).mean() / floor.mean()).item()
        rows.append([
            name, get("r2"), bounds, get("mse"), get("forward_r2"),
            get("heldout_mse"), get("heldout_r2"), ratio, 1000 * score.seconds,
        ])  # fmt: skip
    return rows


def _overall(values: list[Tensor]) -> Tensor:  # [N] the mean over noise levels, image by image
    return torch.stack(values).mean(0)


def _average(values: list[Tensor]) -> float:
    return torch.stack([value.mean() for value in values]).mean().item()


def _series(values: list[Tensor] | None) -> Series:
    assert values is not None
    ends = [interval(value) for value in values]
    return Series(
        [value.mean().item() for value in values], [low for low, _ in ends], [high for _, high in ends]
    )


def _ratio(values: list[Tensor], floor: list[Tensor]) -> Series:
    ends = [ratio_interval(value, base) for value, base in zip(values, floor, strict=True)]
    means = [(value.mean() / base.mean()).item() for value, base in zip(values, floor, strict=True)]
    return Series(means, [low for low, _ in ends], [high for _, high in ends])
