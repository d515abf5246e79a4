"""Networks that share no training image: how much of their agreement do Gaussian statistics explain?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.checkpoints.trained import Trained
from locality.compare.context import Context, asked
from locality.compare.drawing import SIGMA, series_with_ends, time_of
from locality.compare.summary import Quantity
from locality.compare.telling import Growing, measure, say_table
from locality.config import UsageError
from locality.data.subset import HALVES
from locality.denoisers import Wiener
from locality.denoisers.base import Denoiser, per_image
from locality.denoisers.options import noise_levels
from locality.finite_sample import disagreement, halves_of
from locality.metrics import Groups, ImageCosine, ImageMSE, ImageR2, interval, mean_ratio
from locality.modules.pairs import PairModule
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.table import Cell
from locality.statistics import GaussianStats

PAIRS = {  # whose estimates come close to whose; the first of each is set against the second
    "networks": ("network1", "network0"),
    "wiener": ("wiener1", "wiener0"),
    "wiener_of_the_other": ("wiener1", "network0"),
    "wiener_of_the_other_reversed": ("wiener0", "network1"),
    "shrunk": ("shrunk", "network0"),
    "shrunk_reversed": ("shrunk", "network1"),
}
SEEDS = {"seeds": ("seed1", "seed0")}  # of all images, where there are two such networks
OF_THE_OTHER = ("wiener_of_the_other", "wiener_of_the_other_reversed")
TOLD = ("networks", "wiener")  # pairs that are told of by themselves
METRICS = {"mse": ImageMSE(), "r2": ImageR2(), "cosine": ImageCosine()}
COLUMNS = (
    "sigma", "networks MSE", "Wiener MSE", "Wiener MSE, predicted", "networks r2", "Wiener r2",
    "networks cosine", "Wiener cosine", "explained", "Wiener's distance / the network's",
)  # fmt: skip
SEEDS_COLUMNS = ("seeds MSE", "halves / seeds")  # beside these


def halves(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 256,  # test images
) -> dict[str, float]:
    """How far apart two networks of disjoint halves are, and two Wiener filters; all goes to the report.

    All see the same noised test images. The prediction for the filters is that of random matrices
    (`locality.finite_sample`), from the covariance of both halves together. `explained` is the share of the
    networks' agreement that the Gaussian statistics of the other half give:

        (|D_i - plain|^2 - |D_i - W_j|^2) / (|D_i - plain|^2 - |D_i - D_j|^2),   means over i, j and images,

    with D_i the network of half i, W_j the Wiener filter of the other half, and `plain` the filter that knows
    nothing but the mean and the variance of all pixels together. It is 1 where a network is as near to the
    other half's filter as to the other half's network, 0 where the filter says no more of it than `plain`.
    `plain` is so far away that a share near 1 leaves room. So beside it stands how much farther the other
    half's filter is than the other half's network, in squared distances: |D_i - W_j|^2 / |D_i - D_j|^2.

    Two more networks, of all images and different seeds, stand beside them: the halves' squared difference
    over theirs. A seed sets the first weights, the order of batches and the noise. The halves have one seed
    and may have fewer steps. So a ratio below 1 does not tell what the images do from what the seed does.
    """
    pair, seeds = checked(context.networks)
    data = pair[0].data()
    context.check_count(count, 2, data)
    with asked():
        sigmas = noise_levels(sigmas)
    banks = [one.data().bank("train") for one in pair]
    stats = [context.measured(bank) for bank in banks]
    both = stats[0].merge(stats[1])
    denoisers = {f"network{k}": one.denoiser for k, one in enumerate(pair)}
    denoisers |= {f"wiener{k}": Wiener(one) for k, one in enumerate(stats)}
    denoisers["shrunk"] = Shrunk(both)
    for k, one in enumerate(pair):
        context.judge({f"network of half {k}": one.denoiser}, denoisers[f"wiener{k}"], data)
    if seeds:
        say(f"beside them: two seeds on all images, after {seeds[0].step} steps (halves: {pair[0].step})")
        context.judge({f"network of seed {one.seed}": one.denoiser for one in seeds}, Wiener(both), data)
    denoisers |= {f"seed{k}": one.denoiser for k, one in enumerate(seeds)}
    pairs = PAIRS | SEEDS if seeds else PAIRS
    module = PairModule(denoisers, pairs, METRICS, sigmas, count, data.image_shape, context.seed)
    mirrored = data.flip and (data.pattern is None or data.gamma == 0)  # a pattern is never mirrored
    images = min(len(bank) for bank in banks) // (2 if mirrored else 1)
    samples = halves_of(both, images, mirrored)
    predicted = [disagreement(samples, sigma) for sigma in sigmas]
    groups = data.groups("test")
    groups = None if groups is None else groups[:count]
    found = HalvesResult(sigmas, module.values, predicted, groups, bool(seeds))
    growing = Growing(context.report, "halves/agreement", found.columns, [f"{sigma:g}" for sigma in sigmas])

    def keep(step: int) -> str:
        growing.add(f"{sigmas[step]:g}", [found.row(step)], found.scalars(step))
        return f"sigma {sigmas[step]:g}: explained {found.explained(step)}"

    with growing.shown_if_cut_short():
        measure(context, module, count, keep, data)
    return _tell(context.report, found)


def checked(networks: Mapping[str, Trained]) -> tuple[list[Trained], list[Trained]]:
    """The networks of the first half and of the second, then two of all images, or none.

    Raises UsageError for others.
    """
    halves: dict[str, Trained] = {}
    seeds: dict[int, Trained] = {}
    for one in networks.values():
        if (draw := str(one.trained_on["subset_draw"])) in HALVES:
            halves[draw] = one
        else:
            seeds[one.seed] = one
    if set(halves) != set(HALVES) or len(seeds) not in (0, 2) or len(halves) + len(seeds) != len(networks):
        got = ", ".join(
            f"{name} ({one.trained_on['subset_draw']}, seed {one.seed})" for name, one in networks.items()
        )
        raise UsageError(
            f"networks: want two, of data.subset_draw={' and '.join(HALVES)}, and none or two more of all "
            f"images and different seeds; got {got or 'none'}"
        )
    first, second = (halves[half] for half in HALVES)
    for other in (second, *seeds.values()):
        theirs, ours = ({**one.images, "subset_draw": None, "gamma": one.gamma} for one in (first, other))
        if theirs != ours:
            unlike = sorted(key for key in theirs | ours if theirs.get(key) != ours.get(key))
            raise UsageError(f"networks: want halves of the same images, these differ in data.{unlike[0]}")
    return [first, second], [seeds[seed] for seed in sorted(seeds)]


class Shrunk(Denoiser):
    """`mu + v / (v + sigma^2) (x - mu)`, v the mean variance of a pixel: Wiener without correlations."""

    mean: Tensor
    variance: Tensor

    def __init__(self, stats: GaussianStats) -> None:
        super().__init__()
        assert stats.image_shape is not None, "measured statistics know their images"
        self.image_shape = stats.image_shape
        self.register_buffer("mean", stats.mean.reshape(stats.image_shape))
        self.register_buffer("variance", stats.covariance.diagonal().mean())

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The same pull towards the mean for every pixel."""
        mean, variance = self.mean.to(x), self.variance.to(x)
        return mean + per_image(variance / (variance + sigma**2)) * (x - mean)


@dataclass(frozen=True)
class HalvesResult:
    """What was measured at each noise level."""

    sigmas: Sequence[float]
    values: Mapping[str, list[Tensor]]  # "<pair>/<metric>" -> S times [N]
    predicted: Sequence[float]  # of the Wiener filters' mean squared difference
    groups: Groups  # of the images, where some were cut from one picture
    with_seeds: bool = False  # whether there are two networks of all images

    @property
    def columns(self) -> list[str]:
        """Of the table."""
        return [*COLUMNS, *(SEEDS_COLUMNS if self.with_seeds else ())]

    def quantity(self, key: str, step: int) -> Quantity:
        """A mean over images at a noise level."""
        values = self.values[key][step]
        return Quantity(values.mean().item(), *interval(values, groups=self.groups))

    def explained(self, step: int) -> Quantity:
        """The share of the networks' agreement that the Gaussian statistics of the other half give."""

        plain = self._mse(step, "shrunk", "shrunk_reversed")
        gain = plain - self._mse(step, *OF_THE_OTHER)
        return Quantity(*mean_ratio(gain, plain - self._mse(step, "networks"), self.groups))

    def farther(self, step: int) -> Quantity:
        """The squared distance of a network to the other half's filter over that to its network."""
        return Quantity(*mean_ratio(self._mse(step, *OF_THE_OTHER), self._mse(step, "networks"), self.groups))

    def beside_seeds(self, step: int) -> Quantity:
        """The squared difference of the halves' networks over that of two seeds on all images."""
        return Quantity(*mean_ratio(self._mse(step, "networks"), self._mse(step, "seeds"), self.groups))

    def _mse(self, step: int, *pairs: str) -> Tensor:  # [N]
        return torch.stack([self.values[f"{pair}/mse"][step] for pair in pairs]).mean(0)

    def row(self, step: int) -> list[Cell]:
        """The line of the table at a noise level."""
        mse, r2, cosine = (
            [str(self.quantity(f"{pair}/{metric}", step)) for pair in TOLD] for metric in METRICS
        )
        predicted = f"{self.predicted[step]:.3g}"
        shares = str(self.explained(step)), str(self.farther(step))
        seeds = (
            (str(self.quantity("seeds/mse", step)), str(self.beside_seeds(step))) if self.with_seeds else ()
        )
        return [self.sigmas[step], *mse, predicted, *r2, *cosine, *shares, *seeds]

    def scalars(self, step: int) -> dict[str, float]:
        """The numbers of metrics.json at a noise level."""
        t = f"t{time_of(self.sigmas[step]):03d}"
        found = {f"{metric}/{pair}": f"{pair}/{metric}" for metric in METRICS for pair in TOLD}
        numbers = {f"halves/mse/predicted/{t}": self.predicted[step]}
        shares = {"explained": self.explained(step), "farther": self.farther(step)}
        if self.with_seeds:
            found |= {f"{metric}/seeds": f"seeds/{metric}" for metric in METRICS}
            shares["beside_seeds"] = self.beside_seeds(step)
        for kind, one in shares.items():
            numbers |= {f"halves/{kind}{end}/{t}": value for end, value in one.ends().items()}
        for name, key in found.items():
            kind, _, pair = name.partition("/")
            for end, value in self.quantity(key, step).ends().items():
                numbers[f"halves/{kind}{end}/{pair}/{t}"] = value
        return numbers


def _tell(report: Report, found: HalvesResult) -> dict[str, float]:
    """The chart, the table and the numbers of metrics.json."""
    steps = range(len(found.sigmas))
    drawn = {"networks of the halves": "networks", "wiener": "wiener"}
    drawn |= {"two seeds, all images": "seeds"} if found.with_seeds else {}
    series = {
        name: series_with_ends([found.quantity(f"{pair}/mse", step) for step in steps])
        for name, pair in drawn.items()
    }
    series["Wiener, predicted"] = Series(found.predicted, beside="wiener")
    title = "How far apart disjoint halves lead"
    label = "mean squared difference (pixel units squared)"
    report.chart(
        "halves/disagreement", Chart(title, SIGMA, label, found.sigmas, series, log_x=True, log_y=True)
    )
    rows = [found.row(step) for step in steps]
    report.table("halves/agreement", found.columns, rows)
    numbers = {name: value for step in steps for name, value in found.scalars(step).items()}
    report.scalars(numbers)
    say_table(found.columns, rows)
    shares = {sigma: found.explained(step) for step, sigma in enumerate(found.sigmas)}
    least, most = (end(shares, key=lambda sigma: shares[sigma].mean) for end in (min, max))
    report.conclusion = (
        f"Gaussian statistics explain {shares[most]} of the networks' agreement at sigma {most:g}, "
        f"{shares[least]} at sigma {least:g}"
    )
    return numbers
