"""The pattern contrast as numbers: with intervals, beside Wiener's and the control's, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from locality.compare.drawing import SIGMA
from locality.compare.trained import Trained
from locality.data import ImageDataModule
from locality.metrics import field_interval
from locality.report import Chart, Report, Series, format_table
from locality.report.folder import first_rank
from locality.report.table import Cell
from locality.schedule import NoiseSchedule
from locality.sensitivity import SensitivityField, contrast

WIENER = "wiener"
LABEL = "pattern contrast (mean field on / off the pattern)"
COLUMNS = (
    "gamma", "t", "sigma", "SNR_W", "network", "spread over seeds", "control", "Wiener", "Wiener control",
    "above control", "expected", "as claimed",
)  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """The contrast at each noise level, with its 95 % bootstrap interval over images."""

    mean: Tensor  # [S]
    low: Tensor  # [S]
    high: Tensor  # [S]
    spread: Tensor | None = None  # [S] standard deviation over seeds, where there are several

    def above(self, control: Contrast) -> Tensor:  # [S] bool
        """Where it is above the control's interval."""
        return self.mean > control.high

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

    assert field.images is not None, "a FieldModule keeps the maps of single images"
    images = field.images.double()
    ends = [field_interval(images[:, s], statistic) for s in range(len(field.sigmas))]
    low, high = torch.tensor(ends, dtype=torch.float64).T
    return Contrast(statistic(images.mean(0)), low, high)


def pooled(seeds: Sequence[Contrast]) -> Contrast:
    """The mean over seeds; the interval holds that of every seed."""
    means = torch.stack([one.mean for one in seeds])
    low = torch.stack([one.low for one in seeds]).amin(0)
    high = torch.stack([one.high for one in seeds]).amax(0)
    return Contrast(means.mean(0), low, high, means.std(0) if len(seeds) > 1 else None)


def tell_contrasts(report: Report, found: Mapping[float, Strength], threshold: float) -> dict[str, float]:
    """Charts, the table and the verdict, to the report and the terminal; the numbers of metrics.json."""
    _charts(report, found)
    control = found[0.0]
    rows: list[list[Cell]] = []
    numbers: dict[str, float] = {}
    verdicts: list[list[Cell]] = []
    for gamma, one in found.items():
        above, expected = one.network.above(control.network), one.snr > threshold
        rows += _rows(one, control, above, expected)
        for s, sigma in enumerate(one.fields[WIENER].sigmas):
            numbers |= _scalars(f"gamma{gamma:g}/t{_t(sigma):03d}", one, s)
        if gamma > 0:
            wiener = one.contrasts[WIENER].above(control.contrasts[WIENER])
            verdict = _verdict(above, expected, wiener, one)
            verdicts.append([gamma, len(one.networks), verdict])
            numbers[f"pattern/as_claimed/gamma{gamma:g}"] = (above == expected).double().mean().item()
    report.scalars(numbers)
    report.table("pattern/contrast", COLUMNS, rows)
    columns = ["gamma", "seeds", "verdict"]
    report.table("pattern/verdict", columns, verdicts)
    if first_rank():
        print(f"{format_table(COLUMNS, rows)}\n\n{format_table(columns, verdicts)}", flush=True)
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


def _rows(one: Strength, control: Strength, above: Tensor, expected: Tensor) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for s, sigma in enumerate(one.fields[WIENER].sigmas):
        spread = None if one.network.spread is None else one.network.spread[s].item()
        row: list[Cell] = [
            one.gamma, _t(sigma), sigma, one.snr[s].item(), _cell(one.network, s), spread,
            _cell(control.network, s), one.contrasts[WIENER].mean[s].item(),
            control.contrasts[WIENER].mean[s].item(),
        ]  # fmt: skip
        claim: list[Cell] = [_yes(above[s]), _yes(expected[s]), _yes(above[s] == expected[s])]
        rows.append([*row, *(claim if one.gamma > 0 else [None, None, None])])
    return rows


def _verdict(above: Tensor, expected: Tensor, wiener: Tensor, one: Strength) -> str:
    """What became of the claim, in a sentence; `wiener` is where Wiener is above its own control."""
    times = [_t(sigma) for sigma in one.fields[WIENER].sigmas]

    def named(where: Tensor) -> str:
        return ", ".join(f"{t}" for t, flag in zip(times, where, strict=True) if flag)

    missing, early = expected & ~above, above & ~expected
    right = int((above == expected).sum())
    parts = [f"the claim holds at {right} of {len(times)} noise levels"]
    if missing.any():
        parts.append(f"not above the control at t = {named(missing)}, where SNR_W says it should be")
    if early.any():
        parts.append(f"above the control already at t = {named(early)}, where SNR_W is below the threshold")
        if (early & wiener).any():
            parts.append(f"so is Wiener's own at t = {named(early & wiener)}")
    return "; ".join(parts)


def _scalars(place: str, one: Strength, s: int) -> dict[str, float]:
    return {
        f"pattern/contrast/{place}": one.network.mean[s].item(),
        f"pattern/contrast_low/{place}": one.network.low[s].item(),
        f"pattern/contrast_high/{place}": one.network.high[s].item(),
        f"pattern/contrast_wiener/{place}": one.contrasts[WIENER].mean[s].item(),
        f"pattern/snr/{place}": one.snr[s].item(),
    }


def _cell(one: Contrast, s: int) -> str:
    return f"{one.mean[s]:.2f} [{one.low[s]:.2f}, {one.high[s]:.2f}]"


def _yes(flag: Tensor) -> str:
    return "yes" if flag else "no"


def _t(sigma: float) -> int:
    return int(NoiseSchedule.ddpm().timestep(sigma))
