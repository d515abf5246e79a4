"""Any analytical denoiser, made class-conditional: a denoiser for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from locality.bank import ImageBank, thinned
from locality.denoisers.base import Denoiser
from locality.denoisers.conditional import Conditional
from locality.denoisers.fitting import Fit, Recipe, statistics_of
from locality.statistics import GaussianStats


class ByClass(Conditional):
    """A denoiser fitted to the images of each class, and one fitted to all of them (this project).

    If `D` is the posterior mean of a bank, the member of class c is `E[x0 | x, class c]`: the mean over the
    images of that class alone. A Wiener filter has a mean and a covariance for each class. Told no class, it
    is the denoiser of all images.

    Raises ValueError for members of unlike images.
    """

    def __init__(
        self,
        members: Sequence[Denoiser],  # of class 0, 1, ...
        whole: Denoiser,  # of all images
    ) -> None:
        super().__init__()
        shapes = {one.image_shape for one in (*members, whole)}
        if not members or len(shapes) > 1:
            raise ValueError(f"members: want denoisers of the same images, one or more, got {shapes}")
        self.members, self.whole = nn.ModuleList(members), whole
        self.image_shape = whole.image_shape

    @classmethod
    def fit(
        cls,
        bank: ImageBank,  # whose `labels` are known
        denoiser: Fit,  # of every class, waiting for its images
        count: int | None = None,  # training images in all that are averaged over, evenly spread; None: all
        stats: GaussianStats | None = None,  # the statistics of all images, where they are known already
        cache: str | Path | None = None,  # a folder for what takes long to compute
    ) -> ByClass:
        """The denoiser of each class; its statistics are those of all images of the class.

        Raises ValueError for a bank without labels, and for a class without images.
        """
        labels = bank.labels if isinstance(bank, ImageBank) else None
        if labels is None:
            raise ValueError("bank: want images whose classes are known, such as those of data=cifar")
        recipe = Recipe.of(denoiser).keeping(cache)
        members, classes = [], int(labels.max()) + 1
        for label in range(classes):
            places = (labels == label).nonzero()[:, 0]
            if not len(places):
                raise ValueError(f"bank: want images of every class, got none of class {label}")
            own = bank.subset(places)
            members.append(_fitted(recipe, own, count and count // classes, None, cache))
        return cls(members, _fitted(recipe, bank, count, stats, cache))

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.members)

    def estimate(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The estimate of the member that was fitted to all images."""
        estimate: Tensor = self.whole(x, sigma)
        return estimate

    def conditioned(self, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        """Each image by the denoiser of its class."""
        out = torch.zeros_like(x)
        for label in labels.unique().tolist():
            some = labels == label
            member = self.members[label]
            assert isinstance(member, Denoiser), "made of denoisers"
            out = out.index_put((some,), member(x[some], sigma[some]))
        return out


def _fitted(
    recipe: Recipe, bank: ImageBank, count: int | None, stats: GaussianStats | None, cache: str | Path | None
) -> Denoiser:
    some = bank if count is None else thinned(bank, max(1, min(count, len(bank))))
    return recipe.fit(some, lambda: statistics_of(bank, stats, None, cache))
