"""The command line as a user meets it: what it prints, how it exits, what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CONFIGS
from hydra import compose, initialize_config_dir

from locality import cli

ROOT = CONFIGS.parent


def run(
    cwd: Path, script: str, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "LOCALITY_DATA"} | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *options, str(ROOT / script), *arguments],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def was_imported(done: subprocess.CompletedProcess[str], library: str) -> bool:
    """Whether a process that ran under `-X importtime` imported a library."""
    return any(line.split("|")[-1].strip() == library for line in done.stderr.splitlines() if "|" in line)


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_help_shows_examples_and_imports_nothing_heavy(script, tmp_path):
    done = run(tmp_path, script, "--help", options=("-X", "importtime"))
    assert done.returncode == 0
    assert f"python {script} " in done.stdout
    assert was_imported(done, "hydra")
    assert not any(was_imported(done, library) for library in ("torch", "lightning", "wandb", "matplotlib"))


def test_options_may_follow_the_settings(tmp_path):
    settings = ["experiment=fashion_cpu", "trainer=smoke", "pattern=cross", "gamma=.5"]
    done = run(tmp_path, "train.py", *settings, "--cfg", "job")
    assert "max_epochs: 2" in done.stdout, done.stderr
    assert "locality.data.cross" in done.stdout


def test_list_names_every_choice(tmp_path):
    done = [run(tmp_path, f"{task}.py", "--list").stdout for task in ("train", "evaluate")]
    for group in CONFIGS.iterdir():
        if group.is_dir() and any(group.glob("*.yaml")):
            printed = "".join(done) if group.name == "experiment" else done[0]  # recipes are of one of them
            assert all(file.stem in printed for file in group.glob("*.yaml")), group


@pytest.mark.parametrize(("given", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
@pytest.mark.parametrize("command", ["locality.cli", "locality.export"])
def test_idle_threads_sleep_unless_the_user_says_otherwise(command, given, expected, tmp_path):
    code = f"""
import os, sys
class Watch:
    def find_spec(self, name, *rest):
        if name == "torch":
            print("policy", os.environ.get("OMP_WAIT_POLICY"))
            raise SystemExit
sys.meta_path.insert(0, Watch())
import {command}, torch
"""
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"} | given
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert f"policy {expected}" in done.stdout, done.stderr


MISTAKES = [
    (["data=cifar_patern"], "no data named 'cifar_patern'. Did you mean 'cifar_pattern'"),
    (["gama=0.5"], "no setting named 'gama'. Did you mean 'gamma'?"),
    (["gamma=0.5"], "gamma=0.5: the data have no pattern; add pattern=letter_w"),
    (["gamma=abc"], "gamma: Value 'abc'"),
    (["model.learning_rat=1"], "no setting named 'model.learning_rat'. Did you mean 'model.learning_rate'"),
    (["trainer.max_epoch=1"], "no setting named 'trainer.max_epoch'. Did you mean 'trainer.max_epochs'"),
    (["+x=1"], "no setting named 'x'"),
    (["~data"], "data: want one of configs/data"),
    (["resume=runs/nope"], "resume=runs/nope: no run there"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_a_mistake_ends_in_one_line_before_torch_is_imported(arguments, message, tmp_path):
    done = run(tmp_path, "train.py", *arguments, options=("-X", "importtime"))
    lines = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
    assert done.returncode == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"train.py: {message}")
    assert not was_imported(done, "torch")
    assert list(tmp_path.iterdir()) == [tmp_path / "cache"] or not list(tmp_path.iterdir())


def test_dry_run_prints_the_config_and_leaves_nothing(tmp_path):
    done = run(tmp_path, "train.py", "data=photos_pattern", "gamma=0.5", "dry_run=true")
    assert done.stdout.endswith("\n# names fit; a run checks values and files, too\n")  # a comment of YAML
    assert done.returncode == 0
    assert "gamma: 0.5" in done.stdout
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("script", ["train", "evaluate"])
def test_every_choice_of_every_group_composes(script):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        groups = ["data", "trainer", "logger", *(["model", "denoiser"] if script == "train" else ["compare"])]
        for group in groups:
            for file in (CONFIGS / group).glob("*.yaml"):
                assert compose(script, [f"{group}={file.stem}"])[group]


@pytest.mark.slow
def test_the_two_commands_of_the_readme_find_each_other(tmp_path):
    small = ["logger=none", "data=digits", "data.subset=100", "trainer=smoke", "trainer.accelerator=cpu"]
    small += ["model.network.channels=[32]", "model.network.layers=1", "samples.count=2", "samples.steps=2"]
    trained = run(tmp_path, "train.py", *small)
    assert trained.returncode == 0, trained.stderr
    fitted = run(tmp_path, "train.py", "logger=none", "data=digits", "model=wiener")
    assert fitted.returncode == 0, fitted.stderr
    compared = run(tmp_path, "evaluate.py", "compare=quick", "compare.count=8", "logger=none")
    assert compared.returncode == 0, compared.stderr
    # The newest run is a filter, not a network: auto takes the network, and says so.
    assert "checkpoint=auto: runs/" in compared.stdout
    assert "digits-unet" in compared.stdout
    assert "wiener" in compared.stdout
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()


@pytest.mark.parametrize("option", ["--help", "--list"])
def test_help_may_be_left_unread(option):
    asked = f"{sys.executable} {ROOT / 'train.py'} {option} | true"  # which reads nothing
    done = subprocess.run(asked, shell=True, capture_output=True, text=True, timeout=100, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("option", ["--help", "--list"])
def test_who_calls_it_in_a_program_has_its_pipes_as_before(option, monkeypatch, capsys):
    before = signal.getsignal(signal.SIGPIPE)
    monkeypatch.setattr(sys, "argv", ["train.py", option])
    with contextlib.suppress(SystemExit):
        cli.main("train", ROOT / "configs")
    assert capsys.readouterr().out
    assert signal.getsignal(signal.SIGPIPE) == before
