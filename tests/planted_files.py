"""Files as a stranger might send them: planted targets, and the forms that a network comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

MODEL: dict[str, Any] = {
    "_target_": "locality.modules.DDPMModule",
    "network": {"_target_": "locality.networks.mlp", "_partial_": True, "width": 8, "depth": 1},
    "learning_rate": 1e-3, "seed": 0,
}  # fmt: skip
DATA: dict[str, Any] = {
    "_target_": "locality.data.ImageDataModule",
    "source": {"_target_": "locality.data.digits", "_partial_": True},
    "root": None, "pattern": None, "gamma": 0.0, "batch_size": 16, "seed": 0,
}  # fmt: skip
WITNESS = "WITNESS"  # stands for the path of a file that a planted target would write


def shell(target: str, *arguments: Any, **more: Any) -> dict[str, Any]:
    return {"_target_": target, **({"_args_": list(arguments)} if arguments else {}), **more}


PLANTED = [
    shell("os.system", f"touch {WITNESS}"),
    shell("os.popen", f"touch {WITNESS}"),
    shell("os.mkdir", WITNESS),
    shell("os.makedirs", WITNESS),
    shell("os.remove", WITNESS),
    shell("os.execvp", "touch", ["touch", WITNESS]),
    shell("posix.system", f"touch {WITNESS}"),
    shell("subprocess.run", ["touch", WITNESS]),
    shell("subprocess.Popen", ["touch", WITNESS]),
    shell("subprocess.check_output", ["touch", WITNESS]),
    shell("subprocess.getoutput", f"touch {WITNESS}"),
    shell("shutil.rmtree", WITNESS),
    shell("shutil.copy", "/etc/hostname", WITNESS),
    shell("pathlib.Path.write_text", WITNESS, "x"),
    shell("pathlib.Path.touch", {"_target_": "pathlib.Path", "_args_": [WITNESS]}),
    shell("builtins.eval", f"open('{WITNESS}', 'w')"),
    shell("builtins.exec", f"open('{WITNESS}', 'w')"),
    shell("builtins.open", WITNESS, "w"),
    shell("builtins.__import__", "antigravity"),
    shell("io.open", WITNESS, "w"),
    shell("importlib.import_module", "antigravity"),
    shell("runpy.run_path", WITNESS),
    shell("code.InteractiveInterpreter"),
    shell("timeit.timeit", f"open('{WITNESS}', 'w')", number=1),
    shell("torch.load", WITNESS, weights_only=False),
    shell("torch.save", [], WITNESS),
    shell("torch.hub.load", "x/y", "z"),
    shell("torch.hub.load_state_dict_from_url", "http://127.0.0.1:9/x"),
    shell("torch.jit.load", WITNESS),
    shell("torch.utils.cpp_extension.load", "x", [WITNESS]),
    shell("numpy.save", WITNESS, [1]),
    shell("numpy.load", WITNESS, allow_pickle=True),
    shell("numpy.savetxt", WITNESS, [1]),
    shell("sympy.sympify", f"open('{WITNESS}', 'w')"),
    shell("joblib.load", WITNESS),
    shell("joblib.dump", [1], WITNESS),
    shell("pickle.loads", "x"),
    shell("yaml.unsafe_load", "!!python/object/apply:os.system [id]"),
    shell("webbrowser.open", "http://127.0.0.1:9"),
    shell("wandb.init", dir=WITNESS),
    shell("hydra.utils.instantiate", {"x": 1}),
    shell("hydra.utils.call", {}),
    shell("hydra.utils.get_method", "os.system"),
    shell("hydra.utils.get_class", "subprocess.Popen"),
    shell("functools.partial", "os.system"),
    shell("omegaconf.OmegaConf.save", {}, WITNESS),
    shell("locality.disk.write_atomically", {"_target_": "pathlib.Path", "_args_": [WITNESS]}, "x"),
    shell("locality.report.write_atomically", WITNESS, "x"),
    shell("locality.runs.folder.create_run_folder", WITNESS, "x"),
    shell("locality.report.figures.to_png", []),
    shell("locality.load", WITNESS),
    shell("locality.export.export", "x"),
    shell("locality.checkpoints.exported.write_exported", WITNESS),
    shell("locality.app.run", {}),
    shell("locality.networks.save_pipeline", None, WITNESS),
    shell("locality.data.module.torch.load", WITNESS),
    shell("locality.data.idx_files._fetch_mnist", WITNESS),
    shell("locality.networks.unet.__globals__"),
    shell("locality.checkpoints.reading.get_class", "os.system"),
    shell("diffusers.DiffusionPipeline.from_pretrained"),
    shell("locality.modules.DDPMModule.load_from_checkpoint", WITNESS),
    shell("lightning.Trainer", callbacks=[]),
]
Plant = Callable[[Any], tuple[dict[str, Any], dict[str, Any]]]  # a node -> (model, data) with it
PLACES: dict[str, Plant] = {
    "schedule": lambda node: ({**MODEL, "schedule": node}, DATA),
    "network": lambda node: ({**MODEL, "network": node}, DATA),
    "within": lambda node: ({**MODEL, "network": {**MODEL["network"], "width": node}}, DATA),
    "deep": lambda node: ({**MODEL, "network": {**MODEL["network"], "width": [{"a": node}]}}, DATA),
    "module": lambda node: (node, DATA),
    "source": lambda node: (MODEL, {**DATA, "source": node}),
    "pattern": lambda node: (MODEL, {**DATA, "pattern": node}),
    "fit": lambda node: ({"_target_": "locality.modules.AnalyticModule", "denoiser": node, "seed": 0}, DATA),
}


def run_folder(folder: Path, model: Any, data: Any, state: Any, **more: Any) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    recipe = {"model": model, "data": data, "image_shape": [1, 8, 8]}
    content = {"hyper_parameters": recipe, "state_dict": state, "global_step": 1, **more}
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    whole = {"task": "train", "seed": 0, "gamma": 0.0, **recipe, "trainer": {"_target_": "lightning.Trainer"}}
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(whole))
    status = {"task": "train", "state": "finished", "network": True, "time": "2026"}
    (folder / "status.json").write_text(json.dumps(status))
    return folder


def exported(folder: Path, model: Any, data: Any, state: Any) -> Path:
    folder.mkdir()
    recipe = {"model": model, "data": data, "image_shape": [1, 8, 8]}
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(recipe))
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "model.safetensors")
    return folder


def at_work(node: Any, witness: Path) -> Any:
    """The node with the path of the witness in it."""
    return json.loads(json.dumps(node).replace(WITNESS, str(witness)))


def foreign(folder: Path, file: str, node: Any) -> Path:
    """A folder of diffusers with a node planted in one of its files."""
    (folder / "scheduler").mkdir(parents=True)
    config = {
        "_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 1, "out_channels": 1,
        "block_out_channels": [8, 8], "norm_num_groups": 4,
        "down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    scheduler = {"_class_name": "DDPMScheduler", "beta_schedule": "linear"}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))
    content = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps({**content, "planted": node}))
    return folder
