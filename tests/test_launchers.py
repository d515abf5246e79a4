"""Sweeps whose jobs other processes do: errors and exit codes come back, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tiny_runs import ROOT, started

from locality.runs.jobs import Sweep, carry_out, current

PLUGINS = {"joblib": "joblib", "submitit_local": "submitit", "ray": "ray"}
SMALL = {"ray": ["+hydra.launcher.ray.init.num_cpus=2", "+hydra.launcher.ray.init.include_dashboard=false"]}
LAUNCHERS = ["joblib", *(pytest.param(one, marks=pytest.mark.faults) for one in ("submitit_local", "ray"))]
WIENER = ["data=digits", "logger=none", "trainer.accelerator=cpu", "model=wiener"]


def need(launcher: str) -> list[str]:
    """What asks for it; skips the test where its plugin is not installed."""
    pytest.importorskip(f"hydra_plugins.hydra_{PLUGINS[launcher]}_launcher")
    return [f"hydra/launcher={launcher}", *SMALL.get(launcher, [])]


def run_folders(place: Path) -> list[Path]:
    return sorted(path for path in (place / "runs").glob("2*"))


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_job_that_fails_reaches_the_terminal_and_the_exit_code(launcher, tmp_path):
    asked = ["-m", *need(launcher), *WIENER]
    process = started("train.py", *asked, "data.subset=99999,100", cwd=tmp_path)
    _, errors = process.communicate(timeout=400)
    assert process.returncode == 2, errors
    (line,) = [line for line in errors.splitlines() if line.startswith("train.py: ")]
    assert line.startswith("train.py: job 0: ")
    assert "99999" in line
    (whole,) = run_folders(tmp_path)
    assert json.loads((whole / "status.json").read_text())["state"] == "finished"
    assert "data.subset=99999,100" in json.loads((whole / "sessions.json").read_text())[0]["command"]
    left = tmp_path / "runs" / ".sweep"
    kept = {path.name for path in left.iterdir()} if left.exists() else set()
    assert kept == ({".submitit"} if launcher == "submitit_local" else set())  # with what the jobs printed
    if launcher != "joblib":
        again = started("train.py", *asked, "data.subset=100,120", "sweep=resume", cwd=tmp_path)
        again.communicate(timeout=400)
        assert again.returncode == 0
        assert len(run_folders(tmp_path)) == 2


@pytest.mark.faults
def test_the_first_ctrl_c_lets_the_jobs_that_run_save_and_begins_no_other(tmp_path):
    network = ["data=digits_pattern", "model=mlp", "logger=none", "trainer.accelerator=cpu"]
    asked = ["-m", *need("joblib"), "hydra.launcher.n_jobs=1", *network, "seed=0,1", "trainer.max_epochs=500"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *asked],
        cwd=tmp_path, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 200
    while not list(tmp_path.glob("runs/2*/checkpoints/last.ckpt")) and time.monotonic() < end:
        time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    printed, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert "stopping: no further job begins" in printed
    assert "train.py: job 0: stopped by SIGINT" in errors
    assert "Traceback" not in errors
    (folder,) = run_folders(tmp_path)
    assert json.loads((folder / "status.json").read_text())["state"] == "interrupted"
    assert not (tmp_path / "runs" / ".sweep").exists()


def begun(place: Path, launcher: str = "JoblibLauncher") -> Sweep:
    """A sweep in `place`, as Hydra begins it."""
    sweep = Sweep()
    node = {"sweep": {"dir": str(place / "runs" / ".sweep")}, "launcher": {"_target_": f"x.{launcher}"}}
    sweep.on_multirun_start(OmegaConf.create({"hydra": {**node, "overrides": {"task": ["seed=0,1"]}}}))
    return sweep


def test_a_job_whose_process_was_killed_is_told_of(tmp_path, capsys):
    def launch() -> None:
        sweep = begun(tmp_path)
        sweep.end()
        sweep.number = 1
        sweep.begin()
        note = sweep.folder / "1.json"
        gone = json.loads(note.read_text())
        gone["process"]["started"] = "long ago"
        note.write_text(json.dumps(gone))
        raise RuntimeError("a worker was killed")

    assert carry_out(launch) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2][:35] for line in lines] == [
        "RuntimeError: a worker was killed",
        "job 1: its process is gone, or on a",
    ]
    assert current() is None
    assert list(tmp_path.iterdir()) == []


def test_what_fails_before_a_job_begins_is_for_others_to_explain(tmp_path):
    def launch() -> None:
        begun(tmp_path)
        raise LookupError("no such launcher")

    with pytest.raises(LookupError):
        carry_out(launch)


@pytest.mark.parametrize("launcher", ["JoblibLauncher", "LocalLauncher"])
def test_jobs_are_told_of_where_their_terminal_is_elsewhere(launcher, tmp_path, capsys):
    def launch() -> None:
        sweep = begun(tmp_path, launcher)
        sweep.settings = "seed=0"
        sweep.begin()
        time.sleep(1)
        sweep.end()

    assert carry_out(launch) == 0
    printed = capsys.readouterr().out
    assert ("job 0 began: seed=0" in printed and "job 0 ended" in printed) == (launcher == "LocalLauncher")


def test_a_sweep_has_one_name_however_it_is_launched():
    def name(*settings: str) -> str:
        from locality.runs import jobs

        return jobs._name(settings)

    assert name("gamma=0,1", "seed=0") == name("seed=0", "gamma=0,1", "sweep=resume", "runs=elsewhere")
    assert name("gamma=0,1") != name("gamma=0,2")
