"""The training images at rest: in memory, in a mapped file, or shared out over ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from locality.at_rest import BOUND, check_images, to_float
from locality.full_precision import SHORT, FullPrecision
from locality.labels import Labels
from locality.mapped_file import Pages, block_size, fingerprint_of, open_pages, write_pages
from locality.shards import Shard

__all__ = ["BOUND", "ImageBank", "check_images", "some", "thinned", "to_float"]


class ImageBank(FullPrecision):
    """A set of training images, kept as uint8 or float32 or float64, read in chunks as floats in [-1, 1].

    uint8 value u reads as `u / 127.5 - 1`. A bank is a module with one buffer, so it moves and saves with the
    denoiser that holds it.
    A bank that was opened (`open`) is read from its file. Of a bank that is shared out over ranks (`sharded`)
    each rank holds some consecutive images: `images` and `chunks` are those, while the length, the
    fingerprint, `subset` and `taken` are of all. Neither is saved with a denoiser.
    Raises ValueError for anything but a non-empty [N, C, H, W] tensor of uint8 or finite floats, and for what
    `check_images` refuses: mistakes of scale.

    >>> len(ImageBank(torch.zeros(10, 1, 2, 2, dtype=torch.uint8)))
    10
    """

    images: Tensor
    pages: Pages
    shard: Shard

    def __init__(
        self,
        images: Tensor,  # [N, C, H, W] uint8, or float in [-1, 1]
        bound: float = BOUND,  # the largest magnitude that floats may have; math.inf: images of any scale
        labels: Labels | None = None,  # the class of each image, where classes are known
    ) -> None:
        super().__init__()
        check_images(images, bound)
        # A copy: loading a state dict writes into the bank's pixels, which must not be somebody else's.
        kept = images.detach().to(torch.float32) if images.dtype in SHORT else images.detach()
        kept = kept.clone(memory_format=torch.contiguous_format)
        self._hold(kept, Pages(), Shard.alone(len(images)), None, labels)

    @classmethod
    def open(
        cls,
        path: str | Path,  # as `write` was given
        check: bool = True,  # false: the images are taken for what they were, unread
        rank: int = 0,
        world: int = 1,  # ranks that open the file, each to read (and verify) its own part
        labels: Labels | None = None,  # which the file has none of
    ) -> ImageBank:
        """The bank in a file, mapped: as long as a disk allows, in the memory of two blocks of 64 MiB.

        A GPU reads it into its memory. Raises ValueError for a file that is none, or has changed.
        """
        path = Path(path).expanduser()
        total = len(open_pages(path, check=False).images) if world > 1 else 0
        own = Shard.cut(total, rank, world).here if world > 1 else slice(None)
        images, pages, fingerprint = open_pages(path, check, own)
        return cls._of(images, pages, Shard.alone(len(images)), fingerprint, labels).sharded(rank, world)

    def write(self, path: str | Path) -> None:
        """Write the images to a file for `open`. Raises ValueError for others than bytes, and OSError."""
        self.write_parts(path, self._blocks(), len(self))

    @staticmethod
    def write_parts(
        path: str | Path,
        parts: Iterator[Tensor],  # [c, C, H, W] uint8, never more than one of them in memory
        count: int,  # images in all
    ) -> None:
        """Write images that come in parts to a file for `open`."""
        first = next(parts)
        write_pages(Path(path).expanduser(), chain([first], parts), (count, *first.shape[1:]))

    @classmethod
    def _of(cls, *held: Any) -> ImageBank:
        bank = cls.__new__(cls)
        nn.Module.__init__(bank)
        bank._hold(*held)
        return bank

    def _hold(
        self, images: Tensor, pages: Pages, shard: Shard, fingerprint: str | None, labels: Labels | None
    ) -> None:
        self.pages, self.shard, self._fingerprint, self._labels = pages, shard, fingerprint, labels
        if shard.world == 1 and not pages.hold(images):
            self.register_buffer("images", images)
            self.register_load_state_dict_post_hook(_forget_fingerprint)
        else:  # no buffer: Lightning gives all ranks the buffers of the first
            self.images = images

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        if "images" not in self._buffers:
            self.images = self.images.to(fn(self.images[:0]).device)
        return super()._apply(fn, recurse)

    def __len__(self) -> int:
        return self.shard.total

    def extra_repr(self) -> str:
        part = "" if self.shard.world == 1 else f", {len(self.images)} here"
        return f"{len(self)} images {tuple(self.image_shape)}, {self.images.dtype}{part}"

    @property
    def image_shape(self) -> torch.Size:
        """(C, H, W)."""
        return self.images.shape[1:]

    @property
    def labels(self) -> Tensor | None:  # [N] int64, on the CPU
        """The class of each image; None where classes are not known. Raises ValueError if they do not fit."""
        found = None if self._labels is None else self._labels()
        if found is not None and len(found) != len(self):
            raise ValueError(f"labels: want one for each of {len(self)} images, got {len(found)}")
        return found

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits that change with any pixel, with the order, the shape or the type at rest.

        What changes the statistics (data, split, subset, size, flip, pattern, gamma, seed) changes pixels.
        Whether images are in memory, in a file or on several ranks changes nothing.
        """
        if self._fingerprint is None:
            digest = fingerprint_of((len(self), *self.image_shape), self.images.dtype)
            for part in self._blocks():
                digest.update(part.detach().cpu().contiguous().numpy().data)
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def _blocks(self) -> Iterator[Tensor]:
        """All images in order, on every rank, a block at a time."""
        size = block_size(self.image_shape.numel() * self.images.itemsize)
        if self.shard.world == 1:
            return self.read(size)
        return (self.taken(slice(k, k + size)) for k in range(0, len(self), size))

    def read(
        self,
        size: int,
    ) -> Iterator[Tensor]:  # [<= size, C, H, W] as at rest
        """The images that are here in order, `size` at a time; of a file, the next ones are read ahead."""
        if size < 1:
            raise ValueError(f"size: want at least 1 image a chunk, got {size}")
        if len(self.images):
            yield from self.pages.stream(self.images, size)

    def chunks(
        self,
        size: int,
        dtype: torch.dtype | None = None,  # float32 (torch's default) unless asked
    ) -> Iterator[Tensor]:  # [<= size, C, H, W] floats in [-1, 1]
        """The images that are here in order, `size` at a time."""
        return (to_float(part, dtype) for part in self.read(size))

    def sharded(
        self,
        rank: int | None = None,  # None: what torch.distributed says
        world: int | None = None,  # ranks, likewise
        counts: Sequence[int] | None = None,  # images of each rank; None: as even as can be
    ) -> ImageBank:
        """The bank shared out: this rank's part of it, of which the other ranks hold the others.

        In memory the part is a copy. The ranks hold equal banks before, and call alike from then on.
        """
        if self.shard.world > 1:
            raise ValueError("bank: want one that is not shared out yet, got a part of one")
        shard = Shard.cut(len(self), rank, world)
        if counts is not None:
            if len(counts) != shard.world or sum(counts) != len(self) or min(counts) < 0:
                raise ValueError(f"counts: want {shard.world} of sum {len(self)}, got {list(counts)}")
            shard = Shard(shard.rank, tuple(counts))
        if shard.world == 1:
            return self
        fingerprint, part = self.fingerprint, self.images[shard.here]
        part = part if self.pages.hold(part) else part.clone()
        return ImageBank._of(part, self.pages, shard, fingerprint, self._labels)

    def subset(
        self,
        indices: Sequence[int] | Tensor,  # whole numbers, or a bool mask [N]
    ) -> ImageBank:
        """A bank of the named images, in the order of the indices; shared out if this one is."""
        places = self._places(indices)
        if len(places) == 0:
            raise ValueError("images: want a non-empty subset, got no index")
        mine, shard = places, Shard.alone(len(places))
        labels = None if self._labels is None else self._labels.at(places)
        if self.shard.world > 1:
            if not bool((places.diff() >= 0).all()):
                images, shard = self.taken(places), Shard.cut(len(places), self.shard.rank, self.shard.world)
                return ImageBank._of(images[shard.here].clone(), Pages(), shard, None, labels)
            mine, shard = self.shard.where(places)
        if self.pages.hold(self.images) and len(mine) > 0 and bool((mine.diff() == 1).all()):
            return ImageBank._of(self.images[mine[0] : mine[-1] + 1], self.pages, shard, None, labels)
        # Their scale was settled for all of them together.
        return ImageBank._of(self.images[mine], Pages(), shard, None, labels)

    def taken(
        self,
        indices: slice | Sequence[int] | Tensor,  # whole numbers in any order, a bool mask [N], or a slice
    ) -> Tensor:  # [k, C, H, W] as at rest
        """Some of the images, on every rank."""
        if self.shard.world == 1:
            return self.images[indices if isinstance(indices, slice) else self._places(indices)]
        places = self._places(torch.arange(len(self))[indices] if isinstance(indices, slice) else indices)
        order = places.argsort()
        mine, shard = self.shard.where(places[order])
        images = torch.cat(self.shard.gather_rows(self.images[mine], shard.counts))
        return images[order.argsort()]

    def _places(self, indices: Sequence[int] | Tensor) -> Tensor:
        chosen = torch.as_tensor(indices, device=self.images.device)
        places = chosen.nonzero()[:, 0] if chosen.dtype == torch.bool else chosen.long()
        return torch.where(places < 0, places + len(self), places)


def thinned(bank: ImageBank, count: int) -> ImageBank:
    """Evenly spread images of a bank, for what would take too long with all of them."""
    if not 1 <= count <= len(bank):
        raise ValueError(f"count: want 1 to {len(bank)} images, got {count}")
    return bank if count == len(bank) else bank.subset(_spread(len(bank), count))


def some(
    bank: ImageBank,
    most: int,
) -> Tensor:  # [<= most, C, H, W] float64 in [-1, 1]
    """At most so many images of a bank, evenly spread, on every rank."""
    return to_float(bank.taken(_spread(len(bank), min(most, len(bank)))), torch.float64)


def _spread(available: int, count: int) -> Tensor:
    return torch.arange(count) * available // count


def _forget_fingerprint(bank: nn.Module, _: object) -> None:
    bank._fingerprint = None  # type: ignore[assignment]
