"""Bootstrap intervals over images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Values = Tensor | Sequence[float]
Groups = Tensor | Sequence[int] | None
ELEMENTS = 2**22  # resampled numbers held at once: 32 MiB


def mean(
    values: Tensor,  # [..., N]
) -> Tensor:  # [...]
    """The mean over images."""
    return values.mean(-1)


def interval(
    values: Values,  # [N] one number per image
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    statistic: Callable[[Tensor], Tensor] = mean,  # [..., N] -> [...]
    groups: Groups = None,  # [N] images of one number, crops of one picture say, are drawn together
) -> tuple[float, float]:
    """The percentile bootstrap interval (Efron 1979) of a statistic over images; the mean by default.

    For a paired difference of two methods give the differences. With groups, whole groups are drawn at random
    (cluster bootstrap; Cameron, Gelbach & Miller 2008): images of one group may be as alike as they like.
    Groups are few. So the interval is widened as that of a mean of so many normal numbers is, by Student's t
    and the degree of freedom; where no number is below 0, in logarithms. An image whose number is NaN has no
    score and is left out. One image, or one group, says nothing about others: (nan, nan). Raises ValueError
    for an empty list, and for groups with a statistic other than the mean.
    """
    table, groups = _scored(_table([values]), groups)
    if groups is None:
        return _interval(table, lambda drawn: statistic(drawn[0]), level, draws, seed)
    if statistic is not mean:
        raise ValueError("groups: want none with a statistic other than the mean")
    sums = _summed(torch.cat([table, torch.ones_like(table)]), groups)
    return _interval(sums, lambda drawn: drawn[0].sum(-1) / drawn[1].sum(-1), level, draws, seed, few=True)


def ratio_interval(
    numerator: Values,  # [N] one number per image
    denominator: Values,  # [N] the same images, in the same order
    level: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
    groups: Groups = None,  # [N] images of one number are drawn together
) -> tuple[float, float]:
    """The interval of mean(numerator) / mean(denominator), both over the same resampled images (paired).

    For example the error of a denoiser relative to Wiener's. An image without a score (NaN) in either is left
    out.
    """
    table, groups = _scored(_table([numerator, denominator]), groups)
    table = table if groups is None else _summed(table, groups)
    few = groups is not None
    return _interval(table, lambda drawn: drawn[0].mean(-1) / drawn[1].mean(-1), level, draws, seed, few)


class Ratio(NamedTuple):
    """A ratio of two means, with the ends of its interval."""

    mean: float
    low: float
    high: float


def mean_ratio(
    values: Values,  # [N] one number per image: errors, say
    base: Values,  # [N] of the same images: Wiener's errors on the same noise, say
    groups: Groups = None,  # [N] images of one number are drawn together
) -> Ratio:
    """`mean(values) / mean(base)`, with its 95 % paired interval over images.

    An image without a score (NaN) in either is left out of all three numbers.

    >>> mean_ratio([1.0, 2.0, 4.0], [2.0, 4.0, 8.0])
    Ratio(mean=0.5, low=0.5, high=0.5)
    """
    ours, theirs = _scored(_table([values, base]), None)[0].mean(1)
    return Ratio((ours / theirs).item(), *ratio_interval(values, base, groups=groups))


def resampled(
    count: int,  # images
    draws: int = 2000,
    seed: int = 0,
    groups: Groups = None,  # [count] images of one number are drawn together
) -> Tensor:  # [draws, count] float64, each row adds up to 1
    """How much each image counts in each draw: for statistics of whole tables, drawn together.

    Raises ValueError for fewer than two images, or groups, which say nothing about others.
    """
    place = torch.arange(count) if groups is None else _numbers(groups, count).unique(return_inverse=True)[1]
    several = int(place.max()) + 1
    if several < 2:
        raise ValueError(f"want at least 2 images or groups to draw from, got {several}")
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(several, (draws, several), generator=generator)
    often = torch.zeros(draws, several, dtype=torch.float64)
    often.scatter_add_(1, rows, torch.ones_like(rows, dtype=torch.float64))
    weights = often[:, place]
    return weights / weights.sum(1, keepdim=True)


def check_draws(level: float, draws: int) -> None:
    """Raises ValueError for a level that is no share, and for no draws."""
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"want 0 < level < 1 and at least one draw, got level {level} and {draws} draws")


def percentiles(
    drawn: Tensor,  # [draws, ...] of a statistic
    level: float,
) -> Tensor:  # [2, ...]
    """The ends between which that share of the draws lies."""
    return drawn.quantile(drawn.new_tensor([(1 - level) / 2, (1 + level) / 2]), dim=0)


def _table(columns: list[Values]) -> Tensor:  # [K, N] float64
    tensors = [torch.as_tensor(column, dtype=torch.float64).detach().cpu() for column in columns]
    shapes = [tuple(tensor.shape) for tensor in tensors]
    if tensors[0].ndim != 1 or not len(tensors[0]) or len(set(shapes)) > 1:
        raise ValueError(f"want one number for each image, of the same images; got shapes {shapes}")
    return torch.stack(tensors)


def _scored(
    table: Tensor,  # [K, N]
    groups: Groups,  # [N]
) -> tuple[Tensor, Groups]:
    """The columns without NaN, and their groups."""
    keep = ~table.isnan().any(0)
    if bool(keep.all()):
        return table, groups
    if groups is not None:
        numbers = _numbers(groups, table.shape[1])
        groups = numbers[keep]
    return table[:, keep], groups


def _numbers(groups: Tensor | Sequence[int], count: int) -> Tensor:  # [N] whole numbers
    numbers = torch.as_tensor(groups).cpu()
    if numbers.shape != (count,) or numbers.is_floating_point() or numbers.dtype == torch.bool:
        got = f"{numbers.dtype} {tuple(numbers.shape)}"
        raise ValueError(f"groups: want one whole number for each of {count} images, got {got}")
    return numbers


def _summed(
    table: Tensor,  # [K, N]
    groups: Tensor | Sequence[int],  # [N]
) -> Tensor:  # [K, G] sums over the images of each group
    numbers, place = _numbers(groups, table.shape[1]).unique(return_inverse=True)
    return table.new_zeros(len(table), len(numbers)).index_add(1, place, table)


def _interval(
    table: Tensor,  # [K, N]
    statistic: Callable[[Tensor], Tensor],  # [K, draws, N] -> [draws]
    level: float,
    draws: int,
    seed: int,
    few: bool = False,  # whether columns are few enough to count with a degree of freedom less
) -> tuple[float, float]:
    check_draws(level, draws)
    n = table.shape[1]
    if n < 2:
        return float("nan"), float("nan")
    generator = torch.Generator().manual_seed(seed)
    chunk = max(1, ELEMENTS // n)
    parts = []
    for start in range(0, draws, chunk):
        rows = torch.randint(n, (min(chunk, draws - start), n), generator=generator)
        parts.append(statistic(table[:, rows]))
    low, high = percentiles(torch.cat(parts), level).tolist()
    if few:
        from scipy.stats import norm, t  # which takes a while

        centre, wider = statistic(table[:, None]).item(), (1 + level) / 2
        by = (n / (n - 1)) ** 0.5 * t.ppf(wider, n - 1) / norm.ppf(wider)
        if bool((table >= 0).all()) and low > 0:  # of errors: what may not fall below 0 is widened by factors
            return centre * (low / centre) ** by, centre * (high / centre) ** by
        low, high = centre - by * (centre - low), centre + by * (high - centre)
    return low, high
