"""A setting that the bank itself decides: where about sqrt(N) of its N images still agree."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from functools import cache as remembered
from functools import partial
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from locality.bank import ImageBank
from locality.denoisers import levels
from locality.denoisers.levels import Levels, nearest_level
from locality.denoisers.looks import Looking, Looks, varying
from locality.denoisers.masked_denoiser import MaskedDenoiser
from locality.denoisers.options import real
from locality.full_precision import FullPrecision
from locality.information import LeftOut, crossing
from locality.live import LIVE, Task
from locality.posterior.chosen import ChosenEngine
from locality.posterior.engine import Engine, PlannedEngine
from locality.statistics_cache import folder_of, kept_tensors

ENTROPY: Final = "entropy"  # what to give for a setting, one at each noise level
BY_OUTPUT: Final = "entropy:output"  # likewise, of each output of each image its own
WINDOW_SHARE: Final = 0.47  # of ln N, as compare=information finds on test images of CIFAR-10
# Of an earlier measurement there, with smaller banks. The newest is larger, and this lies just below its
# interval (docs/results/information.md). Tables were made with it.
MASK_SHARE: Final = 0.54
IMAGES: Final = 16  # of the bank, left out one by one
_LOWEST, _STEP, _LEVELS = 0.01, 2**0.5, 29  # 0.01 to 164, where DDPM's schedule ends
_FORMAT = "locality.entropy/1"


class ByEntropy(FullPrecision):
    """A number per noise level, without a network: the posterior's mean entropy there is `share * ln N`.

    A few images of the bank are noised, each left out in its turn (`LeftOut`), and their posteriors'
    entropies are averaged. The average falls as outputs see more. The setting at which it crosses
    `share * ln N` is rounded to the nearest number that is tried. A setting at which an output does not look
    at itself is never taken.

    Noise levels lie on a grid in steps of sqrt(2) in sigma. Any other level takes the answer of the nearest.
    Within a step windows change by less than two pixels. A level is settled when it is first asked for, since
    it takes passes over the whole bank, and a run visits ten of them. The answer is then kept in a buffer,
    which is saved with the denoiser, and in the cache. Raises ValueError for a share that is not between 0
    and 1.
    """

    sigmas: Tensor  # [G] float64
    values: Tensor  # [G] float64; NaN: not asked for yet

    def __init__(
        self,
        share: float,  # of ln N
        cache: str | Path | None = None,  # a folder for what was found
        seed: int = 0,  # of the images that are left out, and of their noise
        by_output: bool = False,  # the number is the middle of those among which outputs choose
    ) -> None:
        super().__init__()
        self.by_output = by_output
        self.share = real("share", share, lambda s: 0 < s < 1, "a share of ln N, above 0 and below 1")
        self.cache, self.seed = folder_of(cache, 0), seed  # by default, nowhere
        levels = torch.arange(_LEVELS, dtype=torch.float64)
        self.register_buffer("sigmas", _LOWEST * _STEP**levels)
        self.register_buffer("values", torch.full_like(self.sigmas, torch.nan))

    def extra_repr(self) -> str:
        known = zip(self.sigmas.tolist(), self.values.tolist(), strict=True)
        found = ", ".join(f"{sigma:.3g}: {value:.3g}" for sigma, value in known if not math.isnan(value))
        whose = ", by_output=True" if self.by_output else ""
        return f"share={self.share:g}{whose}" + (f", {found}" if found else "")

    def found(
        self,
        sigma: float,  # any noise level
        bank: ImageBank,
        looks: Looks,
    ) -> float:
        """The number at the nearest level of the grid; settled now if that is not yet known."""
        level = int(nearest_level(self.sigmas, torch.tensor(sigma, dtype=torch.float64)))
        if math.isnan(self.values[level].item()):
            with torch.inference_mode(False), torch.no_grad():
                self.values[level] = self._kept(self.sigmas[level].item(), bank, looks)
        return self.values[level].item()

    def _kept(self, sigma: float, bank: ImageBank, looks: Looks) -> float:
        def compute() -> tuple[dict[str, Tensor], dict[str, str]]:
            return {"value": torch.tensor(self._settled(sigma, bank, looks), dtype=torch.float64)}, {}

        if self.cache is None:
            return compute()[0]["value"].item()
        told = f"{bank.fingerprint} {looks.key} {sigma:.17g} {self.share:.17g} {IMAGES} {self.seed}"
        name = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
        path = Path(self.cache).expanduser() / f"entropy-{name}.safetensors"
        keep = partial(kept_tensors, path, {"format": _FORMAT, "found for": told})
        return bank.shard.once(keep, compute)[0]["value"].item()

    def _settled(self, sigma: float, bank: ImageBank, looks: Looks) -> float:
        left_out = LeftOut.of(bank, IMAGES, self.seed)
        if left_out is None:  # one image explains all, however far one looks
            return looks.values[0]
        with LIVE.task(f"{looks.setting} by entropy, sigma {sigma:.3g}") as task:
            entropy = remembered(_Entropy(left_out, sigma, looks, varying(bank), task))
            return settled(looks, entropy, self.share * math.log(len(bank)))


def settled(
    looks: Looks,
    entropy: Callable[[float], float],  # of a value; falls as outputs see more; infinite: too little is seen
    wanted: float,  # nats
) -> float:
    """The value at which the entropy crosses the one wanted, of those that are tried; by bisection."""
    values = looks.values
    low, high = 0, len(values) - 1
    if entropy(values[low]) <= wanted:
        return values[low]
    if entropy(values[high]) > wanted:
        return values[high]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if entropy(values[middle]) <= wanted else (middle, high)
    if math.isinf(entropy(values[low])):
        return values[high]
    pair = (values[low], values[high])
    known = torch.tensor([entropy(value) for value in pair], dtype=torch.float64)
    place = crossing(looks.places(pair), known, wanted).item()
    return min(pair, key=lambda value: abs(looks.place(value) - place))


class _Entropy:
    """The mean entropy of images that are left out, over outputs that vary and see all they ask for."""

    def __init__(self, left_out: LeftOut, sigma: float, looks: Looks, vary: Tensor, task: Task) -> None:
        self.left_out, self.sigma, self.looks, self.vary, self.task = left_out, sigma, looks, vary, task

    def __call__(self, value: float) -> float:
        rest = self.left_out.rest
        rows = self.looks.rows(self.sigma, value).to(self.left_out.few.device)
        if not bool((rows.own > 0).all()):  # a mask that leaves out an output's own place knows nothing of it
            return math.inf
        counted = self.looks.whole(rows)
        counted = counted & self.vary if bool((counted & self.vary).any()) else counted
        others = None if rest is None else Looking(rest, rows).posterior
        self.task.note(f"{value:.3g}")
        return self.left_out.posterior(self.sigma, rows, others).entropy.flatten(1)[:, counted].mean().item()


Setting = Levels | ByEntropy


def setting_at(setting: Setting, sigma: float, bank: ImageBank, looks: Looks) -> float:
    """The number at a noise level: as given, or by entropy."""
    return setting.at(sigma) if isinstance(setting, Levels) else setting.found(sigma, bank, looks)


def engine_at(
    denoiser: MaskedDenoiser,
    sigma: float,
    setting: Setting,
    looks: Looks,
) -> Engine:
    """A softmax for each distinct row; where outputs choose, one for each row of each setting around."""
    if isinstance(setting, Levels) or not setting.by_output:
        return PlannedEngine(denoiser.view, denoiser.plan(sigma))
    values = looks.around(setting.found(sigma, denoiser.bank, looks))
    plans = [denoiser.plan_for(value, sigma, partial(looks.rows, value=value)) for value in values]
    parts = [PlannedEngine(denoiser.view, plan) for plan in plans]
    return ChosenEngine(parts, setting.share * math.log(len(denoiser.bank)))


def patch_sizes(
    given: int | str | Mapping[float, int],
    share: float,  # of ln N
    cache: str | Path | None,  # a folder for what is found
    may_choose: bool = False,  # outputs, each for itself
) -> Setting:
    """Sides of a square window, in pixels: odd, so that it has a centre; or by entropy."""
    found = _by_entropy("patch_size", given, share, cache, may_choose)
    return levels.patch_sizes(given, ENTROPY) if found is None else found  # type: ignore[arg-type]  # it refuses words


def taus(
    given: float | str | Mapping[float, float],
    share: float,  # of ln N
    cache: str | Path | None,  # a folder for what is found
    may_choose: bool = False,  # outputs, each for itself
) -> Setting:
    """Thresholds of a mask, of the largest relative entry; or by entropy."""
    found = _by_entropy("tau", given, share, cache, may_choose)
    return levels.taus(given) if found is None else found  # type: ignore[arg-type]  # it refuses words


def _by_entropy(
    name: str, given: object, share: float, cache: str | Path | None, may_choose: bool
) -> ByEntropy | None:
    found = ByEntropy(share, cache, by_output=given == BY_OUTPUT)  # in any case: a share that is none is told
    if given == BY_OUTPUT and not may_choose:
        raise ValueError(
            f"{name}: want numbers or {ENTROPY!r} here, got {given!r}; outputs choose only in LocalScore, "
            "and in PCALocality with softmax='exact'"
        )
    return found if given in (ENTROPY, BY_OUTPUT) else None
