"""Every mistake ends in one line and exit code 2, and leaves no folder behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from conftest import CONFIGS
from tiny_runs import NETWORK, TINY, config, latest

from locality import app, cli
from locality.config import UsageError

pytestmark = pytest.mark.usefixtures("no_pictures")

DIGITS = ["data=digits", "data.subset=103", "logger=none", "trainer=smoke", "trainer.accelerator=cpu"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """A command with a mistake in it; gives the line that it ends in."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(task: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [f"{task}.py", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main(task, CONFIGS)
        (line,) = capsys.readouterr().err.splitlines()
        assert stopped.value.code == 2, line
        assert line.startswith(f"{task}.py: ")
        assert not (tmp_path / "runs").exists()
        return line

    return run


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        ("train", "data=null", "data: want one of"),
        ("train", "model=null", "model: want one of"),
        ("train", "trainer=null", "trainer: want one of"),
        ("train", "logger=null", "logger: want one of none, wandb, wandb_online, got null"),
        ("evaluate", "compare=null", "compare: want one of"),
        ("train", "model=analytic denoiser=null", "denoiser: want one of"),
        ("train", "data=gaussian pattern@data.pattern=cross", "use +pattern@data.pattern=cross"),
        ("train", "data=photos_pattern +pattern@data.pattern=cross", "leave the + out"),
        ("train", "data=photos_pattern pattern@data.pattern=cros", "no pattern named 'cros'. Did you mean"),
        ("train", "compare=quick", "a choice of evaluate.py, not of train.py"),
        ("evaluate", "model=unet", "a choice of train.py, not of evaluate.py"),
        ("evaluate", "denoiser=wiener", "use +denoiser@candidates.wiener=wiener"),
        ("train", "gamma=0.5 data=photos data.pattern=cross", "such as pattern=cross"),
        ("train", "data=digits data.pattern=foo", "want the settings of a pattern, got 'foo'"),
        ("train", "trainer.max_epochs=abc", "trainer.max_epochs: want a whole number from 1"),
        ("train", "trainer.max_epochs=-1", "trainer: want a bound"),
        ("train", "trainer.limit_train_batches=abc", "trainer.limit_train_batches: want batches from 1"),
        ("train", "samples.count=x", "samples.count"),
        ("train", "snapshots=3", "snapshots"),
        ("evaluate", "compare=quick data.subset=10", "data.subset: want data=<name>, too, such as data=afhq"),
        ("evaluate", "compare=quick data=digits data.subst=10", "no setting named 'data.subst'"),
        (
            "train",
            "data=digits_pattern gamma=-0.3",
            "gamma: want a strength from 0 to 10 pixel units, got -0.3",
        ),
        ("train", "data=digits_pattern gamma=1e9", "gamma: want a strength from 0 to 10"),
        ("train", "data=digits_pattern data.gamma=-1", "data.gamma: want a strength from 0 to 10"),
        ("train", "-m data=digits_pattern gamma=0,abc", "gamma: Value 'abc'"),
        ("train", "-m data=digits,dgits", "no data named 'dgits'"),
        ("train", "-m seed=glob(*)", "glob(...) is for groups of configs"),
        ("train", "-m data=glob(zz*)", "no choice of data is like that. There are: afhq,"),
        ("train", "snapshots={a:1}", "snapshots={a:1}: Cannot merge"),
        ("train", "data", "data: want data=<value>"),
        ("train", "seed=-1", "seed: want a whole number from 0 to 4294967295, got -1"),
        ("train", "resume=", "resume: want a path, got nothing"),
        ("evaluate", "checkpoint=hub:", "pretrained=hub:: want a folder that diffusers saved, or hub:<an id"),
        ("evaluate", "checkpoint=", "checkpoint: want a path, got nothing"),
        ("evaluate", "compare=pattern networks=twin", "networks: want at least one, such as"),
        ("train", "data.batch_size.=1", "no setting named 'data.batch_size.'"),
        ("train", "data..batch_size=1", "no setting named 'data..batch_size'"),
        ("train", ".seed=1", "no setting named '.seed'"),
        ("train", "data.batch_size.x=1", "no setting named 'data.batch_size.x'"),
        ("train", "runs=a=b", """put quotes around the value: 'runs="a=b"'"""),
        ("train", "runs=~nobody-of-that-name/x", "cannot be read as <key>=<value>"),
        ("train", "seed='1", "cannot be read as <key>=<value>"),
        ("train", "runs=${", "cannot be read as <key>=<value>"),
        ("train", "runs=${nope}", "nope"),
        ("train", "runs=${runs}", "runs: "),
        ("train", "runs=${oc.env:NOPE_AT_ALL}", "NOPE_AT_ALL"),
        ("train", "runs=/etc/passwd", "runs=/etc/passwd: want a folder, and /etc/passwd is none"),
        ("train", "runs=/etc/passwd/below", "want a folder, and /etc/passwd is none"),
        ("train", "cache=/etc/passwd", "cache=/etc/passwd: want a folder"),
        ("train", "cache=None", "cache: got None, a word of Python; for nothing give cache=null"),
        ("train", "resume=None", "resume: got None, a word of Python"),
        ("train", "runs=", "runs: want a path, got nothing"),
        ("train", f"runs={'x' * 300}", "File name too long"),
        ("evaluate", f"checkpoint={'x' * 300}", "File name too long"),
        ("train", "runs=\udcff", "want text in UTF-8, got 'runs="),
        ("train", "data=digits +data.root='\udcff'", "want text in UTF-8"),
        ("train", "trainer.limit_test_batches=0", "trainer.limit_test_batches: want batches from 1"),
        ("train", "+trainer.overfit_batches=1", "trainer.overfit_batches: want 0; to learn few images"),
        ("train", "+trainer.fast_dev_run=true", "trainer.fast_dev_run: want false"),
        ("train", "+trainer.logger=false", "trainer.logger: want it left out"),
        ("train", "model=mlp model._target_=null", "model._target_: want the name of what to build"),
        ("train", "--nope", "unrecognized arguments: --nope; see --help"),
        ("train", "--cfg nope", "invalid choice: 'nope'"),
        ("train", "seed=1 -m seed=1,2", "give options, such as -m, before all settings"),
        ("evaluate", "networks=[null]", "networks: want paths, such as runs/<run>, got None"),
        ("evaluate", "networks={a:3}", "networks: want paths, such as runs/<run>, got 3"),
        ("evaluate", "candidates.nearest=-1", "candidates.nearest: want settings with a _target_"),
        ("train", "data.source._target_=[null]", "data.source._target_: want the name of what to build"),
    ],
)
def test_a_mistake_in_the_arguments(task, arguments, message, told):
    assert message in told(task, *arguments.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("data.flip=maybe", "flip: want true or false, got 'maybe'"),
        ("data.flip=no", "flip: want true or false, got 'no'"),
        ("data.seed=x", "seed: want a whole number, got 'x'"),
        ("data.image_seed=abc", "image_seed: want a whole number, got 'abc'"),
        ("data.batch_size=x", "batch_size: want at least 1 image, a whole number, got 'x'"),
        ("data.batch_size=0", "batch_size: want at least 1"),
        ("model.network.channels=[32,36]", "channels: want multiples"),
        ("data.source=null", "source: want a function"),
        ("+data.pixels=5", "pixels: want names"),
        ("+data.root=3", "root: want the path"),
        ("+data.source.sise=8", "sise"),
        ("model.learning_rate=abc", "learning_rate: want a number above 0, to 1e36, got 'abc'"),
        ("model.learning_rate=-1", "learning_rate: want a number above 0, to 1e36, got -1"),
        ("model.weight_decay=-1", "weight_decay: want a number from 0"),
        ("model.ema_decay=2", "ema_decay: want a number in [0, 1), got 2"),
        ("samples.count=0", "samples.count: want at least 1, got 0"),
        ("samples.every_n_epochs=0", "samples.every_n_epochs: want at least 1"),
        ("samples.steps=2000", "steps: want 1 to 1000, got 2000"),
        ("snapshots=[0]", "snapshots: want optimiser steps from 1"),
        ("trainer.precision=foo", "lightning.Trainer: "),
        ("trainer.devices=abc", "lightning.Trainer: "),
        ("trainer=ddp data.batch_size=63", "batch_size=63 is the batch over all ranks"),
        ("model=analytic denoiser=local_score denoiser.patch_size=4", "denoiser: patch_size"),
        ("model=analytic denoiser=pca_locality denoiser.softmax=foo", "denoiser: softmax"),
        ("model=wiener denoiser.shrinkage=foo", "denoiser: shrinkage"),
        ("logger=wandb logger.wandb=foo", "logger.wandb: want one of"),
        ("trainer.limit_test_batches=0.001", "trainer.limit_test_batches: 0.001 of"),
        ("trainer.limit_val_batches=1e-9", "is none; want at least one"),
        ("model.network.layers=abc", "model.network.layers: want a whole number, got 'abc'"),
        ("model.network.layers=null", "model.network.layers: want a whole number, got None"),
        ("model.network.dropout=nan", "model.network.dropout: want a finite number, got nan"),
        ("model.network.channels=3", "model.network.channels: want a list of whole numbers, got 3"),
        ("+model.network.foo=3", "foo"),
        (
            "+trainer.accumulate_grad_batches=99999999999999999999",
            "accumulate_grad_batches: want a whole number",
        ),
        ("+trainer.profiler=nan", "trainer.profiler: want"),
        (
            "model=analytic denoiser=nearest denoiser.chunk_size=abc",
            "denoiser.chunk_size: want a whole number or null",
        ),
        ("model=analytic denoiser._target_=builtins.dict", "denoiser"),
        ("model._target_=nope", "nope: "),
        ("model._target_=builtins.dict", "model: want a _target_ that makes a DenoiserModule"),
        ("trainer._target_=builtins.dict", "trainer: want a _target_ that makes a Trainer"),
        ("runs=/proc/nope", "runs=/proc/nope: no folder can be made there"),
    ],
)
def test_a_value_that_only_a_builder_can_judge(arguments, message, told, caplog):
    assert message in told("train", *DIGITS, *arguments.split())
    assert caplog.records == []  # which a terminal would show as further lines


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(told):
    assert "gpu" in told("train", "data=digits", "logger=none", "trainer=gpu")


def test_wandb_without_a_login_or_with_a_mode_that_there_is_not(told, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))  # no .netrc
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    online = [*(option for option in DIGITS if option != "logger=none"), "logger=wandb_online"]
    assert "wandb login" in told("train", *online)
    monkeypatch.setenv("WANDB_MODE", "bogus")
    assert "WANDB_MODE: want one of offline, online, disabled, got 'bogus'" in told("train", *online)


def test_what_is_not_there(told):
    assert "CelebA-HQ" in told("train", "data=celeba_hq", "logger=none")
    found = told("evaluate", "logger=none")
    assert (
        "checkpoint=auto: no finished training run in runs/, and none ships; train one: python train.py"
        in found
    )
    found = told("evaluate", "compare=larger", "data=digits", "logger=none")
    first = "python train.py model=wiener denoiser.shrinkage=ledoit_wolf data=digits"
    assert found.endswith(f"this comparison wants model=wiener: {first}, then checkpoint=runs/latest")
    assert "checkpoint=runs/nope: no checkpoint there" in told("evaluate", "checkpoint=runs/nope")


def test_a_download_that_fails_is_one_line_on_stderr(told, monkeypatch):
    def offline(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.datasets.CIFAR10", offline)
    assert "the download failed (no network)" in told("train", "data=cifar", "logger=none")


def test_a_warning_is_a_note_on_stdout(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", *DIGITS, "data.subset=50", "model=wiener"])
    cli.main("train", CONFIGS)
    printed = capsys.readouterr()
    assert "note: 50 images for 64 coordinates" in printed.out
    assert printed.err == ""


def test_the_tilde_is_the_home_folder_in_a_sweep_too(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", *DIGITS, "seed=0,1", "model=wiener", "runs=~/x"])
    cli.main("train", CONFIGS)
    assert len(list((tmp_path / "home" / "x").glob("2*"))) == 2
    assert not (tmp_path / "~").exists()


def test_a_file_that_is_no_checkpoint(told, tmp_path):
    (tmp_path / "README.md").write_text("# Not weights\n")
    assert "README.md: not a checkpoint of train.py" in told("evaluate", "checkpoint=README.md")


def test_a_bug_before_the_run_folder_is_one_line_too(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", *DIGITS])
    monkeypatch.setattr(app, "Training", lambda cfg: 1 / 0)
    with pytest.raises(SystemExit) as stopped:
        cli.main("train", CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 1
    path = Path(line.partition("(traceback: ")[2].removesuffix(")"))
    assert "ZeroDivisionError" in path.read_text()
    path.unlink()


def test_a_sweep_leaves_nothing_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", *DIGITS, "seed=0,1", "model=wiener"])
    cli.main("train", CONFIGS)
    names = [path.name for path in (tmp_path / "runs").iterdir() if not path.is_symlink()]
    assert len(names) == 2
    assert all("wiener" in name for name in names)


def test_a_sweep_goes_on_after_a_job_that_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    sweep = [each for each in DIGITS if not each.startswith("data.subset")]
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", *sweep, "data.subset=99999,100", "model=wiener"])
    with pytest.raises(SystemExit) as stopped:
        cli.main("train", CONFIGS)
    assert stopped.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train.py: ")]
    assert line.startswith("train.py: job 0: ")
    assert "99999" in line
    (folder,) = [path for path in (tmp_path / "runs").iterdir() if not path.is_symlink()]
    assert "subset: 100" in (folder / "config.yaml").read_text()


def test_images_of_another_shape_or_damaged_are_told_before_the_run(tmp_path, monkeypatch):
    app.run(config(tmp_path, *TINY, *NETWORK))
    trained = latest(tmp_path)
    asked = ["trainer.accelerator=cpu", "logger=none", f"checkpoint={trained}"]
    with pytest.raises(UsageError, match="trained on images of 1 x 8 x 8, and the data have 3 x 16 x 16"):
        app.run(config(tmp_path, "data=gaussian", *asked, task="evaluate"))
    monkeypatch.setattr("locality.data.handwriting.check_split", _damaged_test_images)
    with pytest.raises(UsageError, match=r"test\.bin is damaged"):
        app.run(config(tmp_path, *TINY, *NETWORK))
    assert latest(tmp_path) == trained  # no folder for either


def _damaged_test_images(split: str) -> None:
    if split == "test":
        raise ValueError("test.bin is damaged")
