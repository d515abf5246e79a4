"""Damaged networks end in one line that names the file, wherever they are read; none is half loaded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler
from omegaconf import OmegaConf
from planted_files import DATA, MODEL, exported, run_folder
from safetensors.torch import load_file, save_file
from test_hub import network

import locality
from locality import build
from locality.config import UsageError
from locality.export import main
from locality.networks.weights import COMPILED
from locality.runs.checkpoint_file import read_checkpoint, write_checkpoint

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
Damage = Callable[[Path], object]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder of diffusers."""
    DDPMPipeline(network(), DDPMScheduler()).save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """An exported network, without digests."""
    return exported(tmp_path / "ours", MODEL, DATA, build.module(MODEL, (1, 8, 8)).state_dict())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def renamed(path: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(path)), path)


def without_first(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return dict(list(state.items())[1:])


def wider(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([value, value]) for name, value in state.items()}


def compiled(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.replace("denoiser.net.", f"denoiser.net.{COMPILED}"): v for name, v in state.items()}


def changed(path: Path, **change: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


WEIGHTS, WANTED = "diffusion_pytorch_model.safetensors", "want a config in YAML"
BROKEN = "json: want JSON"
OF_WEIGHTS: dict[str, tuple[Damage, str]] = {
    "pointer": (lambda file: file.write_text(POINTER), "git lfs pull"),
    "cut": (cut, "damaged"),
    "empty": (lambda file: file.write_bytes(b""), "damaged"),
    "text": (lambda file: file.write_text("not found"), "damaged"),
    "missing": (lambda file: renamed(file, without_first), "1 missing"),
    "extra": (lambda file: renamed(file, lambda s: {**s, "new": torch.ones(1)}), r"1 unknown \(new\)"),
    "wider": (lambda file: renamed(file, wider), "of another shape"),
}
OF_DIFFUSERS: dict[str, tuple[Damage, str]] = {
    **{
        name: (lambda folder, _act=act: _act(folder / "unet" / WEIGHTS), want)
        for name, (act, want) in OF_WEIGHTS.items()
    },
    "no weights": (lambda folder: (folder / "unet" / WEIGHTS).unlink(), "no weights there"),
    "empty index": (lambda folder: (folder / "model_index.json").write_text(""), BROKEN),
    "broken index": (lambda folder: cut(folder / "model_index.json"), BROKEN),
    "a list": (lambda folder: (folder / "model_index.json").write_text("[1]"), "want names and values"),
    "empty config": (lambda folder: (folder / "unet/config.json").write_text(""), BROKEN),
    "bytes": (lambda folder: (folder / "unet/config.json").write_bytes(b"\xff\xfe{"), BROKEN),
    "config pointer": (lambda folder: (folder / "unet/config.json").write_text(POINTER), "git lfs pull"),
    "no config": (lambda folder: (folder / "unet/config.json").unlink(), "want a UNet2DModel"),
    "another class": (lambda f: changed(f / "unet/config.json", _class_name="UNet1DModel"), "UNet1DModel"),
    "no size": (lambda f: changed(f / "unet/config.json", sample_size=None), "sample_size"),
    "odd size": (lambda f: changed(f / "unet/config.json", sample_size="8"), "whole numbers"),
    "odd blocks": (lambda f: changed(f / "unet/config.json", down_block_types=["A", "B"]), "no U-Net"),
    "odd groups": (lambda f: changed(f / "unet/config.json", norm_num_groups=7), "no U-Net"),
    "odd widths": (lambda f: changed(f / "unet/config.json", block_out_channels="x"), "no U-Net"),
    "other widths": (lambda f: changed(f / "unet/config.json", block_out_channels=[16, 32]), "another shape"),
    "schedule": (
        lambda f: changed(f / "scheduler/scheduler_config.json", beta_schedule="mine"), "no betas",
    ),
    "no betas": (
        lambda f: (f / "scheduler/scheduler_config.json").write_text('{"_class_name": "X"}'), "betas, got X",
    ),
    "broken betas": (
        lambda f: changed(f / "scheduler/scheduler_config.json", trained_betas=[2.0, 3.0]), "alpha_bars",
    ),
    "prediction": (
        lambda f: changed(f / "scheduler/scheduler_config.json", prediction_type="flow"), "prediction",
    ),
}  # fmt: skip
OF_OURS: dict[str, tuple[Damage, str]] = {
    **{
        name: (lambda folder, _act=act: _act(folder / "model.safetensors"), want)
        for name, (act, want) in OF_WEIGHTS.items()
    },
    "empty recipe": (lambda folder: (folder / "config.yaml").write_text(""), WANTED),
    "broken recipe": (
        lambda f: (f / "config.yaml").write_text("model: [\nx: {"),
        WANTED,
    ),
    "a list": (lambda folder: (folder / "config.yaml").write_text("- 1\n"), WANTED),
    "bytes": (
        lambda folder: (folder / "config.yaml").write_bytes(b"\xff\xfe\x00"),
        WANTED,
    ),
    "pointer recipe": (lambda folder: (folder / "config.yaml").write_text(POINTER), "config.yaml: want"),
    "no model": (
        lambda folder: (folder / "config.yaml").write_text("data: {}\n"),
        "model, data and",
    ),
    "odd shape": (lambda f: _recipe(f, image_shape="8"), "not a checkpoint"),
    "odd model": (lambda f: _recipe(f, model="DDPMModule"), "not a checkpoint"),
    "other network": (lambda f: _recipe(f, image_shape=[1, 16, 16]), "another shape"),
    "odd width": (
        lambda f: _recipe(f, model={**MODEL, "network": {**MODEL["network"], "width": "x"}}),
        "width: want a whole number",
    ),
    "odd rate": (lambda f: _recipe(f, model={**MODEL, "learning_rate": -1}), "learning_rate"),
}


def _recipe(folder: Path, **change: object) -> None:
    whole = {"model": MODEL, "data": DATA, "image_shape": [1, 8, 8], **change}
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(whole))


def in_one_line(path: Path, want: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match=want) as caught:
        locality.load(path)
    assert "\n" not in str(caught.value)
    for form in ("locality", "diffusers"):
        out = path.parent / "out"
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(path), str(out), "--form", form])
        assert ended.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not out.exists()


@pytest.mark.parametrize("name", OF_DIFFUSERS)
def test_a_damaged_folder_of_diffusers(name, saved, capsys):
    damage, want = OF_DIFFUSERS[name]
    damage(saved)
    in_one_line(saved, want, capsys)


@pytest.mark.parametrize("name", OF_OURS)
def test_a_damaged_export(name, ours, capsys):
    damage, want = OF_OURS[name]
    damage(ours)
    in_one_line(ours, want, capsys)


@pytest.mark.parametrize(
    "what", ["pointer", "cut", "text", "a list", "no recipe", "numbers", "other weights"]
)
def test_a_damaged_checkpoint(what, tmp_path, capsys):
    run = run_folder(tmp_path / "run", MODEL, DATA, build.module(MODEL, (1, 8, 8)).state_dict())
    file = run / "checkpoints" / "last.ckpt"
    content = torch.load(file, weights_only=True)
    {
        "pointer": lambda: file.write_text(POINTER),
        "cut": lambda: cut(file),
        "text": lambda: file.write_text("x"),
        "a list": lambda: torch.save([1], file),
        "no recipe": lambda: torch.save({"state_dict": {}}, file),
        "numbers": lambda: torch.save({**content, "state_dict": {"a": 1}}, file),
        "other weights": lambda: torch.save({**content, "state_dict": {}}, file),
    }[what]()
    in_one_line(run, r"last\.ckpt" if what == "pointer" else "run: not ", capsys)


def test_the_weights_of_compiled_networks_are_read(ours, saved):
    expected, theirs = locality.load(ours), locality.load(saved)
    renamed(ours / "model.safetensors", compiled)
    file = saved / "unet" / WEIGHTS
    renamed(file, lambda state: {COMPILED + name: value for name, value in state.items()})
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(locality.load(ours)(x, 1.0), expected(x, 1.0))
    assert torch.equal(locality.load(saved)(x, 1.0), theirs(x, 1.0))


def test_weights_by_torch_and_in_several_files_are_read(saved):
    expected = locality.load(saved)
    file = saved / "unet" / WEIGHTS
    state = load_file(file)
    file.unlink()
    torch.save(state, saved / "unet" / "diffusion_pytorch_model.bin")
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(locality.load(saved)(x, 1.0), expected(x, 1.0))
    (saved / "unet" / "diffusion_pytorch_model.bin").unlink()
    names = sorted(state)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for part, some in parts.items():
        save_file({name: state[name] for name in some}, saved / "unet" / part)
    index = {"weight_map": {name: part for part, some in parts.items() for name in some}}
    (saved / "unet" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    assert torch.equal(locality.load(saved)(x, 1.0), expected(x, 1.0))
    index["weight_map"][names[0]] = "../a.safetensors"
    (saved / "unet" / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    with pytest.raises(UsageError, match="weight_map of files beside it"):
        locality.load(saved)


@pytest.mark.counted
def test_a_pickle_that_runs_code_is_refused_in_every_form(saved, tmp_path):
    """A pickle that runs code is refused: weights of diffusers, a run folder, a .ckpt file."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[list[str]]]:
            return subprocess.run, (["touch", str(tmp_path / "witness")],)

    (saved / "unet" / WEIGHTS).unlink()
    run = tmp_path / "run" / "checkpoints"
    run.mkdir(parents=True)
    for file in (saved / "unet" / "diffusion_pytorch_model.bin", run / "last.ckpt", tmp_path / "x.ckpt"):
        torch.save({"state_dict": Evil(), "hyper_parameters": {}}, file)
    for path in (saved, run.parent, tmp_path / "x.ckpt"):
        for trust in (False, True):
            with pytest.raises(UsageError):
                locality.load(path, trust=trust)
    assert not (tmp_path / "witness").exists()


def test_an_export_that_breaks_off_leaves_no_folder(tmp_path, monkeypatch, capsys):
    run = run_folder(tmp_path / "run", MODEL, DATA, build.module(MODEL, (1, 8, 8)).state_dict())
    from locality import export as exporting

    def fail(*_: object, **__: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(exporting, "_describe", fail)
    with pytest.raises(OSError, match="full"):
        exporting.export(run, tmp_path / "out", count=2)
    assert not (tmp_path / "out").exists()


UNUSUAL: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sparse": lambda one: one.to_sparse(),
    "complex": lambda one: torch.complex(one, one * torch.nan),
    "meta": lambda one: one.to("meta"),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_weights_that_are_no_plain_tensors_are_refused(kind, tmp_path):
    run = run_folder(tmp_path / "run", MODEL, DATA, build.module(MODEL, (1, 8, 8)).state_dict())
    file = run / "checkpoints" / "last.ckpt"
    content = read_checkpoint(file)
    name = next(name for name, one in content["state_dict"].items() if one.is_floating_point())
    content["state_dict"][name] = UNUSUAL[kind](content["state_dict"][name])
    write_checkpoint(content, file)
    with pytest.raises(UsageError, match="not a checkpoint"):
        locality.load(run)
