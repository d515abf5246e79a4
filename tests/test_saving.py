"""No checkpoint is lost, and none is read that is not as it was written."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import stat
import subprocess
import time
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import PRETRAINED
from planted_files import DATA, MODEL, exported
from safetensors.torch import save_file
from tiny_runs import TINY, assert_same, config, latest, weights

import locality
from locality import app, build, disk
from locality.bank import ImageBank
from locality.checkpoints.exported import write_exported
from locality.checkpoints.reading import read
from locality.config import UsageError
from locality.runs import checkpoint_file
from locality.runs.checkpoint_file import newest_checkpoint, read_checkpoint, write_checkpoint
from locality.runs.saving import WholeCheckpoints
from locality.statistics import GaussianStats
from locality.sums import SUMS, check_sums

SMALL = [*TINY, "model=mlp", "model.network.width=8", "model.network.depth=1", "trainer.max_epochs=3"]
CONTENT = {"global_step": 7, "state_dict": {"a": torch.arange(5000.0), "b": torch.ones(3)}, "note": "x" * 50}


def flipped(path: Path, place: int, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)


def places(path: Path, count: int = 64) -> Iterator[tuple[int, int]]:
    """Seeded places over a whole file, its ends among them."""
    source, size = random.Random(0), path.stat().st_size
    for k in range(count):
        yield (source.randrange(size) if k % 4 else (size - 1 - k // 4) % size), source.randrange(8)


def test_a_checkpoint_comes_back_and_is_a_plain_file_of_torch(tmp_path):
    path = tmp_path / "x.ckpt"
    write_checkpoint(CONTENT, path)
    for content in (read_checkpoint(path), torch.load(path, weights_only=True)):
        assert content["global_step"] == 7
        assert torch.equal(content["state_dict"]["a"], CONTENT["state_dict"]["a"])
    with zipfile.ZipFile(path) as file:
        assert file.testzip() is None
        assert file.comment.startswith(b"sha256:")


@pytest.mark.counted
def test_every_flipped_bit_in_a_checkpoint_is_found(tmp_path, tally):
    """A flipped bit in a checkpoint is found when it is read."""
    whole = tmp_path / "x.ckpt"
    write_checkpoint(CONTENT, whole)
    size = whole.stat().st_size
    ends = [(size - 1 - k, k % 8) for k in range(120)] + [(k, k % 8) for k in range(60)]
    broken = tmp_path / "broken.ckpt"
    for place, bit in [*places(whole, 128), *ends]:
        broken.write_bytes(whole.read_bytes())
        flipped(broken, place, bit)
        tally(1)
        with pytest.raises(UsageError, match=r"broken\.ckpt") as caught:
            read_checkpoint(broken)
        assert "\n" not in str(caught.value)
        tally(0, survived=1)


@pytest.mark.parametrize("keep", [0, 1, 21, 100, -1, -73, -74, 0.5])
def test_a_checkpoint_that_was_cut_short_or_grew_is_found(keep, tmp_path):
    path = tmp_path / "x.ckpt"
    write_checkpoint(CONTENT, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(UsageError):
        read_checkpoint(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(UsageError):
        read_checkpoint(path)


def test_a_checkpoint_of_before_there_were_digests_still_loads(tmp_path):
    torch.save(CONTENT, tmp_path / "old.ckpt")
    torch.save(CONTENT, tmp_path / "older.ckpt", _use_new_zipfile_serialization=False)
    for name in ("old.ckpt", "older.ckpt"):
        assert read_checkpoint(tmp_path / name)["global_step"] == 7


def test_the_mode_is_that_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_checkpoint(CONTENT, tmp_path / "x.ckpt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.ckpt").stat().st_mode) == 0o640


class Cut(BaseException):
    """A kill."""


class Disk:
    """Calls that change the disk. One is cut off: before it is done for an even `cut`, after for an odd."""

    def __init__(self, cut: int, links: bool) -> None:
        self.cut, self.links, self.calls = cut, links, 0

    def call(self, real: Any, *arguments: Any, **more: Any) -> Any:
        self.calls += 1
        due = self.calls == self.cut // 2 + 1
        if due and self.cut % 2 == 0:
            raise Cut
        try:
            if real.__name__ == "link" and not self.links:
                raise OSError(errno.EPERM, "no links here")
            return real(*arguments, **more)
        finally:
            if due:
                raise Cut


@pytest.mark.parametrize("links", [True, False], ids=["with hard links", "without"])
def test_at_every_moment_of_a_save_one_whole_generation_is_there(links, tmp_path, monkeypatch):
    run = tmp_path / "run"
    last, previous = run / "checkpoints" / "last.ckpt", run / "checkpoints" / "previous.ckpt"
    for cut in range(1000):
        write_checkpoint({**CONTENT, "global_step": cut}, last, previous)
        made = Disk(cut, links)
        with monkeypatch.context() as patch:
            for name in ("link", "replace", "fsync", "open", "unlink"):
                patch.setattr(os, name, partial(made.call, getattr(os, name)))
            try:
                write_checkpoint({**CONTENT, "global_step": cut + 1}, last, previous)
                break  # as many calls there are not
            except Cut:
                pass
        found = newest_checkpoint(run)
        assert found is not None
        assert found[1]["global_step"] in (cut, cut + 1)
    assert cut > 8


@pytest.mark.parametrize("place", ["here", "another file system"])
def test_a_killed_save_leaves_a_whole_checkpoint(place, tmp_path):
    run = tmp_path / "run"
    if place != "here":
        shared = Path("/dev/shm")
        if not os.access(shared, os.W_OK) or shared.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("no second file system here")
        run = shared / f"locality-{os.getpid()}"
    last = run / "checkpoints" / "last.ckpt"
    source = random.Random(0)
    files = WholeCheckpoints()
    files.save_checkpoint({**CONTENT, "global_step": 0}, last)
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:  # saves until it is killed
                for step in range(1, 100_000):
                    files.save_checkpoint({**CONTENT, "global_step": step}, last)
                os._exit(0)
            time.sleep(source.uniform(0.005, 0.05))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            assert read_checkpoint(last)["global_step"] >= 0
        files.save_checkpoint({**CONTENT, "global_step": 5}, last)
        assert sorted(path.name for path in last.parent.iterdir() if path.name[0] != ".") == [
            "last.ckpt", "previous.ckpt",
        ]  # fmt: skip
        assert not list(last.parent.glob(".last.ckpt-*"))  # what the killed ones left
    finally:
        if place != "here":
            subprocess.run(["rm", "-r", str(run)], check=True)


# ---- in a training


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    app.run(config(folder, *SMALL, "snapshots=[5]"))
    return latest(folder)


def test_a_training_keeps_two_generations_and_sealed_snapshots(uninterrupted):
    kept = {path.name: read_checkpoint(path) for path in (uninterrupted / "checkpoints").iterdir()}
    steps = {name: content["global_step"] for name, content in kept.items()}
    assert steps == {"last.ckpt": 21, "previous.ckpt": 14, "step000005.ckpt": 5}
    assert all(content[checkpoint_file.MARK] == "sha256" for content in kept.values())


def test_a_damaged_last_checkpoint_gives_way_to_the_one_before_and_that_is_said(
    uninterrupted, tmp_path, capsys
):
    run = tmp_path / "runs" / "copied"
    run.parent.mkdir()
    subprocess.run(["cp", "-r", str(uninterrupted), str(run)], check=True)
    last, previous = run / "checkpoints" / "last.ckpt", run / "checkpoints" / "previous.ckpt"
    flipped(last, last.stat().st_size // 2, 3)
    assert read(run)["global_step"] == 14
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "last.ckpt: damaged" in said
    assert "previous.ckpt" in said
    assert "step 14" in said
    status = run / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": "failed"}))
    app.run(config(tmp_path, *SMALL, f"resume={run}"))
    assert_same(weights(run), weights(uninterrupted))
    # The damaged one has not taken the place of the whole one.
    assert (read_checkpoint(last)["global_step"], read_checkpoint(previous)["global_step"]) == (21, 14)
    for path in (last, previous):
        flipped(path, path.stat().st_size // 2, 3)
    with pytest.raises(UsageError, match="damaged"):
        locality.load(run)
    status.write_text(json.dumps(json.loads(status.read_text()) | {"state": "failed"}))
    with pytest.raises(UsageError, match="damaged"):  # and not from the start again, in silence
        app.run(config(tmp_path, *SMALL, f"resume={run}"))


def failing(monkeypatch: pytest.MonkeyPatch, steps: set[int], error: OSError) -> None:
    """Saves at these steps fail."""
    real = checkpoint_file.write_atomically
    taken = checkpoint_file.torch.save
    now = [0]

    def save(content: Any, file: Any) -> None:
        now[0] = content["global_step"]
        taken(content, file)

    def write(path: Path, *arguments: Any) -> None:
        if now[0] in steps:
            raise error
        real(path, *arguments)

    monkeypatch.setattr(checkpoint_file.torch, "save", save)
    monkeypatch.setattr(checkpoint_file, "write_atomically", write)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_failed_save_is_told_and_the_training_goes_on_to_a_later_one(number, tmp_path, monkeypatch, capsys):
    failing(monkeypatch, {7, 14}, OSError(number, os.strerror(number)))
    app.run(config(tmp_path, *SMALL))
    said = capsys.readouterr().err
    assert said.count("SAVING FAILED") == 2
    assert os.strerror(number) in said
    assert json.loads((latest(tmp_path) / "status.json").read_text())["state"] == "finished"
    assert read(latest(tmp_path))["global_step"] == 21


def test_a_run_whose_last_save_failed_has_not_finished_and_can_go_on(
    tmp_path, monkeypatch, capsys, uninterrupted
):
    with monkeypatch.context() as patch:
        failing(patch, {21}, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(app.RunFailed, match=r"not saved: .*No space left on device"):
            app.run(config(tmp_path, *SMALL))
    run = latest(tmp_path)
    assert "NOT SAVED" in capsys.readouterr().err
    assert json.loads((run / "status.json").read_text())["state"] == "failed"
    assert read(run)["global_step"] == 14
    app.run(config(tmp_path, *SMALL, f"resume={run}"))
    assert_same(weights(run), weights(uninterrupted))


# ---- other files at rest


@pytest.mark.counted
def test_every_flipped_bit_in_exported_weights_is_found(tmp_path, tally):
    """A flipped bit in an exported network is found when it is read."""
    state = build.module(MODEL, (1, 8, 8)).state_dict()
    recipe = {"model": MODEL, "data": DATA, "image_shape": [1, 8, 8]}
    write_exported(tmp_path / "net", recipe, state, torch.float16)
    assert locality.load(tmp_path / "net") is not None
    subprocess.run(["sha256sum", "-c", SUMS], cwd=tmp_path / "net", check=True, capture_output=True)
    for name in ("model.safetensors", "config.yaml", SUMS):
        path = tmp_path / "net" / name
        whole = path.read_bytes()
        for place, bit in places(path):
            flipped(path, place, bit)
            tally(1)
            with pytest.raises(UsageError) as caught:
                read(tmp_path / "net")
            assert "\n" not in str(caught.value)
            tally(0, survived=1)
            path.write_bytes(whole)


def test_an_export_of_before_digests_were_kept_still_loads(tmp_path):
    state = build.module(MODEL, (1, 8, 8)).state_dict()
    assert locality.load(exported(tmp_path / "old", MODEL, DATA, state)) is not None


@pytest.mark.parametrize("folder", sorted(PRETRAINED.iterdir()), ids=lambda path: path.name)
def test_what_ships_has_its_digests(folder):
    assert (folder / SUMS).is_file()
    check_sums(folder, ("config.yaml", "model.safetensors"))


def test_a_flipped_bit_in_kept_statistics_changes_no_statistics(tmp_path):
    bank = ImageBank(torch.randint(0, 255, (60, 1, 4, 4), dtype=torch.uint8))
    expected = GaussianStats.measured(bank, tmp_path)
    (path,) = tmp_path.glob("statistics-*.safetensors")
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    for place in [*range(8, 8 + header, 11), *(place for place, _ in places(path, 24))]:
        path.write_bytes(whole)
        flipped(path, place, place % 8)
        with warnings.catch_warnings(action="ignore"):  # of a damaged file; not every bit means anything
            found = GaussianStats.measured(bank, tmp_path)
        assert torch.equal(found.covariance, expected.covariance)
        assert found.image_shape == expected.image_shape


def test_a_cache_of_before_notes_had_a_digest_is_still_read(tmp_path, recwarn):
    from safetensors import safe_open

    bank = ImageBank(torch.randint(0, 255, (60, 1, 4, 4), dtype=torch.uint8))
    expected = GaussianStats.measured(bank, tmp_path)
    (path,) = tmp_path.glob("statistics-*.safetensors")
    with safe_open(path, framework="pt") as file:
        meta = {name: value for name, value in file.metadata().items() if name != "noted"}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    save_file(tensors, path, meta)
    assert torch.equal(GaussianStats.measured(bank, tmp_path).mean, expected.mean)
    assert not [warning for warning in recwarn if "computing it anew" in str(warning.message)]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "x"
    disk.write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        disk.write_atomically(path, "new", tmp_path / "older")
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
    assert path.read_text() == "old"


def test_the_paths_in_a_checkpoint_delete_nothing(tmp_path):
    """Lightning deletes what a resumed checkpoint names as the one before it."""
    run = tmp_path / "runs" / "one" / "checkpoints"
    run.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    file = run / "last.ckpt"
    state = {"best_model_path": f"{run}/../../../victim", "best_k_models": {str(victim): 1}, "dirpath": "x"}
    write_checkpoint({"callbacks": {"ModelCheckpoint": state}}, file)
    files = WholeCheckpoints()
    read = files.load_checkpoint(file)["callbacks"]["ModelCheckpoint"]
    assert read == {"best_model_path": "", "best_k_models": {}, "dirpath": "x"}
    files.remove_checkpoint(f"{run}/../../../victim")
    files.remove_checkpoint(file)  # of another process
    assert victim.read_text() == "mine"
    assert file.is_file()
    files.save_checkpoint({"global_step": 1}, run / "step.ckpt")
    files.remove_checkpoint(run / "step.ckpt")
    assert not (run / "step.ckpt").exists()
