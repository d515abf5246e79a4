"""What an ImageDataModule accepts: checked when it is made, whoever makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from locality.counts import is_count, is_whole
from locality.data.subset import DRAWS

Source = Callable[..., Tensor]


def check_settings(
    *,
    source: Any,
    pattern: Any,
    gamma: Any,
    batch_size: Any,
    eval_batch_size: Any,
    flip: Any,
    subset: Any,
    subset_draw: Any,
    root: Any,
    pixels: Any,
    seed: Any,
    image_seed: Any,
) -> None:
    """Raises ValueError for a setting of the wrong type or range, naming it and what is accepted."""
    _want("source", source, "a function (split, seed) -> [N, C, H, W]", callable(source))
    good = pattern is None or (hasattr(pattern, "inject") and hasattr(pattern, "pixels"))
    _want("pattern", pattern, "a PatternInjection, or none", good)
    _want("gamma", gamma, "a number", isinstance(gamma, int | float) and not isinstance(gamma, bool))
    if gamma != 0 and pattern is None:
        raise ValueError(
            f"gamma={gamma:g} needs data with a pattern: data=photos_pattern or the like; or gamma=0"
        )
    for name, count in (("batch_size", batch_size), ("eval_batch_size", eval_batch_size)):
        _want(name, count, "at least 1 image, a whole number", is_count(count))
    good = subset is None or is_count(subset)
    _want("subset", subset, "at least 1 image, a whole number, or null for all", good)
    _want("subset_draw", subset_draw, f"{', '.join(DRAWS[:-1])} or {DRAWS[-1]}", subset_draw in DRAWS)
    _want("flip", flip, "true or false", isinstance(flip, bool))
    _want("root", root, "the path of a folder, or null", root is None or isinstance(root, str))
    for name, number in (("seed", seed), ("image_seed", image_seed)):
        _want(name, number, "a whole number", is_whole(number))
    good = pixels is None or (isinstance(pixels, Mapping) and all(map(_pixel, pixels.values())))
    want = "names and their [row, col], two whole numbers, or two shares of the sides such as 0.25"
    _want("pixels", pixels, want, good)


def _want(name: str, value: Any, want: str, good: bool) -> None:
    if not good:
        raise ValueError(f"{name}: want {want}, got {value!r}")


def _pixel(value: Any) -> bool:
    if not isinstance(value, Sequence) or len(value) != 2:
        return False
    return all(map(is_whole, value)) or all(isinstance(one, float) and 0 <= one < 1 for one in value)
