"""Configs of one's own, beside those that ship: by --config-dir and by $LOCALITY_CONFIGS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CONFIGS
from omegaconf import OmegaConf

from locality import cli
from locality.choices import Choices, spelled
from locality.config import UsageError

FIT = ["data=digits", "data.subset=60", "logger=none", "trainer.accelerator=cpu", "model=analytic"]
EXAMPLE = CONFIGS.parent / "examples" / "own_denoiser.py"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own: a denoiser, its config, and an experiment with it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.delitem(sys.modules, "shrunk", raising=False)
    folder = tmp_path / "it's, [mine] é"
    (folder / "denoiser").mkdir(parents=True)
    (folder / "shrunk.py").write_text(EXAMPLE.read_text())
    first = "# python train.py model=analytic denoiser=shrunk     pixels on their own; no time\n"
    (folder / "denoiser" / "shrunk.yaml").write_text(first + "_target_: shrunk.Shrink.fit\n")
    (folder / "experiment").mkdir()
    OmegaConf.save({"seed": 7, "trainer": {"max_epochs": 9}}, folder / "experiment" / "seven.yaml")
    path = folder / "experiment" / "seven.yaml"
    path.write_text("# @package _global_\n" + path.read_text())
    return folder


@pytest.fixture(params=["--config-dir", "LOCALITY_CONFIGS"])
def command(request, mine, monkeypatch, capsys):
    """A command that knows the folder; gives what it prints and its exit code."""

    def run(task: str, *arguments: str) -> tuple[str, int]:
        options = [f"--config-dir={mine}"] if request.param == "--config-dir" else []
        if not options:
            monkeypatch.setenv("LOCALITY_CONFIGS", str(mine))
        monkeypatch.setattr(sys, "argv", [f"{task}.py", *options, *arguments])
        code = 0
        try:
            cli.main(task, CONFIGS)
        except SystemExit as stopped:
            code = stopped.code
        printed = capsys.readouterr()
        return printed.out + printed.err, code

    return run


def test_a_denoiser_of_ones_own_is_fitted_with_its_python_beside_its_config(command, tmp_path):
    printed, code = command("train", *FIT, "denoiser=shrunk")
    assert code == 0, printed
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if not path.is_symlink())
    assert OmegaConf.load(folder / "config.yaml").denoiser._target_ == "shrunk.Shrink.fit"


def test_processes_that_it_starts_find_the_python_too(command):
    """Ranks are processes of their own, which read the config of the run and not the command line."""
    printed, code = command("train", *FIT, "denoiser=shrunk", "dry_run=true")
    assert code == 0, printed
    subprocess.run([sys.executable, "-c", "import shrunk"], check=True)


def test_a_sweep_over_ones_own_and_ours(command, tmp_path):
    printed, code = command("train", "-m", *FIT, "denoiser=shrunk,wiener")
    assert code == 0, printed
    assert len([path for path in (tmp_path / "runs").iterdir() if not path.is_symlink()]) == 2


def test_a_row_of_ones_own_in_a_comparison(command):
    asked = ["compare=quick", "data=digits", "+denoiser@candidates.mine=shrunk"]
    printed, code = command("evaluate", *asked, "dry_run=true")
    assert code == 0, printed
    assert OmegaConf.create(printed).candidates.mine == {"_target_": "shrunk.Shrink.fit"}


def test_what_is_typed_wins_over_an_experiment_of_ones_own(command):
    printed, code = command("train", "experiment=seven", "trainer=smoke", "data=digits", "dry_run=true")
    assert code == 0, printed
    cfg = OmegaConf.create(printed)
    assert (cfg.seed, cfg.trainer.max_epochs) == (7, 2)


@pytest.mark.parametrize("word", ["denoiser=shrunck", "experiment=sevn"])
def test_the_nearest_names_are_ones_own_too(command, word):
    printed, code = command("train", word)
    assert code == 2
    assert "Did you mean" in printed


def test_the_list_has_them_with_a_line_each(command):
    printed, code = command("train", "--list")
    assert code == 0
    assert any(
        " ".join(line.split()) == "shrunk pixels on their own; no time" for line in printed.splitlines()
    )


@pytest.mark.parametrize("task", ["train", "evaluate"])
def test_the_list_of_a_command_has_its_own_recipes(command, task):
    printed, _ = command(task, "--list")
    firsts = [line.split()[0] for line in printed.splitlines() if line.startswith("  ") and line[2] != " "]
    own = f"# python {task}.py"
    for file in (CONFIGS / "experiment").glob("*.yaml"):
        if file.stem not in Choices(CONFIGS).names("compare"):  # a comparison may have the name of its recipe
            head = file.read_text().replace("# make demo", "# python train.py")
            assert (file.stem in firsts) == (own in head), file.stem
    assert "seven" in firsts  # one's own, that says nothing of a single command


@pytest.mark.parametrize(
    ("task", "recipe"),
    [("train", "cifar_table"), ("train", "information"), ("evaluate", "cats_cpu"), ("evaluate", "demo")],
)
def test_a_recipe_says_which_command_it_is_for(command, task, recipe):
    other = "evaluate" if task == "train" else "train"
    said = f"{task}.py: experiment={recipe}: a recipe for {other}.py, not for {task}.py\n"
    assert command(task, f"experiment={recipe}") == (said, 2)


def test_the_list_says_what_every_choice_is_in_100_columns():
    lines = Choices(CONFIGS).described().splitlines()
    assert all(len(line) <= 100 for line in lines)
    for group in Choices(CONFIGS).groups():
        for name in Choices(CONFIGS).names(group):
            told = [line for line in lines if line.startswith(f"  {name} ")]
            assert told, f"{group}={name}: no line on what it is"


WRONG = {
    "nowhere": (lambda folder: folder / "nope", "want a folder of configs, and there is none"),
    "a file": (lambda folder: folder / "shrunk.py", "want a folder of configs, and there is none"),
    "a group": (lambda folder: folder / "denoiser", "such as denoiser/denoiser/mine.yaml"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_folder_that_is_none_is_one_line(wrong, mine, monkeypatch, capsys):
    place, told = WRONG[wrong]
    monkeypatch.setattr(sys, "argv", ["train.py", "--config-dir", str(place(mine)), "dry_run=true"])
    with pytest.raises(SystemExit) as stopped:
        cli.main("train", CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert line.startswith("train.py: --config-dir=")
    assert told in line


@pytest.mark.parametrize("name", ["denoiser/wiener.yaml", "model/sizes/cats_cpu_unet.yaml", "train.yaml"])
def test_a_name_that_ships_is_not_given_a_second_meaning(name, mine):
    (mine / name).parent.mkdir(parents=True, exist_ok=True)
    (mine / name).write_text("seed: 1\n")
    with pytest.raises(UsageError, match=r"has a .*, too; give yours another name"):
        Choices.of(CONFIGS, str(mine))


def test_two_folders_of_ones_own_are_searched_and_one_named_twice_counts_once(mine, tmp_path, monkeypatch):
    other = tmp_path / "other" / "data"
    other.mkdir(parents=True)
    (other / "more.yaml").write_text("a: 1\n")
    monkeypatch.setenv("LOCALITY_CONFIGS", os.pathsep.join([str(mine), "", str(other.parent), str(CONFIGS)]))
    choices = Choices.of(CONFIGS, "./" + mine.name)
    assert choices.own == (mine, other.parent)
    assert {"more", "photos"} <= set(choices.names("data"))
    assert choices.file("data", "more") == other / "more.yaml"


def test_a_broken_config_of_ones_own_is_one_line(mine, monkeypatch, capsys):
    (mine / "denoiser" / "torn.yaml").write_text("a: [1\n")
    asked = ["--config-dir", str(mine), "model=analytic", "denoiser=torn"]
    monkeypatch.setattr(sys, "argv", ["train.py", *asked])
    with pytest.raises(SystemExit) as stopped:
        cli.main("train", CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert "torn.yaml" in line


def test_a_launcher_that_is_not_installed_names_its_extra(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "hydra/launcher=submitit_nowhere", "seed=0,1"])
    with pytest.raises(SystemExit) as stopped:
        cli.main("train", CONFIGS)
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert line.startswith(
        "train.py: hydra/launcher=submitit_nowhere: not installed; pip install 'locality[launchers]'"
    )


def test_values_are_spelled_for_hydra():
    assert spelled({"a": [1, None, True], "b": "it's"}) == "{a:[1,null,true],b:'it\\'s'}"


def test_the_shell_completes_choices():
    environment = {**os.environ, "COMP_LINE": "python train.py data=fashion_", "COMP_POINT": "28"}
    done = subprocess.run(
        [sys.executable, CONFIGS.parent / "train.py", "-sc", "query=bash"],
        env=environment, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["data=fashion_mnist", "data=fashion_pattern"]
