"""The data module: a source, made into banks and batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from locality.bank import BOUND, ImageBank
from locality.data.batch import Batch, ImageSet
from locality.data.reading import read_checked
from locality.data.sampler import GlobalBatches, ShardBatches, check_ranks
from locality.data.settings import check_settings
from locality.data.splits import Split, check_split
from locality.data.subset import drawn_places
from locality.labels import Labels
from locality.shipped import is_ours

if TYPE_CHECKING:
    from locality.data.pattern import PatternInjection
    from locality.data.settings import Source


class ImageDataModule(LightningDataModule):
    """Images in memory, as banks for analytical denoisers and as batches for Lightning.

    Batches are `Batch(images, index, weight, labels)`. Use it with
    `Trainer(use_distributed_sampler=False)`: its own sampler gives any number of ranks the same global
    batches. Loading is a gather from memory, so there are no worker processes. Data are read when first
    asked for. Raises ValueError for settings that do not fit together.

    Args:
        source: called as `source(split=..., seed=image_seed)`, and with `root=root` if `root` is given; may
            have attributes `groups` and `labels`, see there, and an attribute `bound`: how far its floats go
            beyond [-1, 1] on purpose (`locality.bank.check_images`).
        gamma: strength of the pattern; 0 leaves the images as the source made them.
        flip: train on mirror images, too. An epoch shows every image once, as it is or mirrored. The train
            bank holds the images and then their mirror images. A pattern is added later and never mirrored.
        subset: this many training images instead of all.
        subset_draw: the `first` of them, a `random` choice, or those of one half. `half:0` and `half:1` share
            no image, and together they are all images. Of an odd number `half:0` has one more.
        root: the folder where a source that reads files looks first.
        pixels: names for (row, col), in pixels or as shares of the sides (0.25). `centre` has a name, and so
            has the first pixel of a pattern, `pattern`.
        seed: of the order and the flips of training.
        image_seed: of the images: crops, draws, pattern colours, a random subset, halves. Apart from `seed`,
            so that two networks of unlike seed can learn from the same images.
    """

    def __init__(
        self,
        source: Source,
        pattern: PatternInjection | None = None,
        gamma: float = 0.0,
        batch_size: int = 64,  # images, over all ranks
        eval_batch_size: int = 64,  # images, over all ranks
        flip: bool = False,
        subset: int | None = None,  # images
        subset_draw: Literal["first", "random", "half:0", "half:1"] = "first",
        root: str | None = None,
        pixels: Mapping[str, Sequence[float]] | None = None,
        seed: int = 0,
        image_seed: int = 0,
    ) -> None:
        super().__init__()
        check_settings(
            source=source, pattern=pattern, gamma=gamma, batch_size=batch_size,
            eval_batch_size=eval_batch_size, flip=flip, subset=subset, subset_draw=subset_draw, root=root,
            pixels=pixels, seed=seed, image_seed=image_seed,
        )  # fmt: skip
        self.source, self.pattern, self.gamma = source, pattern, float(gamma)
        self.batch_size, self.eval_batch_size = int(batch_size), int(eval_batch_size)
        self.flip, self.subset, self.subset_draw, self.root = flip, subset, subset_draw, root
        self.seed, self.image_seed = seed, image_seed
        self._pixels = dict(pixels or {})
        self._banks: dict[Split, ImageBank] = {}
        self.hold: Callable[[ImageBank], ImageBank] | None = None  # puts training images where they are kept

    @property
    def image_shape(self) -> torch.Size:
        """(C, H, W)."""
        return self.bank("train").image_shape

    @property
    def pixels(self) -> dict[str, tuple[int, int]]:
        """Pixels worth a look, by name: (row, col). Raises ValueError for one outside the image."""
        _, height, width = self.image_shape
        named = {"centre": (height // 2, width // 2)}
        if self.pattern is not None:
            named["pattern"] = self.pattern.pixels(height, width)[0]
        for name, (row, col) in self._pixels.items():
            whole = isinstance(row, int)  # else shares of the sides
            named[name] = (int(row), int(col)) if whole else (int(row * height), int(col * width))
        for name, (row, col) in named.items():
            if not (0 <= row < height and 0 <= col < width):
                inside = f"inside {height} x {width}"
                raise ValueError(f"pixels.{name}: want (row, col) {inside}, got ({row}, {col})")
        return named

    def bank(self, split: Split = "train") -> ImageBank:
        """The images of a split; if training flips, those to train on are followed by their mirror images."""
        if split not in self._banks:
            # The source's images were checked; a pattern may lead as far as its gamma says.
            labels = None if self._about("labels") is None else Labels(partial(self._classes, split))
            bank = ImageBank(self._read(split), bound=math.inf, labels=labels)
            self._banks[split] = self.hold(bank) if self.hold and split == "train" else bank
        return self._banks[split]

    def groups(self, split: Split) -> Tensor | None:  # [N] int64
        """The picture that each image of a split was cut from, if the source knows; else None.

        A source knows by an attribute `groups`, a function called as the source itself. None for training
        images, which `subset` and `flip` change.
        """
        known = self._about("groups")
        return None if known is None or split == "train" else known(split)

    def labels(self, split: Split) -> Tensor | None:  # [N] int64
        """The class of each image of `bank(split)`, if the source knows; else None.

        A source knows by an attribute `labels`, a function called as the source itself. Raises what it
        raises.
        """
        return self.bank(split).labels

    def _classes(self, split: Split) -> Tensor:
        known = self._about("labels")
        assert known is not None, "asked for where there are any"
        labels = known(split)
        if split != "train":
            return labels
        labels = labels[drawn_places(len(labels), self.subset, self.subset_draw, self.image_seed)]
        return labels.repeat(2) if self.flip else labels

    def _about(self, name: str) -> Callable[[Split], Tensor] | None:
        """What a source says of its images beside the images: a function of the split."""
        known = getattr(self._function, name, None)
        if known is None:
            return None
        given = getattr(self.source, "keywords", {})
        root = {} if self.root is None else {"root": self.root}
        return lambda split: known(split=split, seed=self.image_seed, **given, **root)

    @property
    def _function(self) -> Source:
        """The source without bound arguments: what says more about itself by attributes."""
        function: Source = getattr(self.source, "func", self.source)
        return function

    def check_ranks(self, world: int) -> None:
        """Raises ValueError for batch sizes that so many ranks do not divide."""
        check_ranks("batch_size", self.batch_size, world)
        check_ranks("eval_batch_size", self.eval_batch_size, world)

    def prepare_data(self) -> None:
        """Reads (and where needed downloads) on one process, while Lightning lets the others wait."""
        self.bank("train")

    def train_dataloader(self) -> DataLoader[Batch]:
        """Every training image once an epoch, in an order that is a function of (seed, epoch)."""
        length = len(self.bank("train")) // (2 if self.flip else 1)
        batches = self._batches(length, self.batch_size, shuffle=True, mirror=self.flip)
        return self._loader("train", batches)

    def moments_dataloader(self) -> DataLoader[Batch]:
        """The train bank in its order, mirror images included: for one exact pass.

        Of a bank that ranks share, each rank sees the images that it holds.
        """
        bank = self.bank("train")
        if bank.shard.world == 1:
            return self._in_order("train", self.batch_size)
        size = self.batch_size // bank.shard.world
        return _loader(bank.images, None, ShardBatches(bank.shard, size), bank.shard.here.start)

    def val_dataloader(self) -> DataLoader[Batch]:
        """The val images in their order."""
        return self._in_order("val", self.eval_batch_size)

    def test_dataloader(self) -> DataLoader[Batch]:
        """The test images in their order."""
        return self._in_order("test", self.eval_batch_size)

    def predict_dataloader(self) -> DataLoader[Batch]:
        """The test images in their order."""
        return self._in_order("test", self.eval_batch_size)

    def _in_order(self, split: Split, batch_size: int) -> DataLoader[Batch]:
        return self._loader(split, self._batches(len(self.bank(split)), batch_size))

    def _loader(self, split: Split, batches: GlobalBatches) -> DataLoader[Batch]:
        bank = self.bank(split)
        told = getattr(getattr(self.trainer, "lightning_module", None), "told_labels", False)
        if told and bank.labels is None:
            raise ValueError("data: this network is told classes, and the source knows none; try data=cifar")
        return _loader(bank.images, bank.labels if told else None, batches)

    def _batches(
        self, length: int, batch_size: int, shuffle: bool = False, mirror: bool = False
    ) -> GlobalBatches:
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return GlobalBatches(
            length, batch_size, rank=rank, world=world, shuffle=shuffle, mirror=mirror, seed=self.seed
        )

    def _read(self, split: Split) -> Tensor:  # [N, C, H, W]
        check_split(split)
        root = {} if self.root is None else {"root": self.root}
        function = self._function
        images = read_checked(
            lambda: self.source(split=split, seed=self.image_seed, **root),
            split,
            getattr(function, "bound", BOUND),
            ours=is_ours(function),
            shape=next((bank.image_shape for bank in self._banks.values()), None),
        )
        index = torch.arange(len(images))
        if split == "train":
            index = drawn_places(len(images), self.subset, self.subset_draw, self.image_seed)
            images = images if len(index) == len(images) else images[index]
        if split == "train" and self.flip:
            images, index = torch.cat([images, images.flip(-1)]), index.repeat(2)
        if self.pattern is None or self.gamma == 0:
            return images
        return self.pattern.inject(images, index, self.gamma, seed=self.image_seed, split=split)


def _loader(
    images: Tensor, labels: Tensor | None, batches: Sampler[Tensor], first: int = 0
) -> DataLoader[Batch]:
    # batch_size=None hands whole batches of places to ImageSet, and `sampler` (not `batch_sampler`) is
    # where Lightning looks for set_epoch. The generator keeps the loader from drawing on torch's own.
    return DataLoader(
        ImageSet(images, labels, first),
        batch_size=None,
        sampler=batches,
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )


def _as_it_is(batch: Any) -> Any:
    return batch
