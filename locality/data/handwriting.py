"""`digits`: the 8 x 8 handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch
from torch import Tensor

from locality.data.splits import Split, check_split

_INK = 16  # the largest value in scikit-learn's file
# The file is in the order in which people wrote: the held-out digits are by other hands than most to train
# on.
_PARTS: dict[Split, slice] = {"train": slice(0, 1297), "val": slice(1297, 1547), "test": slice(1547, 1797)}


def digits(split: Split, seed: int) -> Tensor:  # [N, 1, 8, 8] uint8
    """The 1,797 digits of scikit-learn in their order: 1,297 to train, 250 for val, 250 for test.

    The same for every seed.
    """
    from sklearn.datasets import load_digits

    check_split(split)
    ink = torch.from_numpy(load_digits().images[_PARTS[split]])
    return (ink * (255 / _INK)).round().to(torch.uint8)[:, None]


def digits_labels(split: Split, seed: int) -> Tensor:  # [N] int64, from 0 to 9
    """The digit that each image of `digits` shows."""
    from sklearn.datasets import load_digits

    check_split(split)
    return torch.from_numpy(load_digits().target[_PARTS[split]]).long()


setattr(digits, "labels", digits_labels)  # noqa: B010  (mypy knows no attributes of functions)
