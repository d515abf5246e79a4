"""How far to look: is the best window the one at which about sqrt(N) training images still agree?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from locality.bank import ImageBank, to_float
from locality.compare.context import Context, asked
from locality.compare.informed import Law, scalars_of, tell, verdict
from locality.compare.looking import CLEAN_TARGET, Level, Noised, nested, swept
from locality.compare.needs import without_network
from locality.compare.telling import Growing
from locality.config import UsageError
from locality.data.splits import Split
from locality.denoisers import LocalScore, PCALocality
from locality.denoisers.base import Denoiser
from locality.denoisers.fitting import fitted
from locality.denoisers.looks import Looks, varying
from locality.denoisers.options import noise_levels
from locality.live import LIVE, Task
from locality.metrics import Groups
from locality.noise import image_noise
from locality.ranks import say
from locality.report.table import Cell
from locality.settings import check_candidates

Shares = float | Mapping[str, float] | None
FEW = 300  # training images; an entropy of few is a step, not a curve
COLUMNS = ("candidate, noise level", "best of all images", "MSE there", "tried")


@without_network
def information(
    context: Context,
    sigmas: Sequence[float],  # noise levels, pixel units
    counts: Sequence[int | None] = (None,),  # training images; null: all
    count: int = 16,  # images to denoise
    split: Split = "test",  # theirs
    windows: Sequence[int] | None = None,  # pixels, odd; null: all
    taus: Sequence[float] | None = None,  # of the largest relative entry; null: .8 to .0005 in steps of 1.25
    share: Shares = None,  # of ln N, or {candidate: of ln N}: found on other data, tested here; null: fitted
) -> dict[str, float]:
    """The entropy of the posterior at the setting of least error, over ln N; all goes to the report.

    For each candidate (squares or Wiener masks), noise level and bank of N images, settings are tried from
    one on in both directions until the error has risen by a tenth. The best one lies at the vertex of the
    parabola through ln error at the least and its neighbours. The entropy there is interpolated on straight
    lines. Its mean over ln N, over all levels and N, is the constant; where the entropy crosses that share
    of ln N is the predicted setting. The error is that to the clean images, and to the estimates of the
    reference and of each of `networks=`. Banks lie inside one another, and are drawn with the seed. Masks are
    those of the statistics of all images. A best setting at an end of those that may be tried counts in no
    constant. Intervals are over images, by bootstrap; they end where nothing further was tried. Raises
    UsageError for settings that do not fit.
    """
    if not context.fits:
        raise UsageError("candidates: want at least one with a patch_size or a tau, got none")
    with asked():  # before the masks, which take minutes
        sigmas = noise_levels(sigmas)
    sizes = _sizes(counts, len(context.bank))
    context.images(count, split, least=2)
    looks = {
        name: _looks(name, fitted(fit, context.bank, lambda: context.stats))
        for name, fit in context.fits.items()
    }
    tried = {name: _values(one, windows, taus) for name, one in looks.items()}
    given = _given(share, looks)
    networks = _networks(context)
    images, groups = _images(context, split, count, networks), context.data.groups(split)
    parts, vary = nested(context.bank, sizes, context.seed), varying(context.bank)
    context.judge(networks)
    if sizes[-1] < FEW:
        context.attention.add(
            f"{sizes[-1]} training images at most: so few tell no law in N; want compare.counts from {FEW}"
        )
    numbers: dict[str, float] = {}
    said: list[str] = []
    shown = None if groups is None else groups[:count]
    labels = [_label(name, sigma) for name in looks for sigma in sorted(sigmas)]
    growing = Growing(context.report, "information/best", COLUMNS, labels)
    with growing.shown_if_cut_short():
        for name, one in looks.items():
            laws_of = partial(_laws, name, one, sizes, shown, given[name])
            levels = _levels(name, one, parts, vary, images, sorted(sigmas), tried[name], growing, laws_of)
            laws = laws_of(levels)
            numbers |= tell(context.report, laws)  # now: the next candidate may take an hour
            said.append(f"{name}, {verdict(laws[0])}")
    context.report.table("information/best", COLUMNS, growing.rows)
    context.report.conclusion = "; ".join(said)
    return numbers


def _looks(name: str, denoiser: Denoiser) -> Looks:
    if isinstance(denoiser, LocalScore) or (isinstance(denoiser, PCALocality) and denoiser.batch is None):
        return denoiser.looks
    raise UsageError(
        f"candidates.{name}: want a local score or an exact PCA locality, whose posterior one softmax makes, "
        f"got {type(denoiser).__name__}"
    )


def _given(share: Shares, names: Iterable[str]) -> dict[str, float | None]:
    """The share of ln N that is tested for each candidate; None: it is fitted."""
    given = dict(share) if isinstance(share, Mapping) else dict.fromkeys(names, share)
    check_candidates("share", given, names)
    for one in given.values():
        good = one is None or (isinstance(one, int | float) and not isinstance(one, bool) and 0 < one < 1)
        if not good:
            raise UsageError(f"compare.share: want a share of ln N above 0 and below 1, or null, got {one}")
    return dict.fromkeys(names) | given


def _best(level: Level, bank: int) -> float:
    """The tried value of least error against the clean images, for the first bank, or the last."""
    return level.values[int(level.errors[CLEAN_TARGET][:, bank].mean(1).argmin())]


def _values(looks: Looks, windows: Sequence[int] | None, taus: Sequence[float] | None) -> tuple[float, ...]:
    """What may be tried, from what sees least to what sees most."""
    setting, given = ("windows", windows) if looks.setting == "patch_size" else ("taus", taus)
    if given is None:
        return looks.values
    odd = looks.setting == "patch_size"
    good = (lambda v: v >= 1 and v % 2 == 1) if odd else (lambda v: 0 < v <= 1)
    if len(given) < 3 or len(set(given)) < len(given) or not all(map(good, given)):
        kind = "distinct odd whole numbers" if odd else "distinct numbers above 0, at most 1"
        raise UsageError(f"compare.{setting}: want at least three {kind}, or null, got {list(given)}")
    return tuple(sorted(map(float, given), key=looks.place))


def _sizes(counts: Sequence[int | None], everything: int) -> list[int]:
    """How many images each bank has: ascending, no more than there are."""
    if not counts or any(n is not None and (isinstance(n, bool) or n < 2) for n in counts):
        raise UsageError(
            f"compare.counts: want whole numbers of images from 2, or null for all, got {list(counts)}"
        )
    return sorted({everything if n is None else min(n, everything) for n in counts})


def _networks(context: Context) -> dict[str, Denoiser]:
    """All to whose estimates errors are measured. Raises UsageError for a name that is taken."""
    context.check_networks()
    if CLEAN_TARGET in context.networks:
        raise UsageError(f"networks.{CLEAN_TARGET}: want another name, this one is of the clean images")
    own = {} if context.trained is None else {context.reference_name: context.trained}
    return own | {name: one.denoiser for name, one in context.networks.items()}


def _images(context: Context, split: Split, count: int, networks: Mapping[str, Denoiser]) -> Noised:
    images = context.images(count, split, least=2)
    device = context.trainer().strategy.root_device
    context.bank.to(device)
    clean = to_float(images, torch.float32).to(device)
    noise = image_noise(range(count), clean.shape[1:], context.seed, "test").to(device)
    return Noised(clean, noise, {name: one.to(device) for name, one in networks.items()})


def _laws(
    name: str,
    looks: Looks,
    sizes: Sequence[int],
    groups: Groups,
    share: float | None,
    levels: Sequence[Level],
) -> list[Law]:
    """Of a candidate, against the clean images and against each network."""
    return [Law(name, target, looks, sizes, levels, groups, share) for target in levels[0].errors]


def _levels(
    name: str,
    looks: Looks,
    parts: Sequence[ImageBank],
    vary: Tensor,  # [n] bool
    images: Noised,
    sigmas: Sequence[float],  # ascending: a search begins where that of the level below ended
    values: Sequence[float],
    growing: Growing,
    laws_of: Callable[[Sequence[Level]], list[Law]],
) -> list[Level]:
    """All levels of a candidate; each is told and kept as it is there."""
    levels: list[Level] = []
    start = looks.start
    for place, sigma in enumerate(sigmas, 1):
        label = _label(name, sigma)
        with LIVE.task(f"{label} ({place} of {len(sigmas)})") as task:

            def trying(value: float, task: Task = task) -> None:
                task.note(f"{looks.setting} {value:.3g}")

            found = swept(looks, parts, vary, images, sigma, values, start, trying)
        levels.append(found)
        start, best = _best(found, 0), _best(found, -1)
        tried = f"{found.values[0]:.3g} to {found.values[-1]:.3g}"
        least = float(found.errors[CLEAN_TARGET][:, -1].mean(1).min())
        scalars = [scalars_of(law, found) for law in laws_of([found])]
        row: list[Cell] = [label, f"{looks.setting} {best:.3g}", least, tried]
        growing.add(label, [row], {key: value for one in scalars for key, value in one.items()})
        say(f"  {label}: {looks.setting} {best:.3g}, {tried} tried")
    return levels


def _label(name: str, sigma: float) -> str:
    return f"{name}, sigma {sigma:.3g}"
