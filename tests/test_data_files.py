"""Data sets on disk: found where users put them, read as they are, and damaged ones refused by name."""

from __future__ import annotations

import gzip
import os
import pickle
import pickletools
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from locality.data import DataDamaged, DataNotFound, ImageDataModule, cifar, fashion_mnist, mnist, photos
from locality.data.cifar_files import cifar_labels
from locality.data.idx_files import mnist_labels
from locality.data.places import VARIABLE

FASHION = Path("/usr/share/datasets/fashion-mnist")
needs_fashion = pytest.mark.skipif(
    not FASHION.is_dir(), reason="needs Fashion-MNIST: apt-get install dataset-fashion-mnist"
)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, no $LOCALITY_DATA, and no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tmp_path


def write_idx(path: Path, images: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = struct.pack(">4I", 2051, *images.shape) + images.numpy().tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def grey(count: int) -> Tensor:  # [count, 28, 28]
    return photos("train", 0, size=28, train=count)[:, 1].contiguous()


def write_mnist(folder: Path, suffix: str = ".gz") -> tuple[Tensor, Tensor]:
    train, test = grey(30), grey(41)[30:]
    write_idx(folder / f"train-images-idx3-ubyte{suffix}", train)
    write_idx(folder / f"t10k-images-idx3-ubyte{suffix}", test)
    for name, count in (("train", len(train)), ("t10k", len(test))):
        content = struct.pack(">2I", 2049, count) + bytes(i % 10 for i in range(count))
        path = folder / f"{name}-labels-idx1-ubyte{suffix}"
        path.write_bytes(gzip.compress(content) if suffix else content)
    return train, test


def python_2_pickle(images: Tensor) -> bytes:
    """What Python 2 and numpy 1 wrote: the layout of the authors' files, made by hand, opcode by opcode."""
    rows = images.flatten(1).numpy()

    def text(value: bytes) -> bytes:
        short, long = b"U" + bytes([len(value) % 256]), b"T" + struct.pack("<i", len(value))
        return (short if len(value) < 256 else long) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    dtype = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    dtype += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    shape = number(len(rows)) + number(rows.shape[1]) + b"\x86"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    array += number(0) + b"\x85" + text(b"b") + b"\x87R"
    array += b"(" + number(1) + shape + dtype + b"\x89" + text(rows.tobytes()) + b"tb"
    labels = b"](" + b"".join(number(i % 10) for i in range(len(rows))) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + text(b"labels") + labels + b"u."


def write_cifar(folder: Path, each: int = 7) -> tuple[Tensor, Tensor]:
    folder.mkdir(parents=True, exist_ok=True)
    images = photos("train", 1, size=32, train=6 * each)
    for number, part in enumerate(images.split(each)):
        name = f"data_batch_{number + 1}" if number < 5 else "test_batch"
        (folder / name).write_bytes(python_2_pickle(part))
    return images[: 5 * each], images[5 * each :]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_files_are_read_as_they_are(nowhere: Path, suffix: str) -> None:
    train, test = write_mnist(nowhere / "data/MNIST/raw", suffix)
    assert torch.equal(mnist("train", 0), train[:, None])
    halves = torch.stack([mnist("val", 0)[:5], mnist("test", 0)[:5]], dim=1).flatten(0, 1)
    assert torch.equal(halves, test[:10, None])
    assert len(mnist("val", 0)) + len(mnist("test", 0)) == 11
    assert mnist_labels("train", 0).tolist() == [i % 10 for i in range(30)]
    assert [mnist_labels(split, 0).tolist() for split in ("val", "test")] == [
        [0, 2, 4, 6, 8, 0],
        [1, 3, 5, 7, 9],
    ]


def test_cifars_own_format_is_read_as_torchvision_reads_it(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10

    train, test = write_cifar(nowhere / "data/cifar-10-batches-py")
    for skipped in ("_check_integrity", "_load_meta"):  # these know the md5 of the real files
        monkeypatch.setattr(CIFAR10, skipped, lambda self: True)
    oracle = torch.from_numpy(CIFAR10("data").data).permute(0, 3, 1, 2)
    assert torch.equal(cifar("train", 0), oracle)
    assert torch.equal(oracle, train)
    assert torch.equal(cifar("val", 0), test[0::2])
    assert torch.equal(cifar("test", 0), test[1::2])
    classes = {train: torch.tensor(CIFAR10("data", train=train).targets) for train in (True, False)}
    assert torch.equal(cifar_labels("train", 0), classes[True])
    halves = [cifar_labels(split, 0) for split in ("val", "test")]
    assert torch.equal(torch.stack([half[:3] for half in halves], 1).flatten(), classes[False][:6])


def test_cifar_written_by_python_3_is_read_too(nowhere: Path) -> None:
    write_cifar(nowhere / "data/cifar-10-batches-py")
    rows = photos("train", 2, size=32, train=4).flatten(1).numpy()
    file = nowhere / "data/cifar-10-batches-py/data_batch_1"
    for protocol in (2, 3, 4, 5):  # in protocol 5 arrays are buffers
        for key in ("data", b"data"):  # bytes, where the authors' file was read with encoding="bytes"
            for array in (rows, np.asfortranarray(rows)):
                pickled = pickle.dumps({key: array, "labels": [0] * 4}, protocol=protocol)
                file.write_bytes(pickled)
                assert torch.equal(cifar("train", 0)[:4].flatten(1), torch.from_numpy(rows))
                # NumPy 1 named the same functions elsewhere.
                file.write_bytes(_as_numpy_1(pickled))
                assert torch.equal(cifar("train", 0)[:4].flatten(1), torch.from_numpy(rows))


def _as_numpy_1(pickled: bytes) -> bytes:
    """The pickle with `numpy._core` called `numpy.core`, in the GLOBAL and the STACK_GLOBAL spelling."""
    for name in (b"numpy._core.numeric", b"numpy._core.multiarray"):
        old = name.replace(b"._core", b".core")
        pickled = pickled.replace(b"c" + name + b"\n", b"c" + old + b"\n")
        pickled = pickled.replace(b"\x8c" + bytes([len(name)]) + name, b"\x8c" + bytes([len(old)]) + old)
    return _without_frames(pickled)


def _without_frames(pickled: bytes) -> bytes:
    """The pickle without FRAME opcodes, whose lengths no longer hold."""
    places = [place for opcode, _, place in pickletools.genops(pickled) if opcode.name == "FRAME"]
    for place in reversed(places):
        pickled = pickled[:place] + pickled[place + 9 :]
    return pickled


def test_a_pickle_that_would_run_something_is_refused(nowhere: Path) -> None:
    write_cifar(nowhere / "data/cifar-10-batches-py")

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, ("trapped",)

    (nowhere / "data/cifar-10-batches-py/data_batch_3").write_bytes(pickle.dumps({"data": Trap()}))
    with pytest.raises(DataDamaged, match=r"data_batch_3 is damaged.*mkdir"):
        cifar("train", 0)
    assert not Path("trapped").exists()


def test_root_comes_before_the_variable_and_the_variable_before_data(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, level in (("root", 1), ("variable", 2), ("data", 3)):
        images = torch.full((2, 28, 28), level).byte()
        write_idx(nowhere / place / "MNIST/raw/train-images-idx3-ubyte", images)
    assert mnist("train", 0).max() == 3
    monkeypatch.setenv(VARIABLE, "variable")
    assert mnist("train", 0).max() == 2
    assert mnist("train", 0, root="root").max() == 1
    assert mnist("train", 0, root="root/MNIST/raw").max() == 1
    assert ImageDataModule(mnist, root="root").bank().images.max() == 1
    with pytest.raises(DataNotFound, match=r"data\.root=nowhere is not a folder"):
        mnist("train", 0, root="nowhere")


@pytest.mark.parametrize("source", [mnist, cifar])
def test_data_that_are_nowhere_end_in_one_line_that_says_where_it_looked(
    nowhere: Path,
    source: Callable[..., Tensor],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, "/elsewhere")
    with pytest.raises(DataNotFound) as caught:
        source("train", 0)
    message = str(caught.value)
    assert "\n" not in message
    for part in ("/elsewhere/", "data/", "download failed", "data.root", f"${VARIABLE}"):
        assert part in message
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 1  # the line that announces the download
    assert err == ""
    assert not (nowhere / "data").exists()


def test_without_download_none_is_tried(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataNotFound, match="CIFAR-10: not in data/cifar-10-batches-py"):
        cifar("train", 0, download=False)
    assert capfd.readouterr().err == ""


def break_idx(content: bytes) -> dict[str, bytes]:
    header = struct.pack(">4I", 2051, 1, 27, 28) + bytes(27 * 28)
    return {
        "not a whole gzip file": gzip.compress(content)[:-200],
        "its header says": gzip.compress(content[:-1]),
        "not an IDX file": gzip.compress(b"\0" * 40),
        "too short": gzip.compress(b"abc"),
        "images of 27 x 28": gzip.compress(header),
    }


@pytest.mark.parametrize("message", list(break_idx(b"")))
def test_damaged_idx_files_are_named(nowhere: Path, message: str) -> None:
    write_mnist(nowhere / "data/MNIST/raw")
    path = nowhere / "data/MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(break_idx(gzip.decompress(path.read_bytes()))[message])
    with pytest.raises(DataDamaged, match=rf"train-images-idx3-ubyte\.gz is damaged.*{message}.*again"):
        mnist("train", 0)


def test_damaged_cifar_files_are_named(nowhere: Path) -> None:
    folder = nowhere / "data/cifar-10-batches-py"
    write_cifar(folder)
    path = folder / "data_batch_2"
    whole = path.read_bytes()
    wrong_size = pickle.dumps({"data": np.zeros((2, 3071), dtype=np.uint8)})
    for content, message in [
        (whole[:5000], "not a whole pickle"),
        (b"", "not a whole pickle"),
        (wrong_size, "3071 bytes an image"),
        (pickle.dumps({"pixels": 1}), "no table of bytes"),
    ]:
        path.write_bytes(content)
        with pytest.raises(DataDamaged, match=rf"data_batch_2 is damaged.*{message}"):
            cifar("train", 0)
    path.unlink()
    with pytest.raises(DataDamaged, match="data_batch_2 is missing"):
        cifar("train", 0)


@needs_fashion
def test_fashion_mnist_is_the_real_one_where_debian_installs_it() -> None:
    """60,000 distinct training images; the published mean 0.2860 and deviation 0.3530 on the [0, 1] scale."""
    train, val, test = (fashion_mnist(split, 0) for split in ("train", "val", "test"))  # type: ignore[arg-type]
    assert train.shape == (60_000, 1, 28, 28)
    assert val.shape == test.shape == (5_000, 1, 28, 28)
    scaled = train.double() / 255
    assert scaled.mean().item() == pytest.approx(0.2860, abs=5e-5)
    assert scaled.std().item() == pytest.approx(0.3530, abs=5e-5)
    prints = {image.numpy().tobytes() for image in torch.cat([val, test])}
    assert len(prints) > 9_990  # (nearly) all distinct, so no image of val is in test


def test_files_of_classes_that_are_none_are_named(nowhere: Path) -> None:
    folder = nowhere / "data/MNIST/raw"
    write_mnist(folder)
    path = folder / "train-labels-idx1-ubyte.gz"
    for content in (b"", struct.pack(">2I", 2049, 31) + bytes(30), struct.pack(">2I", 2051, 30) + bytes(30)):
        path.write_bytes(gzip.compress(content))
        with pytest.raises(DataDamaged, match=r"train-labels.* is damaged: not an IDX file of classes"):
            mnist_labels("train", 0)
    path.unlink()
    assert len(mnist("train", 0)) == 30  # the images are there
    with pytest.raises(DataDamaged, match=r"has no train-labels-idx1-ubyte\.gz"):
        mnist_labels("train", 0)
    folder = nowhere / "data/cifar-10-batches-py"
    write_cifar(folder)
    (folder / "data_batch_1").write_bytes(pickle.dumps({"data": np.zeros((1, 3072), "u1"), "labels": [11]}))
    assert len(cifar("train", 0)) == 29
    with pytest.raises(DataDamaged, match="no list of classes from 0 to 9"):
        cifar_labels("train", 0)
