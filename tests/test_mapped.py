"""A bank in a mapped file gives the numbers of one in memory, and its file is whole, sound, or refused."""

from __future__ import annotations

import copy
import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from banks import noisy, photographs, relative, with_near_duplicates
from safetensors.torch import load_file
from tiny_runs import config

from locality import GaussianStats, ImageBank, build, mapped_file
from locality.config import UsageError, check
from locality.denoisers import (
    EquivariantLocalScore,
    GoldenSubset,
    Nearest,
    Optimal,
    PatchComposite,
    PCALocality,
)
from locality.holding import holding

FITS = {
    "optimal": Optimal.fit,
    "nearest": Nearest.fit,
    "equivariant": lambda bank: EquivariantLocalScore.fit(bank, 3),
    "patch_composite": lambda bank: PatchComposite.fit(bank, 3),
    "pca_locality": lambda bank: PCALocality.fit(bank, tau=0.05),
    "pca_locality in batches": lambda bank: PCALocality.fit(bank, tau=0.05, softmax="wssm:20"),
    "golden_subset": lambda bank: GoldenSubset.fit(bank, k_min=0.2, k_max=0.3, m_min=0.5),
}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Seven images a block: the last one of 45 is a short one."""
    monkeypatch.setattr(mapped_file, "_BLOCK", 7 * 90)


@pytest.fixture
def bank() -> ImageBank:
    return ImageBank(with_near_duplicates(photographs(8, 25))[:, :, :6, :5])


@pytest.fixture
def path(bank, tmp_path) -> Path:
    bank.write(tmp_path / "bank.safetensors")
    return tmp_path / "bank.safetensors"


@pytest.mark.parametrize("name", FITS)
@pytest.mark.filterwarnings("ignore:.*covariance lacks rank")
def test_a_denoiser_answers_as_with_the_bank_in_memory(name, bank, path):
    x, sigma = noisy(bank.images, 100, 3)
    x, sigma = x.double(), sigma.double()
    one, other = (FITS[name](held) for held in (ImageBank.open(path), bank))
    assert relative(one(x, sigma), other(x, sigma)) < 1e-12
    fields = [each.jacobian(x, sigma, [(2, 3)]) for each in (one, other)]
    assert torch.allclose(*fields, rtol=1e-9, atol=1e-12)
    pulled = [torch.func.vjp(lambda y, d=d: d(y, sigma), x)[1](x)[0] for d in (one, other)]
    assert torch.allclose(*pulled, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*covariance lacks rank")
def test_it_is_the_bank_that_was_written(bank, path):
    held = ImageBank.open(path)
    assert held.fingerprint == bank.fingerprint
    assert torch.equal(held.images, bank.images)
    assert torch.equal(torch.cat(list(held.chunks(4))), torch.cat(list(bank.chunks(4))))
    assert torch.equal(load_file(path)["images"], bank.images)  # others can read it, too
    for chosen in ([5, 3, 44], torch.arange(9, 30), torch.arange(45) % 2 == 0):
        assert held.subset(chosen).fingerprint == bank.subset(chosen).fingerprint
    stats = [GaussianStats.from_bank(one) for one in (held, bank)]
    assert torch.equal(stats[0].covariance, stats[1].covariance)


def test_a_run_of_images_stays_in_the_file(path):
    held = ImageBank.open(path)
    assert held.pages.hold(held.subset(range(9, 30)).images)
    assert not held.pages.hold(held.subset([3, 9]).images)


def test_it_is_neither_saved_nor_loaded_into_nor_cast(path, bank):
    denoiser = Optimal.fit(ImageBank.open(path))
    assert not denoiser.state_dict()
    denoiser.load_state_dict({})
    assert torch.equal(denoiser.half().bank.images, bank.images)
    assert torch.equal(copy.deepcopy(denoiser).bank.images, bank.images)
    assert denoiser.bank.fingerprint == bank.fingerprint


def test_parts_of_any_size_make_the_same_file(bank, path, tmp_path):
    for size in (1, 4, 7, 30, 45):
        other = tmp_path / f"{size}.safetensors"
        ImageBank.write_parts(other, bank.read(size), len(bank))
        assert other.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("world", [1, 2, 4])
def test_each_rank_verifies_what_it_will_read(bank, path, world):
    images = 4096 + 90 * 44  # the last image
    content = bytearray(path.read_bytes())
    content[images] ^= 1
    path.write_bytes(content)
    for rank in range(world - 1):
        held = ImageBank.open(path, rank=rank, world=world)
        assert torch.equal(held.images, bank.images[held.shard.here])
    with pytest.raises(
        ValueError, match=r"bank\.safetensors: changed or damaged .* in images 42 to 44; remove"
    ):
        ImageBank.open(path, rank=world - 1, world=world)
    assert len(ImageBank.open(path, check=False, rank=world - 1, world=world)) == 45


def test_a_file_that_is_cut_or_another_or_none_is_refused_in_one_line(path, tmp_path):
    content = path.read_bytes()
    for other in (
        content[:-1],
        content + b"x",
        content[:100],
        b"",
        b"x" * 5000,
        content[:8] + b"[]" + content[10:],
    ):
        path.write_bytes(other)
        with pytest.raises(
            ValueError, match=r"bank\.safetensors: want a bank, as ImageBank\.write writes it"
        ) as told:
            ImageBank.open(path)
        assert "\n" not in str(told.value)
    with pytest.raises(ValueError, match=r"none\.safetensors: no bank that could be opened \(No such file"):
        ImageBank.open(tmp_path / "none.safetensors")


@pytest.mark.parametrize("byte", range(0, 300, 7))
def test_a_header_with_any_changed_byte_is_refused_or_the_same(byte, bank, path):
    content = bytearray(path.read_bytes())
    content[byte] ^= 1
    path.write_bytes(content)
    try:
        held = ImageBank.open(path)
    except ValueError:
        return
    assert torch.equal(held.images, bank.images)


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(bank, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 100))
    with pytest.raises(OSError, match=r"want 0\.0 GB for the images, and the disk has 0\.0"):
        bank.write(tmp_path / "bank.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_leaves_nothing_behind(bank, tmp_path, monkeypatch):
    def full(number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bank.write(tmp_path / "bank.safetensors")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused(bank, tmp_path):
    path = tmp_path / "bank.safetensors"
    with pytest.raises(ValueError, match="parts: want uint8 images"):
        ImageBank(bank.images / 127.5 - 1).write(path)
    with pytest.raises(ValueError, match="parts: want 46 images, got 45"):
        ImageBank.write_parts(path, bank.read(10), 46)
    with pytest.raises(ValueError, match=r"parts: want uint8 images \(3, 6, 5\)"):
        ImageBank.write_parts(path, iter([bank.images, bank.images[:, :1]]), 90)
    assert not list(tmp_path.iterdir())


def test_a_run_writes_the_file_of_its_bank_once_and_anew_if_it_has_changed(tmp_path):
    cfg = config(tmp_path, "data=fashion_mnist", "bank=mapped", "model=wiener")
    held = holding(cfg)(ImageBank(photographs(8, 25)))
    (path,) = (tmp_path / "cache").glob("bank-*.safetensors")
    assert held.pages.hold(held.images)
    written = path.stat().st_mtime_ns
    holding(cfg)(ImageBank(photographs(8, 25)))
    assert path.stat().st_mtime_ns == written
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.warns(UserWarning, match=r"got another or a cut file; writing it anew"):
        assert torch.equal(holding(cfg)(ImageBank(photographs(8, 25))).images, photographs(8, 25))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bank=paged"], "bank: want memory, mapped, sharded or mapped_sharded, got 'paged'"),
        (["bank=sharded"], "bank=sharded: want several ranks, got one; trainer=ddp"),
        (["bank=mapped", "data=gaussian"], "bank=mapped: want images of bytes"),
        (["bank=sharded", "model=unet", "trainer=ddp"], "a network sees all images in batches"),
    ],
)
def test_a_bank_that_cannot_be_is_refused_in_one_line(words, told, tmp_path):
    from locality import app

    cfg = config(tmp_path, "data=digits", "model=wiener", "logger=none", "trainer.accelerator=cpu", *words)
    with pytest.raises(UsageError) as caught:
        app.run(cfg)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_folder_is_refused_in_one_line(tmp_path):
    cfg = config(tmp_path, "data=digits", "bank=mapped")
    cfg.cache = None
    with pytest.raises(UsageError, match=r"^bank=mapped: want a folder for its file, got cache=null$"):
        check(cfg)


def test_a_data_module_holds_what_it_is_told_to(tmp_path):
    cfg = config(tmp_path, "data=photos", "data.source.train=20", "data.source.val=5", "data.source.test=5")
    cfg.bank = "mapped"
    data = build.datamodule(cfg.data, hold=holding(cfg))
    assert data.bank("train").pages.hold(data.bank("train").images)
    assert not data.bank("val").pages.hold(data.bank("val").images)
    assert (
        len(next(iter(data.train_dataloader())).images) == data.batch_size
        or len(data.bank()) < data.batch_size
    )
