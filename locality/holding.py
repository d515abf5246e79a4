"""Where a run holds its training images: in memory, in a file of the cache, or shared out over its ranks."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig

from locality import build
from locality.bank import ImageBank
from locality.bank_place import BankPlace
from locality.config import UsageError


def holding(cfg: DictConfig) -> Callable[[ImageBank], ImageBank]:
    """What `bank=` asks for, of a bank in memory. Raises UsageError for one rank, which shares with none."""
    place, rank, world = BankPlace.of(cfg.bank), 0, 1
    if place.sharded:
        trainer = build.trainer(cfg.trainer, Path(cfg.runs), [], [])
        rank, world = trainer.global_rank, trainer.world_size
        if world == 1:
            raise UsageError(
                f"bank={cfg.bank}: want several ranks, got one; trainer=ddp trainer.devices=<ranks>"
            )

    def hold(bank: ImageBank) -> ImageBank:
        return (_mapped(bank, Path(cfg.cache)) if place.mapped else bank).sharded(rank, world)

    return hold


def start_ranks(cfg: DictConfig, trainer: Trainer) -> None:
    """The other ranks of a trainer, now and not with its first loop: ranks that share a bank speak before it.

    The trainers after it find them running.
    """
    if BankPlace.of(cfg.bank).sharded:
        trainer.strategy.launcher.launch(trainer.strategy.setup_environment, trainer=trainer)  # type: ignore[union-attr]


def _mapped(bank: ImageBank, folder: Path) -> ImageBank:
    """The bank in a file of its fingerprint, written if it is not there, and anew if it has changed."""
    path = folder.expanduser() / f"bank-{bank.fingerprint}.safetensors"
    if path.is_file():
        try:
            return ImageBank.open(path, labels=bank._labels)
        except ValueError as reason:
            warnings.warn(f"{reason}; writing it anew", stacklevel=2)
    try:
        bank.write(path)
    except ValueError as error:
        raise UsageError(
            f"bank=mapped: want images of bytes, as data without a pattern has; {error}"
        ) from error
    except OSError as error:
        raise UsageError(
            f"bank=mapped: {error.strerror or error}; make room, or give cache=<folder>"
        ) from error
    return ImageBank.open(path, labels=bank._labels)
