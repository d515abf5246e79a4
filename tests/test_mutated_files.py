"""Files with random damage are read as they were, read as a picture or a network, or refused in one line."""

from __future__ import annotations

import gzip
import json
import math
import random
import shutil
import struct
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from PIL import Image
from planted_files import DATA, MODEL
from test_hub import network
from torch import Tensor

import locality
from locality import build
from locality.checkpoints.exported import write_exported
from locality.config import UsageError
from locality.data.errors import DataDamaged
from locality.data.idx_files import read_images
from locality.data.image_folders import read_image
from locality.data.pattern_masks import from_png
from locality.runs.checkpoint_file import write_checkpoint
from locality.runs.status import read_status

FEW, MANY = 40, 1000  # of pictures, and of checkpoints; many in `make test-faults`
SUFFIXES = ("png", "jpg", "webp", "bmp")


@dataclass(frozen=True)
class Victim:
    """A file to be damaged, and how what it belongs to is read."""

    file: Path
    read: Callable[[], Tensor | None]
    whole: Tensor | None = None  # what was read before, where a digest or the like finds every change of it

    def wrong(self, damaged: bytes) -> str | None:
        """What a user should never see, if reading the damaged file comes to it."""
        whole = self.file.read_bytes()
        self.file.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a reader's warnings are lines on the terminal
                return self._judged(self.read())
        except (UsageError, DataDamaged) as error:
            told = str(error)
            named = self.file.parent.name in told or self.file.parent.parent.name in told
            return None if named and "\n" not in told else f"told: {told!r}"
        except Exception as error:  # anything else is what this test looks for
            return f"{type(error).__name__}: {error}"
        finally:
            self.file.write_bytes(whole)

    def _judged(self, read: Tensor | None) -> str | None:
        if read is None or self.whole is None:
            return None
        return None if torch.equal(read, self.whole) else "other content was read as whole"


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One to three of the things that happen to files."""
    for _ in range(draw.choice([1, 1, 2, 3])):
        if content:
            content = _hurt(content, draw)
    return content


def _hurt(content: bytes, draw: random.Random) -> bytes:
    at, some = draw.randrange(len(content)), draw.choice([1, 4, 64, len(content) // 4])
    before, after = content[:at], content[at + some :]
    match draw.choice(["bit", "bit", "bytes", "zeros", "cut", "left out", "twice", "more", "head"]):
        case "bit":
            return before + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        case "bytes":
            return before + draw.randbytes(some) + after
        case "zeros":
            return before + bytes(some) + after
        case "cut":
            return before
        case "left out":
            return before + after
        case "twice":
            return content[: at + some] + content[at:]
        case "more":
            return content + draw.randbytes(some)
        case _:
            return draw.randbytes(32) + content[32:]


def tried(victims: list[Victim], number: int) -> Iterator[str]:
    """What damage to each in turn came to, where that is wrong."""
    for victim in victims:
        victim.read()
    for attempt in range(number):
        victim = victims[attempt % len(victims)]
        wrong = victim.wrong(damaged(victim.file.read_bytes(), random.Random(attempt)))
        if wrong:
            yield f"{victim.file.name}, try {attempt}: {wrong}"


def pictures(folder: Path) -> list[Victim]:
    """Pictures of each format, some with what cameras add; a pattern; a file of MNIST's format."""
    values = np.random.default_rng(0).integers(0, 255, (24, 20, 3), np.uint8)
    image = Image.fromarray(values)
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    files = [
        folder / "some" / f"{'tagged' if tags else 'plain'}.{suffix}"
        for suffix in SUFFIXES
        for tags in (0, 1)
    ]
    files[0].parent.mkdir()
    for file in files:
        image.save(file, **({"exif": exif} if file.stem == "tagged" and file.suffix != ".bmp" else {}))
    victims = [Victim(file, lambda file=file: read_image(file, 8)) for file in files]
    pattern = folder / "some" / "pattern.png"
    Image.fromarray(values).convert("LA").save(pattern)
    victims.append(Victim(pattern, lambda: from_png(pattern, 8, 8)))
    for name, pack in (("train-images-idx3-ubyte", bytes), ("t10k-images-idx3-ubyte.gz", gzip.compress)):
        digits = folder / "some" / name
        digits.write_bytes(pack(struct.pack(">4i", 2051, 6, 28, 28) + bytes(6 * 784)))
        victims.append(Victim(digits, lambda digits=digits: read_images(digits)))
    return victims


def _answer(path: Path) -> Tensor:
    denoiser = locality.load(path)
    shape = tuple(denoiser.image_shape)
    return denoiser(torch.linspace(-1, 1, math.prod(shape)).view(1, *shape), 0.5)


def _status(run: Path) -> None:
    read_status(run)


def networks(folder: Path) -> list[Victim]:
    """A checkpoint and its run folder, an exported network, a folder of diffusers."""
    state = build.module(MODEL, (1, 8, 8)).state_dict()
    recipe = {"model": MODEL, "data": DATA, "image_shape": [1, 8, 8]}
    run = folder / "a-run"
    (run / "checkpoints").mkdir(parents=True)
    checkpoint = run / "checkpoints" / "last.ckpt"
    write_checkpoint({"hyper_parameters": recipe, "state_dict": state, "global_step": 1}, checkpoint)
    status = {"task": "train", "state": "finished", "network": True, "time": "2026-01-01T00:00:00"}
    (run / "status.json").write_text(json.dumps(status))
    alone = folder / "alone"
    alone.mkdir()
    shutil.copy(checkpoint, alone / "my.ckpt")
    ours = folder / "exported"
    write_exported(ours, recipe, state, torch.float32)
    theirs = folder / "theirs"
    DDPMPipeline(network(), DDPMScheduler()).save_pretrained(theirs)
    sealed = [(checkpoint, run), (alone / "my.ckpt", alone / "my.ckpt")]
    sealed += [(ours / name, ours) for name in ("model.safetensors", "config.yaml")]
    others = [(file, theirs) for file in sorted(theirs.rglob("*")) if file.is_file()]
    return [
        *[Victim(file, lambda path=path: _answer(path), _answer(path)) for file, path in sealed],
        *[Victim(file, lambda path=path: _answer(path)) for file, path in others],
        Victim(run / "status.json", lambda: _status(run)),
    ]


def test_some_damaged_pictures_are_read_or_refused_in_one_line(tmp_path):
    assert list(tried(pictures(tmp_path), FEW)) == []


def test_some_damaged_networks_are_as_they_were_or_refused_in_one_line(tmp_path):
    assert list(tried(networks(tmp_path), FEW)) == []


@pytest.mark.faults
def test_damaged_pictures_are_read_or_refused_in_one_line(tmp_path, tally):
    """A picture file with random damage is read, or refused in one line that names it."""
    wrong = list(tried(pictures(tmp_path), MANY))
    tally(MANY, survived=MANY - len(wrong))
    assert wrong == []


@pytest.mark.faults
def test_damaged_networks_are_as_they_were_or_refused_in_one_line(tmp_path, tally):
    """A network's file with random damage gives that network, or is refused in one line that names it."""
    wrong = list(tried(networks(tmp_path), MANY))
    tally(MANY, survived=MANY - len(wrong))
    assert wrong == []
