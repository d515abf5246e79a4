"""What is the class of an image worth? Denoisers that are told it, beside those that are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from locality.compare.context import Context, UsedSettings, asked
from locality.compare.drawing import SIGMA, series_with_ends, time_of
from locality.compare.needs import without_network
from locality.compare.summary import Quantity
from locality.compare.telling import Growing, measure, say_table
from locality.config import UsageError
from locality.denoisers import ByClass, Conditional
from locality.denoisers.options import noise_levels
from locality.metrics import Groups, interval, mean_ratio
from locality.modules.told import WAYS, ToldModule
from locality.ranks import say
from locality.report import Chart
from locality.report.table import Cell

COLUMNS = ("denoiser", "sigma", "MSE untold", "MSE told", "told / untold")


@without_network
def labels(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 256,  # test images
    bank_counts: Mapping[str, int] | None = None,  # candidate: training images in all, evenly spread
    guidance: float = 1.0,  # of those that are told; 1: the class as it is
    calibration: UsedSettings = "auto",  # as compare=calibrate found, or as configured
) -> dict[str, float]:
    """The held-out error of each denoiser told the class of each image, over its error untold.

    Every candidate is fitted to each class (`ByClass`); a network takes part if it was trained with classes.
    Both ways see the same noised test images, so the ratio is paired: below 1 the class helps.
    """
    if context.data.labels("test") is None:
        raise UsageError("data: want images whose classes are known, such as data=cifar, data=fashion_mnist")
    context.check_count(count, least=2)
    with asked():
        sigmas = noise_levels(sigmas)
    counts = context.checked_counts("bank_counts", bank_counts)
    denoisers: dict[str, Conditional] = {
        name: one for name, one in _networks(context).items() if isinstance(one, Conditional) and one.classes
    }
    recipes = context.recipes(calibration)
    context.judge(denoisers)
    for name, recipe in recipes.items():
        say(f"{name}: fitting a denoiser for each class")
        with asked(f"candidates.{name}: "):
            denoisers[name] = ByClass.fit(
                context.bank, recipe, counts.get(name), context.stats, context.cache
            )
    if not denoisers:
        raise UsageError("candidates: want at least one; +denoiser@candidates.wiener=wiener adds one")
    module = ToldModule(denoisers, sigmas, count, context.data.image_shape, guidance, context.seed)
    groups = context.data.groups("test")
    found = LabelResult(sigmas, list(denoisers), module.values, None if groups is None else groups[:count])
    places = {(name, step): _label(name, sigma) for name in denoisers for step, sigma in enumerate(sigmas)}
    growing = Growing(context.report, "labels/errors", COLUMNS, places.values())

    def keep(step: int) -> str:
        for name in denoisers:
            growing.add(places[name, step], [found.row(name, step)], found.scalars(name, step))
        told = (f"{name} {found.ratio(name, step).mean:.3g}" for name in denoisers)
        return f"sigma {sigmas[step]:g}, told / untold: {', '.join(told)}"

    with growing.shown_if_cut_short():
        measure(context, module, count, keep)
    return _tell(context, found)


def _networks(context: Context) -> dict[str, object]:
    own = {} if context.trained is None else {context.reference_name: context.trained}
    return {**own, **{name: one.denoiser for name, one in context.networks.items()}}


def _label(name: str, sigma: float) -> str:
    return f"{name}, sigma {sigma:g}"


@dataclass(frozen=True)
class LabelResult:
    """What was measured, told and untold."""

    sigmas: Sequence[float]
    names: Sequence[str]  # of the denoisers
    values: Mapping[str, list[Tensor]]  # "<denoiser>/<way>" -> S times [N]
    groups: Groups  # of the images, where some were cut from one picture

    def ratio(self, name: str, step: int) -> Quantity:
        """The error told over that untold, on the same images and noise."""
        told, untold = (self.values[f"{name}/{way}"][step] for way in ("told", "untold"))
        return Quantity(*mean_ratio(told, untold, self.groups))

    def mean(self, name: str, way: str, step: int) -> Quantity:
        """The error told or untold."""
        values = self.values[f"{name}/{way}"][step]
        return Quantity(values.mean().item(), *interval(values, groups=self.groups))

    def row(self, name: str, step: int) -> list[Cell]:
        """The line of the table of a denoiser at a noise level."""
        means = [str(self.mean(name, way, step)) for way in WAYS]
        return [name, self.sigmas[step], *means, str(self.ratio(name, step))]

    def scalars(self, name: str, step: int) -> dict[str, float]:
        """The numbers of metrics.json of a denoiser at a noise level."""
        found = {f"mse_{way}": self.mean(name, way, step) for way in WAYS}
        found["ratio"] = self.ratio(name, step)
        place = f"{name}/t{time_of(self.sigmas[step]):03d}"
        return {
            f"labels/{kind}{end}/{place}": value
            for kind, one in found.items()
            for end, value in one.ends().items()
        }


def _tell(context: Context, found: LabelResult) -> dict[str, float]:
    """The chart, the table and the numbers of metrics.json."""
    steps = range(len(found.sigmas))
    ratios = {name: [found.ratio(name, step) for step in steps] for name in found.names}
    series = {name: series_with_ends(one) for name, one in ratios.items()}
    title, label = "What the class of an image is worth", "held-out error told / untold"
    chart = Chart(title, SIGMA, label, list(found.sigmas), series, log_x=True)
    context.report.chart("labels/ratio", chart)
    rows = [found.row(name, step) for name in found.names for step in steps]
    context.report.table("labels/errors", COLUMNS, rows)
    numbers: dict[str, float] = {}
    for name in found.names:
        for step in steps:
            numbers |= found.scalars(name, step)
    context.report.scalars(numbers)
    say_table(COLUMNS, rows)
    context.report.conclusion = _concluded(context, found, ratios)
    return numbers


def _concluded(context: Context, found: LabelResult, ratios: Mapping[str, Sequence[Quantity]]) -> str:
    """Where the class is worth most, and where it costs most."""
    places = [(name, step) for name, levels in ratios.items() for step in range(len(levels))]
    order = sorted(places, key=lambda place: ratios[place[0]][place[1]].mean)
    said = []
    for name, step in dict.fromkeys([order[0], order[-1]]):
        settings = context.origins.cell(name)
        who = f"{name} ({settings})" if settings else name
        said.append(f"{ratios[name][step]} for {who} at sigma {found.sigmas[step]:g}")
    return f"error told / untold, least and most: {', '.join(said)}"
