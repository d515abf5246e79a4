"""Runs that are killed while they write: what they had is not lost. `make test-faults`."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import forked, run, run_and_die
from tiny_runs import NETWORK, TINY, assert_same, latest, weights

from locality import app
from locality.runs.status import read_status

ASKED = [*TINY, *NETWORK, "trainer.max_epochs=3", "snapshots=[5]"]
DELAYS = (0, 3e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.5e-2)  # seconds; a checkpoint takes some milliseconds to write
KILLS, PARTS = 40, 4  # on each place; the parts go to the processes of pytest-xdist
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert forked(run, folder, *ASKED) == 0
    return latest(folder)


@pytest.fixture(params=["one file system", "two file systems"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where run folders go; the temporary folder is on the same file system, or on another."""
    if request.param == "one file system":
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        yield tmp_path
        return
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system: /dev/shm is none")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield tmp_path


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_while_a_checkpoint_is_written_loses_nothing(part, place, uninterrupted, tally):
    """A training is killed while it saves, resumed, and ends with the weights of the uninterrupted run."""
    draw, killed = random.Random(part), 0
    for attempt in range(KILLS // PARTS):
        folder = place / str(attempt)
        code = forked(run_and_die, folder, ASKED, "checkpoints/", draw.randint(1, 12), draw.choice(DELAYS))
        killed += code == -9
        run_folder = latest(folder)
        if read_status(run_folder)["state"] != "finished":
            assert forked(run, folder, *ASKED, f"resume={run_folder}") == 0, attempt
        tally(1)
        assert_same(weights(run_folder), weights(uninterrupted))
        tally(0, survived=1)
    assert killed >= KILLS // PARTS // 2  # the others were over before


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_at_any_moment_loses_nothing(part, tmp_path, uninterrupted, tally):
    """A training is killed while it writes any of its files, resumed, and ends as the uninterrupted one."""
    draw = random.Random(part)
    for attempt in range(KILLS // PARTS // 2):
        folder = tmp_path / str(attempt)
        forked(run_and_die, folder, ASKED, "/runs/", draw.randint(1, 60), draw.choice(DELAYS))
        tally(1)
        run_folder = latest(folder) if (folder / "runs" / "latest").exists() else None
        again = [f"resume={run_folder}"] if run_folder and (run_folder / "config.yaml").is_file() else []
        if not run_folder or read_status(run_folder).get("state") != "finished":
            assert forked(run, folder, *ASKED, *again) == 0, attempt
        assert_same(weights(latest(folder)), weights(uninterrupted))
        tally(0, survived=1)


@pytest.mark.parametrize("model", ["wiener", "analytic denoiser=local_mixture"])
def test_a_kill_while_a_fit_or_its_cache_is_written_costs_only_the_run(model, tmp_path, tally):
    """A fit is killed while it writes its checkpoint or the cache; the next one is as good as new."""
    asked = [*TINY, *f"model={model}".split()]
    clean = tmp_path / "clean"
    assert forked(run, clean, *asked) == 0
    draw = random.Random(2)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        part = draw.choice(["cache/", "checkpoints/"])
        forked(run_and_die, folder, asked, part, draw.randint(1, 3), draw.choice(DELAYS))
        tally(1)
        assert forked(run, folder, *asked) == 0
        assert_same(weights(latest(folder)), weights(latest(clean)))
        tally(0, survived=1)


def test_a_killed_evaluation_leaves_the_network_and_the_next_evaluation_alone(tmp_path, tally):
    """An evaluation is killed while it writes; the same evaluation then runs."""
    assert forked(run, tmp_path, *ASKED) == 0
    trained, draw = latest(tmp_path), random.Random(3)
    before = weights(trained)
    asked = ["compare=quick", "compare.count=4", "logger=none", f"checkpoint={trained}"]

    for _ in range(6):
        forked(run_and_die, tmp_path, asked, "/runs/", draw.randint(1, 20), draw.choice(DELAYS), "evaluate")
        tally(1)
        assert_same(weights(trained), before)
        assert forked(evaluate, tmp_path, *asked) == 0
        assert read_status(latest(tmp_path))["state"] == "finished"
        tally(0, survived=1)


def evaluate(folder: Path, *asked: str) -> None:
    run(folder, *asked, task="evaluate")


def test_a_full_disk_tears_no_checkpoint(tmp_path, uninterrupted, tally):
    """A disk is full when a checkpoint is written; with room made, the run resumes to the same weights."""
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=16m none {small} 2>/dev/null") != 0:
        pytest.skip("no right to mount a small file system")
    try:
        ballast = small / "ballast"
        for kept in range(1, 13):  # parts of 3/4 MiB that stay free at first; a checkpoint has 2.5 MiB
            folder = small / str(kept)
            free = os.statvfs(small).f_bavail * os.statvfs(small).f_bsize
            ballast.write_bytes(b"0" * max(0, free - kept * 3 * 2**18))
            code = forked(run, folder, *ASKED)
            tally(1)
            ballast.unlink()
            if code:
                runs = sorted((folder / "runs").glob("2*")) if (folder / "runs").is_dir() else []
                again = [f"resume={runs[0]}"] if runs and (runs[0] / "config.yaml").is_file() else []
                assert forked(run, folder, *ASKED, *again) == 0, kept
            assert_same(weights(sorted((folder / "runs").glob("2*"))[-1]), weights(uninterrupted))
            tally(0, survived=1)
            os.system(f"rm -rf {folder}")
    finally:
        os.system(f"umount {small}")


def test_what_a_run_raises_is_told(tmp_path):
    """A process that is to be killed ends with an error by itself where its run fails."""
    assert forked(run, tmp_path, *TINY, "data.subset=0") != 0
    assert issubclass(app.RunStopped, KeyboardInterrupt)
