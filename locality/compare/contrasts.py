"""The pattern contrast as numbers: with intervals, beside Wiener's and the control's, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.checkpoints.trained import Trained
from locality.compare.drawing import SIGMA
from locality.data import ImageDataModule
from locality.metrics import field_interval
from locality.ranks import say
from locality.report import Chart, Report, Series, format_table
from locality.report.table import Cell
from locality.schedule import NoiseSchedule
from locality.sensitivity import SensitivityField, contrast

WIENER = "wiener"
LABEL = "pattern contrast (mean field on / off the pattern)"
EXCESS = 1.05  # over the control, from which on Wiener, whose fields have no error, counts as above it
COLUMNS = (
    "gamma", "t", "sigma", "SNR_W", "SNR_W less the control's", "network", "spread over seeds", "control",
    "network / control", "Wiener", "Wiener / control", "above control", "SNR_W > {threshold:g}", "as claimed",
)  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """The contrast at each noise level, with its 95 % bootstrap interval over images."""

    mean: Tensor  # [S]
    low: Tensor  # [S]
    high: Tensor  # [S]
    spread: Tensor | None = None  # [S] standard deviation over seeds, where there are several

    def series(self, beside: str | None = None) -> Series:
        """For a chart; one that stands beside another has no band."""
        if beside:
            return Series(self.mean.tolist(), beside=beside)
        return Series(self.mean.tolist(), self.low.tolist(), self.high.tolist())


@dataclass(frozen=True)
class Strength:
    """What was found at one strength of the pattern."""

    gamma: float
    networks: Mapping[str, Trained]  # by seed
    data: ImageDataModule
    snr: Tensor  # [S]
    fields: Mapping[str, SensitivityField]  # by seed, and of Wiener
    contrasts: Mapping[str, Contrast]  # the same
    network: Contrast  # of all seeds together


def contrast_of(
    field: SensitivityField,
    mask: Tensor,  # [H, W]
    reach: float,  # pixels
) -> Contrast:
    """The contrast of the mean field at each noise level, averaged over the probed pixels."""

    def statistic(maps: Tensor) -> Tensor:  # [..., P, H, W] -> [...]
        return contrast(maps, field.pixels, mask, reach).mean(-1)

    return _of_images(_maps(field), statistic)


def _maps(field: SensitivityField) -> Tensor:  # [N, S, P, H, W]
    assert field.images is not None, "a FieldModule keeps the maps of single images"
    return field.images.double()


def _of_images(
    maps: Tensor,  # [N, S, ...] of single images
    statistic: Callable[[Tensor], Tensor],  # of mean maps, with any dimensions in front
) -> Contrast:
    ends = [field_interval(level, statistic) for level in maps.unbind(1)]
    low, high = torch.tensor(ends, dtype=torch.float64).T
    return Contrast(statistic(maps.mean(0)), low, high)


@dataclass(frozen=True)
class Claim:
    """The paper's claim at one strength: the contrast is above the control just where SNR_W says so."""

    times: Sequence[int]  # S time-steps
    ratio: Contrast  # the network's contrast over the control's, on the same images and noise
    above: Tensor  # [S] bool: above the control's interval, and so is the ratio's above 1
    expected: Tensor  # [S] bool: SNR_W above the threshold
    own: Tensor  # [S] bool: the same for what the pattern adds to SNR_W
    wiener: Tensor  # [S] Wiener's contrast over its own control's
    seeds: int  # the fewer of the networks' and the controls'

    def verdict(self) -> str:
        """What became of the claim, in a sentence."""
        missing, early = self.expected & ~self.above, self.above & ~self.expected
        right, right_own = (int((self.above == said).sum()) for said in (self.expected, self.own))
        parts = [f"the claim holds at {right} of {len(self.times)} noise levels"]
        if right_own != right:
            parts.append(f"at {right_own} if SNR_W counts the pattern alone, without what the control has")
        if missing.any():
            parts.append(
                f"not above the control at t = {self._named(missing)}, where SNR_W says it should be"
            )
        if early.any():
            parts.append(
                f"above the control already at t = {self._named(early)}, where SNR_W is below the threshold"
            )
        if (early & (self.wiener >= EXCESS)).any():
            parts.append(f"so is Wiener's own at t = {self._named(early & (self.wiener >= EXCESS))}")
        if self.seeds == 1:
            parts.append("one seed: differences between seeds are not in the intervals")
        return "; ".join(parts)

    def _named(self, where: Tensor) -> str:
        return ", ".join(f"{t}" for t, flag in zip(self.times, where, strict=True) if flag)


def claim_of(one: Strength, control: Strength, reach: float, threshold: float) -> Claim:
    """The claim, judged on paired images: those of one seed with those of the control's same seed, if any."""
    pairs = [
        (seed, seed if seed in control.networks else next(iter(control.networks))) for seed in one.networks
    ]
    ratio = pooled([_ratio(one.fields[a], control.fields[b], one.data, reach) for a, b in pairs])
    above = (one.network.mean > control.network.high) & (ratio.low > 1)
    wiener = one.contrasts[WIENER].mean / control.contrasts[WIENER].mean
    times = [_t(sigma) for sigma in one.fields[WIENER].sigmas]
    expected, own = one.snr > threshold, one.snr - control.snr > threshold
    return Claim(times, ratio, above, expected, own, wiener, min(len(one.networks), len(control.networks)))


def _ratio(
    field: SensitivityField, control: SensitivityField, data: ImageDataModule, reach: float
) -> Contrast:
    assert data.pattern is not None, "a sweep is over the strength of a pattern"
    mask = data.pattern.mask(*data.image_shape[1:])

    def statistic(maps: Tensor) -> Tensor:  # [..., 2, P, H, W] -> [...]
        ours, theirs = contrast(maps, field.pixels, mask, reach).mean(-1).unbind(-1)
        return ours / theirs

    return _of_images(torch.stack([_maps(field), _maps(control)], dim=2), statistic)


def pooled(seeds: Sequence[Contrast]) -> Contrast:
    """The mean over seeds; the interval holds that of every seed."""
    means = torch.stack([one.mean for one in seeds])
    low = torch.stack([one.low for one in seeds]).amin(0)
    high = torch.stack([one.high for one in seeds]).amax(0)
    return Contrast(means.mean(0), low, high, means.std(0) if len(seeds) > 1 else None)


def tell_contrasts(
    report: Report, found: Mapping[float, Strength], reach: float, threshold: float
) -> dict[str, float]:
    """Charts, the table and the verdict, to the report and the terminal; the numbers of metrics.json."""
    _charts(report, found)
    control = found[0.0]
    rows: list[list[Cell]] = []
    numbers: dict[str, float] = {}
    verdicts: list[list[Cell]] = []
    for gamma, one in found.items():
        claim = claim_of(one, control, reach, threshold) if gamma > 0 else None
        rows += _rows(one, control, claim)
        for s, sigma in enumerate(one.fields[WIENER].sigmas):
            numbers |= _scalars(f"gamma{gamma:g}/t{_t(sigma):03d}", one, claim, s)
        if claim is not None:
            verdicts.append([gamma, len(one.networks), claim.verdict()])
            for name, said in (("as_claimed", claim.expected), ("as_claimed_alone", claim.own)):
                numbers[f"pattern/{name}/gamma{gamma:g}"] = (claim.above == said).double().mean().item()
    report.scalars(numbers)
    heads = [head.format(threshold=threshold) for head in COLUMNS]
    report.table("pattern/contrast", heads, rows)
    columns = ["gamma", "seeds", "verdict"]
    report.table("pattern/verdict", columns, verdicts)
    say(f"{format_table(heads, rows)}\n\n{format_table(columns, verdicts)}")
    return numbers


def _charts(report: Report, found: Mapping[float, Strength]) -> None:
    sigmas = list(found[0.0].fields[WIENER].sigmas)
    series: dict[str, Series] = {}
    for gamma, one in found.items():
        series[f"gamma = {gamma:g}"] = one.network.series()
        series[f"gamma = {gamma:g}, Wiener"] = one.contrasts[WIENER].series(f"gamma = {gamma:g}")
    title = "The hidden pattern in what networks look at"
    report.chart("pattern/contrast", Chart(title, SIGMA, LABEL, sigmas, series, log_x=True, log_y=True))
    for gamma, one in found.items():
        if gamma > 0:
            names = {
                f"gamma = {gamma:g}": one.network.series(),
                f"gamma = {gamma:g}, Wiener": one.contrasts[WIENER].series(f"gamma = {gamma:g}"),
                "control, gamma = 0": found[0.0].network.series(),
            }
            title = f"Contrast against signal to noise, gamma = {gamma:g}"
            x_label = "SNR_W = lam_W / sigma^2 (at the same sigma for the control)"
            chart = Chart(title, x_label, LABEL, one.snr.tolist(), names, log_x=True, log_y=True)
            report.chart(f"pattern/contrast_snr_gamma{gamma:g}", chart)


def _rows(one: Strength, control: Strength, claim: Claim | None) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for s, sigma in enumerate(one.fields[WIENER].sigmas):
        spread = None if one.network.spread is None else one.network.spread[s].item()
        own = None if claim is None else (one.snr[s] - control.snr[s]).item()
        beside: list[Cell] = [None, one.contrasts[WIENER].mean[s].item(), None, None, None, None]
        if claim is not None:
            beside = [
                _cell(claim.ratio, s), one.contrasts[WIENER].mean[s].item(), claim.wiener[s].item(),
                _yes(claim.above[s]), _yes(claim.expected[s]), _yes(claim.above[s] == claim.expected[s]),
            ]  # fmt: skip
        rows.append(
            [one.gamma, _t(sigma), sigma, one.snr[s].item(), own, _cell(one.network, s), spread,
             _cell(control.network, s), *beside]
        )  # fmt: skip
    return rows


def _scalars(place: str, one: Strength, claim: Claim | None, s: int) -> dict[str, float]:
    numbers = {
        f"pattern/contrast/{place}": one.network.mean[s].item(),
        f"pattern/contrast_low/{place}": one.network.low[s].item(),
        f"pattern/contrast_high/{place}": one.network.high[s].item(),
        f"pattern/contrast_wiener/{place}": one.contrasts[WIENER].mean[s].item(),
        f"pattern/snr/{place}": one.snr[s].item(),
    }
    if claim is not None:
        for end, values in (("", claim.ratio.mean), ("_low", claim.ratio.low), ("_high", claim.ratio.high)):
            numbers[f"pattern/over_control{end}/{place}"] = values[s].item()
    return numbers


def _cell(one: Contrast, s: int) -> str:
    return f"{one.mean[s]:.2f} [{one.low[s]:.2f}, {one.high[s]:.2f}]"


def _yes(flag: Tensor) -> str:
    return "yes" if flag else "no"


def _t(sigma: float) -> int:
    return int(NoiseSchedule.ddpm().timestep(sigma))
