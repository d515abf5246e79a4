"""r2 and MSE of analytical denoisers against a trained network, with Wiener as the floor."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor
from torchmetrics import Metric

from locality.compare.context import Context, UsedSettings
from locality.compare.drawing import SIGMA, mean_series, median_series, series_with_ends
from locality.compare.explorer import explore_rivals
from locality.compare.following import conclude, follow
from locality.compare.left_out import tell_left_out
from locality.compare.panels import tell_panels
from locality.compare.summary import FLOOR, Quantity, Summary
from locality.compare.telling import say_table
from locality.config import UsageError
from locality.denoisers.base import training_images
from locality.metrics import PerImage, mean_ratio, per_image
from locality.modules.comparison import ComparisonModule
from locality.report import Chart, Report, Series


def analytic_vs_nn(
    context: Context,
    count: int = 64,  # test images, and samples
    pictures: int = 10,  # columns of the picture grids
    calibration: UsedSettings = "auto",  # as compare=calibrate found, or as configured
    bank_counts: Mapping[str, int] | None = None,  # training images for the costly candidates
    calibrated_as: Mapping[str, str] | None = None,  # candidates that take the calibration of another
    metrics: Mapping[str, Metric] | None = None,  # more of torchmetrics' or one's own, by name
    explorer: bool = False,  # also fields of a grid of pixels, for the explorer of report.html
) -> dict[str, float]:
    """Compare more networks and all candidates with the network; tables, curves and grids go to the report.

    The columns of the table are those of `Summary`. Every denoiser sees the same test images and noise.
    Raises UsageError for settings that do not fit.
    """
    more = _checked(metrics or {})
    context.check_count(count)
    context.check_pictures(pictures)
    context.check_rivals()
    candidates = context.rivals(calibration, bank_counts, calibrated_as, ratios=True)
    module = ComparisonModule(
        context.reference, candidates, count, context.reference_name, min(pictures, count),
        seed=context.seed, metrics=more,
    )  # fmt: skip
    counts = {name: training_images(one) for name, one in candidates.items()}
    thinned = {name: count for name, count in counts.items() if count and count < len(context.bank)}
    settings = {name: context.origins.cell(name) for name in candidates}

    def summary(*names: str) -> Summary:
        return Summary(
            {name: module.results[name] for name in names}, module.sigmas.tolist(), thinned, settings
        )

    follow(context, module, count, summary)
    _draw(context.report, module)
    tell_panels(context, module)
    whole = summary(*module.results)
    context.report.scalars(whole.scalars())
    context.report.table("compare/summary", whole.columns, whole.rows())
    say_table(whole.columns, whole.rows())
    near = {name: one for name, one in whole.quantities.items() if "median_sample_r2" in one}
    conclude(
        context,
        {name: one["median_sample_r2"] for name, one in near.items()},
        {name: one["heldout_mse"] for name, one in whole.quantities.items()},
    )
    tell_left_out(context.report, "compare", whole.quantities)
    if explorer:
        explore_rivals(context, "compare/explorer", candidates)
    return whole.scalars()


def _checked(metrics: Mapping[str, Metric]) -> dict[str, PerImage]:
    taken = [name for name in metrics if name in ("mse", "r2") or not re.fullmatch(r"[a-z0-9_]+", name)]
    if taken:
        raise UsageError(f"compare.metrics.{taken[0]}: want a name of a-z, 0-9 and _ other than mse and r2")
    try:
        return {name: per_image(name, metric) for name, metric in metrics.items()}
    except ValueError as error:
        raise UsageError(f"compare.{error}") from error


def _draw(report: Report, module: ComparisonModule) -> None:
    scores, sigmas, name = module.results, module.sigmas.tolist(), module.reference_name
    others = {key: value for key, value in scores.items() if key != name}
    for kind, title in (
        ("forward", "One denoising step of the same noised test images"),
        ("path", "Along 10 steps of DDIM from the same noise"),
    ):
        mse = {key: mean_series(getattr(value, f"{kind}_mse")) for key, value in others.items()}
        for prefix, series_of in (("", mean_series), ("median_", median_series)):
            r2 = {key: series_of(getattr(value, f"{kind}_r2")) for key, value in others.items()}
            label = f"{prefix.replace('_', ' ')}r2 against the {name}"
            chart = Chart(title, SIGMA, label, sigmas, r2, log_x=True, y_range=(-1.0, 1.0))
            report.chart(f"compare/{prefix}{kind}_r2", chart)
        label = f"MSE against the {name} (pixel units squared)"
        report.chart(f"compare/{kind}_mse", Chart(title, SIGMA, label, sigmas, mse, log_x=True, log_y=True))
    mse = {key: mean_series(value.heldout_mse) for key, value in scores.items()}
    label, title = "MSE against the clean image (pixel units squared)", "Held-out denoising"
    report.chart("compare/heldout_mse", Chart(title, SIGMA, label, sigmas, mse, log_x=True, log_y=True))
    for metric in (key.removeprefix("heldout/") for key in scores[name].more):
        for kind, target, shown in (("heldout", "clean image", scores), ("forward", name, others)):
            lines = {key: mean_series(value.more[f"{kind}/{metric}"]) for key, value in shown.items()}
            chart = Chart(title, SIGMA, f"{metric} against the {target}", sigmas, lines, log_x=True)
            report.chart(f"compare/{kind}_{metric}", chart)
    if FLOOR in scores:
        ratio = {key: _ratio(value.heldout_mse, scores[FLOOR].heldout_mse) for key, value in scores.items()}
        # What copies training images leaves the frame at low noise, by factors of hundreds.
        label, frame = "MSE / MSE of Wiener (cut at 6)", (0.25, 6.0)
        chart = Chart(title, SIGMA, label, sigmas, ratio, log_x=True, log_y=True, y_range=frame)
        report.chart("compare/heldout_ratio", chart)
    for grid, title in (
        ("samples", "Samples: 10 steps of DDIM, the same noise in each column"),
        ("denoise", "One denoising step of the same noised test images"),
    ):
        report.grid(f"compare/{grid}", module.grids[grid], title=title)


def _ratio(values: list[Tensor], floor: list[Tensor]) -> Series:
    return series_with_ends([Quantity(*mean_ratio(*pair)) for pair in zip(values, floor, strict=True)])
