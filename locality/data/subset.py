"""Which of the training images are learned from."""

from __future__ import annotations

import torch
from torch import Tensor

from locality.noise import generator

HALVES = ("half:0", "half:1")
DRAWS = ("first", "random", *HALVES)


def drawn_places(
    available: int,  # images that the source has
    subset: int | None,  # so many of them; None: all that the draw leaves
    draw: str,  # one of DRAWS
    seed: int,  # of a draw that is random
) -> Tensor:  # [N] int64 places, in the order of the source
    """The places of the training images that a draw takes.

    `first` and `random` take `subset` of all images. `half:0` and `half:1` share no image: a permutation of
    `seed` cuts the images in two. Of an odd number, `half:0` has one more than `half:1`. `subset` then limits
    the count within the half; a smaller subset lies inside a larger one. Raises ValueError for more images
    than there are.
    """
    order, whose = torch.arange(available), ""
    if draw == "random":
        order = torch.randperm(available, generator=generator(seed, "subset"))
    elif draw in HALVES:
        order = torch.randperm(available, generator=generator(seed, "halves"))
        order, whose = order[HALVES.index(draw) :: 2], f" in {draw}"
    most = len(order)
    wanted = most if subset is None else subset
    if most == 0:
        raise ValueError(f"subset_draw={draw}: want 2 training images or more, got {available}")
    if wanted > most:
        raise ValueError(f"subset: want at most the {most} training images there are{whose}, got {wanted}")
    return order[:wanted].sort().values
