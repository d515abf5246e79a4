"""What is the class of an image worth? Denoisers that are told it, beside those that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from locality.compare.context import Context, asked
from locality.compare.drawing import SIGMA, series_with_ends, time_of
from locality.compare.needs import without_network
from locality.compare.summary import Quantity
from locality.compare.telling import say_table
from locality.config import UsageError
from locality.denoisers import ByClass, Conditional
from locality.metrics import Groups, interval, mean_ratio
from locality.modules.told import WAYS, ToldModule
from locality.ranks import say
from locality.report import Chart, Series
from locality.report.table import Cell

COLUMNS = ("denoiser", "sigma", "MSE untold", "MSE told", "told / untold")


@without_network
def labels(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 256,  # test images
    bank_counts: Mapping[str, int] | None = None,  # candidate: training images in all, evenly spread
    guidance: float = 1.0,  # of those that are told; 1: the class as it is
) -> dict[str, float]:
    """The held-out error of each denoiser told the class of each image, over its error untold.

    Every candidate is fitted to each class (`ByClass`); a network takes part if it was trained with classes.
    Both ways see the same noised test images, so the ratio is paired: below 1 the class helps.
    """
    if context.data.labels("test") is None:
        raise UsageError("data: want images whose classes are known, such as data=cifar, data=fashion_mnist")
    context.check_count(count)
    if count < 2:
        raise UsageError(f"compare.count: want at least 2 test images, for intervals, got {count}")
    counts = context.checked_counts("bank_counts", bank_counts)
    denoisers: dict[str, Conditional] = {
        name: one for name, one in _networks(context).items() if isinstance(one, Conditional) and one.classes
    }
    for name, recipe in context.fits.items():
        say(f"{name}: fitting a denoiser for each class")
        with asked(f"candidates.{name}: "):
            denoisers[name] = ByClass.fit(
                context.bank, recipe, counts.get(name), context.stats, context.cache
            )
    if not denoisers:
        raise UsageError("candidates: want at least one; +denoiser@candidates.wiener=wiener adds one")
    module = ToldModule(denoisers, sigmas, count, context.data.image_shape, guidance, context.seed)
    context.test(module, count)
    groups = context.data.groups("test")
    return _tell(context, sigmas, module.values, None if groups is None else groups[:count])


def _networks(context: Context) -> dict[str, object]:
    own = {} if context.trained is None else {context.reference_name: context.trained}
    return {**own, **{name: one.denoiser for name, one in context.networks.items()}}


def _tell(
    context: Context, sigmas: Sequence[float], values: Mapping[str, list[Tensor]], groups: Groups
) -> dict[str, float]:
    """The chart, the table and the numbers of metrics.json."""
    names = list(dict.fromkeys(key.rpartition("/")[0] for key in values))
    rows: list[list[Cell]] = []
    series: dict[str, Series] = {}
    numbers: dict[str, float] = {}
    for name in names:
        ratios = []
        for step, sigma in enumerate(sigmas):
            errors = {way: values[f"{name}/{way}"][step] for way in WAYS}
            ratio = Quantity(*mean_ratio(errors["told"], errors["untold"], groups))
            means = {
                way: Quantity(one.mean().item(), *interval(one, groups=groups)) for way, one in errors.items()
            }
            rows.append([name, sigma, *(str(one) for one in means.values()), str(ratio)])
            ratios.append(ratio)
            t = f"t{time_of(sigma):03d}"
            for kind, one in {**{f"mse_{way}": means[way] for way in WAYS}, "ratio": ratio}.items():
                for end, value in one.ends().items():
                    numbers[f"labels/{kind}{end}/{name}/{t}"] = value
        series[name] = series_with_ends(ratios)
    title, label = "What the class of an image is worth", "held-out error told / untold"
    context.report.chart("labels/ratio", Chart(title, SIGMA, label, sigmas, series, log_x=True))
    context.report.table("labels/errors", COLUMNS, rows)
    context.report.scalars(numbers)
    say_table(COLUMNS, rows)
    return numbers
