"""The manipulated-correlation experiment: does a pattern hidden in the data show in a network's fields?"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from locality.checkpoints.trained import Trained
from locality.compare.context import Context, asked
from locality.compare.contrasts import Told, columns_of, tell_contrasts, told_of
from locality.compare.explorer import Group, explore
from locality.compare.growth import Keep, tell_growth
from locality.compare.letter import tell_learned
from locality.compare.pattern_figure import draw_figure
from locality.compare.strengths import WIENER, Contrast, Strength, contrast_of, pooled
from locality.compare.telling import Growing, measure
from locality.config import UsageError
from locality.data import ImageDataModule
from locality.denoisers import Wiener
from locality.denoisers.base import Denoiser, Pixel
from locality.live import LIVE
from locality.modules.fields import FieldModule, Share
from locality.report.sessions import trained_by
from locality.sensitivity import Reduction, Route, SensitivityField, pattern_probes, pattern_snr
from locality.sensitivity.maps import Magnitude
from locality.shipped import as_typed

Probes = Literal["first", "all"]


def pattern(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    count: int = 32,  # test images
    probes: Probes = "first",  # pixel of the pattern, from the top left; or "all" of them, and their mean
    reach: float = 3.0,  # pixels; nearer to the probed pixel, photographs alone make most of a field
    threshold: float = 0.1,  # of SNR_W, from which on the pattern should show (figure 4 of the paper)
    steps: bool = False,  # also the contrast along each training, from the snapshots of the runs
    magnitude: Magnitude = "absolute",  # of derivatives; or "signed": of their mean over images
    share: Share = "images",  # what ranks share out
    learned: int = 128,  # test images for the error along the pattern, at most; 0: not measured
    explorer: bool = True,  # also fields of a grid of pixels, for the explorer of report.html
) -> dict[str, float]:
    """Figure 4 of the paper and its number, the pattern contrast; all goes to the report.

    Each network is probed at noised test images of its own data, the control (gamma = 0) at the same pixels.
    Without a control there are fields and contrasts, and no verdict; the command that trains it is told.
    Beside each stands Wiener, the prediction from the covariance of that data. Whether a network has learned
    the pattern at all is seen in its error along it (`learned`), beside the control's on the same images.
    """
    groups = strengths(context.networks)
    missing = without_control(groups)
    first = next(iter(next(iter(groups.values())).values())).data()
    if first.pattern is None or probes not in get_args(Probes):
        raise UsageError(f"compare=pattern: want data with a pattern and probes first or all, got {probes!r}")
    context.check_count(count, 2, first)
    if learned < 0 or learned == 1:
        raise UsageError(f"compare.learned: want 0, or 2 test images or more, got {learned!r}")
    learned = min(learned, len(first.bank("test").images))
    if learned:
        context.check_count(learned, 2, first)
    mask = first.pattern.mask(*first.image_shape[1:])
    try:
        pixels = pattern_probes(mask, reach)[: 1 if probes == "first" else None]
    except ValueError as error:
        raise UsageError(f"compare.reach={reach:g}: {error}") from error
    with asked():
        Route(list(sigmas), seed=context.seed)
    if missing:
        context.attention.add(missing)
    setup = Setup(context, list(sigmas), count, pixels, mask, reach, Reduction(magnitude), share)
    found: dict[float, Strength] = {}
    told: dict[float, Told] = {}
    growing = Growing(context.report, "pattern/contrast", columns_of(threshold), map(str, groups))
    with growing.shown_if_cut_short():
        for gamma, group in groups.items():
            with LIVE.task(f"gamma {gamma:g}"):
                found[gamma] = setup.strength(gamma, group)
            told[gamma] = told_of(found[gamma], found.get(0.0), reach, threshold)
            growing.add(str(gamma), told[gamma].rows, told[gamma].numbers)
    draw_figure(context.report, found, threshold, context.seed)
    numbers = tell_contrasts(context.report, found, told, threshold)
    if learned:
        numbers |= tell_learned(context, found, mask, learned)
    if steps:
        numbers |= tell_growth(context.report, found, setup.contrasts)
    if explorer:
        setup.explore(found, threshold)
    return numbers


def strengths(networks: Mapping[str, Trained]) -> dict[float, dict[str, Trained]]:
    """The networks by gamma and then seed. Raises UsageError where they are no sweep over gamma."""
    groups: dict[float, dict[str, Trained]] = {}
    for name, one in networks.items():
        seeds, first = groups.setdefault(one.gamma, {}), next(iter(networks.values()))
        if one.images != first.images:
            raise UsageError(
                f"networks.{name}: want networks that differ in gamma and seed alone, got other data"
            )
        if one.prediction != first.prediction:
            raise UsageError(
                f"networks.{name}: want networks that predict the same, got {one.prediction} beside "
                f"{first.prediction}; leave one kind out"
            )
        if f"seed{one.seed}" in seeds:
            raise UsageError(f"networks.{name}: gamma {one.gamma:g} and seed {one.seed} come twice")
        seeds[f"seed{one.seed}"] = one
    if not any(gamma > 0 for gamma in groups):
        got = ", ".join(f"gamma={gamma:g}" for gamma in groups) or "none"
        raise UsageError(f"networks: want at least one that saw a pattern (gamma above 0), got {got}")
    return {gamma: dict(sorted(groups[gamma].items())) for gamma in sorted(groups)}


def without_control(groups: Mapping[float, Mapping[str, Trained]]) -> str | None:
    """Where no network saw the images without the pattern: what that means, and what trains one."""
    if 0.0 in groups:
        return None
    first = next(iter(next(iter(groups.values())).values()))
    command = trained_by(first.path)
    train = control_command(command) if command else "its training once more, with gamma=0"
    return f"no control (gamma=0), so no verdict on the claim; this trains it: {train}"


def control_command(command: str) -> str:
    """The command of a training, for the same images without the pattern.

    >>> control_command("python train.py data=cifar_pattern gamma=0.5")
    'python train.py data=cifar_pattern gamma=0'
    """
    words = [word for word in as_typed(shlex.split(command)) if not word.startswith(("gamma=", "sweep="))]
    return shlex.join([*words, "gamma=0"])


@dataclass(frozen=True)
class Setup:
    """Where and how fields are measured: the same for every network."""

    context: Context
    sigmas: list[float]
    count: int
    pixels: Sequence[Pixel]
    mask: Tensor  # [H, W]
    reach: float
    reduction: Reduction
    share: Share

    def strength(self, gamma: float, networks: Mapping[str, Trained]) -> Strength:
        """Fields and contrasts of all networks of one gamma, and of Wiener on their images."""
        data = next(iter(networks.values())).data()
        stats = self.context.measured(data.bank("train")).shrunk_by(None)
        denoisers = {seed: one.denoiser for seed, one in networks.items()}
        wiener = Wiener(stats)
        judged = {f"network of gamma {gamma:g}, {seed}": one.denoiser for seed, one in networks.items()}
        self.context.judge(judged, wiener, data)

        def keep(name: str, field: SensitivityField) -> str:
            if self.context.report.writes:
                file = f"gamma{gamma:g}_{name}.safetensors"
                field.save(self.context.report.folder / "fields" / file)
            return f"gamma {gamma:g}: field of {name}"

        fields = self.fields({**denoisers, WIENER: wiener}, data, keep)
        contrasts = {name: self.contrast(field) for name, field in fields.items()}
        levels = fields[WIENER].sigmas
        snr = pattern_snr(stats.covariance, self.mask, levels)
        together = pooled([contrasts[seed] for seed in networks])
        return Strength(gamma, networks, data, snr, fields, contrasts, together, wiener)

    def fields(
        self,
        denoisers: Mapping[str, Denoiser],
        data: ImageDataModule,
        keep: Callable[[str, SensitivityField], str],  # told of each that is there; a line about it
    ) -> Mapping[str, SensitivityField]:
        """The fields of some denoisers at the same noised test images."""
        route = Route(self.sigmas, seed=self.context.seed)
        shape, share = data.image_shape, self.share
        module = FieldModule(denoisers, route, self.pixels, self.count, shape, self.reduction, share)
        measure(self.context, module, self.count, lambda name: keep(name, module.fields[name]), data)
        return module.fields

    def contrasts(self, denoisers: Mapping[str, Denoiser], data: ImageDataModule, keep: Keep) -> None:
        """Their contrasts alone, each told of as it is there."""

        def kept(name: str, field: SensitivityField) -> str:
            keep(name, self.contrast(field))
            return f"contrast of {name}"

        self.fields(denoisers, data, kept)

    def explore(self, found: Mapping[float, Strength], threshold: float) -> None:
        """The explorer: the first network of each gamma and Wiener, with SNR_W below their fields."""
        groups = []
        for k, (gamma, one) in enumerate(found.items()):
            network = next(iter(one.networks.values())).denoiser
            names = {f"network{k}": f"gamma = {gamma:g}", f"{WIENER}{k}": f"gamma = {gamma:g}, Wiener"}
            denoisers = dict(zip(names, (network, one.wiener), strict=True))
            notes = [f"SNR_W {value:.2g}" for value in one.snr.tolist()] if gamma > 0 else []
            marked = [gamma > 0 and value > threshold for value in one.snr.tolist()]
            groups.append(Group(denoisers, one.data, names, notes, marked))
        marks = (
            f"Underlined: SNR_W = lam_W / sigma^2 is above {threshold:g}, and the pattern should show. Each "
            "network saw test images of its own data. Dashed: the pixels of the pattern."
        )
        pattern = [(int(row), int(col)) for row, col in self.mask.nonzero()]
        route = Route(self.sigmas, seed=self.context.seed)
        reference = f"gamma = {min(found):g}"
        explore(self.context, "pattern/explorer", groups, route, reference, pattern, marks, self.reduction)

    def contrast(self, field: SensitivityField) -> Contrast:
        """The contrast of a field at each noise level."""
        return contrast_of(field, self.mask, self.reach)
