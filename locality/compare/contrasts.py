"""The pattern contrast as numbers: with intervals, beside Wiener's and the control's, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from locality.compare.claims import Claim, claim_of
from locality.compare.drawing import SIGMA, time_of
from locality.compare.strengths import WIENER, Contrast, Strength
from locality.compare.telling import say_table
from locality.ranks import say
from locality.report import Chart, Report, Series
from locality.report.table import Cell

LABEL = "pattern contrast (mean field on / off the pattern)"
COLUMNS = (
    "gamma", "t", "sigma", "SNR_W", "SNR_W less the control's", "network", "spread over seeds", "control",
    "network / control", "Wiener", "Wiener / control", "above control", "SNR_W > {threshold:g}", "as claimed",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What is told of one strength."""

    rows: list[list[Cell]]
    numbers: dict[str, float]  # of metrics.json
    claim: Claim | None  # what becomes of it, if there is a control


def told_of(one: Strength, control: Strength | None, reach: float, threshold: float) -> Told:
    """The contrast of one strength, beside Wiener's and the control's."""
    claim = None if control is None or one.gamma == 0 else claim_of(one, control, reach, threshold)
    numbers: dict[str, float] = {}
    for s, sigma in enumerate(one.fields[WIENER].sigmas):
        numbers |= _scalars(f"gamma{one.gamma:g}/t{time_of(sigma):03d}", one, claim, s)
    return Told(_rows(one, control, claim, threshold), numbers, claim)


def columns_of(threshold: float) -> list[str]:
    """The head of the table."""
    return [head.format(threshold=threshold) for head in COLUMNS]


def tell_contrasts(
    report: Report, found: Mapping[float, Strength], told: Mapping[float, Told], threshold: float
) -> dict[str, float]:
    """Charts, the table and the verdict, to the report and the terminal; the numbers of metrics.json."""
    _charts(report, found)
    rows: list[list[Cell]] = []
    numbers: dict[str, float] = {}
    verdicts: list[list[Cell]] = []
    for gamma, one in found.items():
        claim = told[gamma].claim
        rows, numbers = rows + told[gamma].rows, numbers | told[gamma].numbers
        if claim is not None:
            verdicts.append([gamma, len(one.networks), claim.verdict()])
            for name, said in (("as_claimed", claim.expected), ("as_claimed_alone", claim.own)):
                numbers[f"pattern/{name}/gamma{gamma:g}"] = (claim.above == said).double().mean().item()
    report.scalars(numbers)
    report.table("pattern/contrast", columns_of(threshold), rows)
    say_table(columns_of(threshold), rows)
    if verdicts:
        report.table("pattern/verdict", ["gamma", "seeds", "verdict"], verdicts)
    for strength, _, verdict in verdicts:
        say(f"gamma {strength}: {verdict}")
    if verdicts:
        report.conclusion = f"gamma {verdicts[-1][0]}: {verdicts[-1][2]}"
    return numbers


def _charts(report: Report, found: Mapping[float, Strength]) -> None:
    sigmas = list(next(iter(found.values())).fields[WIENER].sigmas)
    series: dict[str, Series] = {}
    for gamma, one in found.items():
        series[f"gamma = {gamma:g}"] = one.network.series()
        series[f"gamma = {gamma:g}, Wiener"] = one.contrasts[WIENER].series(f"gamma = {gamma:g}")
    title = "Pattern contrast of the network and of Wiener, by strength of the pattern"
    report.chart("pattern/contrast", Chart(title, SIGMA, LABEL, sigmas, series, log_x=True, log_y=True))
    control = {"control, gamma = 0": found[0.0].network.series()} if 0.0 in found else {}
    for gamma, one in found.items():
        if gamma > 0:
            names = {
                f"gamma = {gamma:g}": one.network.series(),
                f"gamma = {gamma:g}, Wiener": one.contrasts[WIENER].series(f"gamma = {gamma:g}"),
                **control,
            }
            title = f"Contrast against signal to noise, gamma = {gamma:g}"
            x_label = "SNR_W = lam_W / sigma^2 (at the same sigma for the control)"
            chart = Chart(title, x_label, LABEL, one.snr.tolist(), names, log_x=True, log_y=True)
            report.chart(f"pattern/contrast_snr_gamma{gamma:g}", chart)


def _rows(one: Strength, control: Strength | None, claim: Claim | None, threshold: float) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for s, sigma in enumerate(one.fields[WIENER].sigmas):
        spread = None if one.network.spread is None else one.network.spread[s].item()
        own = None if claim is None or control is None else (one.snr[s] - control.snr[s]).item()
        wiener = one.contrasts[WIENER].mean[s].item()
        expected = _yes(one.snr[s] > threshold) if one.gamma > 0 else None
        beside: list[Cell] = [None, wiener, None, None, expected, None]
        if claim is not None:
            beside = [
                _cell(claim.ratio, s), wiener, claim.wiener[s].item(),
                _yes(claim.above[s]), _yes(claim.expected[s]), _yes(claim.above[s] == claim.expected[s]),
            ]  # fmt: skip
        rows.append(
            [one.gamma, time_of(sigma), sigma, one.snr[s].item(), own, _cell(one.network, s), spread,
             None if control is None else _cell(control.network, s), *beside]
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
