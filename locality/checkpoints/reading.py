"""From a run folder, a checkpoint file, an exported network or a folder of diffusers to a denoiser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from locality import build
from locality.bank import ImageBank
from locality.checkpoints.exported import read_exported
from locality.config import UsageError, nearest_name
from locality.denoisers.base import Denoiser
from locality.making import get_class
from locality.modules import AnalyticModule
from locality.modules.restoring import restored
from locality.networks.foreign import hub, image_shape_of, is_foreign, settled
from locality.networks.weights import fill, refuse_pointer
from locality.runs.checkpoint_file import is_plain, newest_checkpoint, read_checkpoint
from locality.runs.files import CHECKPOINT, generations, is_exported, shipped
from locality.runs.finding import UNREADABLE, leave_out, training_run
from locality.trust import Untrusted, check_recipe

NOT_OURS = "not a checkpoint of train.py, or damaged; give another, or train again"


def load(
    path: str | Path,  # runs/<run>, pretrained/<name>, a .ckpt file, a folder of diffusers, or hub:<id>
    cache: str | Path | None = None,  # a folder for statistics, should they have to be measured again
    trust: bool = False,  # true: whatever its recipe names is built, which may run code (docs/trust.md)
) -> Denoiser:
    """The finished denoiser of a run, ready to use. A network comes with its averaged weights.

    Raises UsageError where the path is none, where there is no checkpoint or a damaged one, and where a
    denoiser is fitted again and its images have changed. Raises Untrusted where its recipe names what no file
    may name.
    """
    if not isinstance(path, str | Path):
        raise UsageError(
            f"path: want pretrained/<name>, runs/<run> or another path, got {type(path).__name__}"
        )
    return rebuilt(read(path, trust), path, cache)


def rebuilt(
    checkpoint: dict[str, Any],  # of `read`, which has held it against the list of `locality.trust`
    path: str | Path,  # where it is from, for messages
    cache: str | Path | None = None,
) -> Denoiser:
    """The denoiser of a checkpoint that has been read; the rest as in `load`."""
    recipe = checkpoint["hyper_parameters"]
    try:
        module = build.module(recipe["model"], tuple(recipe["image_shape"]))
    except UsageError as error:
        raise UsageError(f"checkpoint={path}: {error}") from error
    kept = checkpoint.get("denoiser")
    if kept is None:
        fill(module, checkpoint["state_dict"], path)
        return module.denoiser.eval()
    if not isinstance(module, AnalyticModule):
        raise UsageError(f"checkpoint={path}: {NOT_OURS}")

    def images() -> ImageBank:
        return build.datamodule(recipe["data"], ["train"]).bank("train")

    try:
        return restored(checkpoint, module.recipe, images, get_class, path, cache).eval()
    except UsageError:
        raise
    except (RuntimeError, *build.REFUSALS) as error:  # RuntimeError: torch's, of weights that do not fit
        if "class" not in kept:
            raise
        raise UsageError(f"checkpoint={path}: {' '.join(str(error).split())[:200]}") from error


def read(
    path: str | Path,
    trust: bool = False,  # true: its recipe is not held against the list of `locality.trust`
) -> dict[str, Any]:
    """The checkpoint of whatever `load` takes, as plain containers and tensors.

    `hyper_parameters` is the recipe: `model`, `data` (None for a foreign network) and `image_shape`.
    The folder of an evaluation stands for the run that it evaluated. Raises UsageError, and Untrusted.
    """
    path = training_run(Path(path))
    if is_exported(path):
        content = read_exported(path)
    elif is_foreign(path):
        return _foreign(path, trust)
    else:
        content = _read_file(path)
    _check_form(path, content)
    if not trust:
        check_recipe(path, content["hyper_parameters"], content.get("denoiser"))
    return content


def _read_file(path: Path) -> dict[str, Any]:
    files = generations(path) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        raise UsageError(
            f"checkpoint={path}: no checkpoint there; want runs/<run>, pretrained/<name>, a .ckpt file, "
            f"a folder that diffusers saved, or hub:<id>{_alike(path)}"
        )
    if files[0].suffix == ".safetensors":  # the weights of what was exported, without its recipe
        raise UsageError(f"checkpoint={path}: want the folder that this file is in, {path.parent}")
    refuse_pointer(files[0])
    try:
        newest = newest_checkpoint(path) if path.is_dir() else (path, read_checkpoint(path))
    except UsageError as error:
        raise UsageError(f"checkpoint={path}: {NOT_OURS} ({error})") from error
    assert newest is not None
    return newest[1]


def _alike(path: Path) -> str:
    """Networks that ship and are called alike."""
    ship = [f"pretrained/{folder.name}" for folder in shipped()]
    typed = path if len(path.parts) > 1 else Path("pretrained") / path
    hint = nearest_name(str(typed), ship, every=False)
    return f". {hint}" if hint else ""


def _check_form(path: Path, content: Any) -> None:
    """Raises UsageError for what has not the parts of a checkpoint, each of its type."""
    recipe = content.get("hyper_parameters") if isinstance(content, dict) else None
    if not isinstance(recipe, dict) or not isinstance(content.get("state_dict"), dict):
        raise UsageError(f"checkpoint={path}: {NOT_OURS}")
    shape, model, data = (recipe.get(name) for name in ("image_shape", "model", "data"))
    kept = content.get("denoiser", {})
    good = isinstance(shape, list | tuple) and len(shape) == 3
    good = good and all(type(side) is int and side > 0 for side in shape or ())
    good = good and isinstance(kept, dict) and ("denoiser" not in content or len(kept) == 1)
    # A fingerprint is of data that the denoiser is fitted to again.
    good = good and (isinstance(data, dict) or (data is None and "fingerprint" not in kept))
    good = good and isinstance(model, dict)
    good = good and all(type(of) is str and of in ("class", "fingerprint", "images") for of in kept)
    good = good and ("images" not in kept or is_plain(kept["images"]))
    if not good or not all(is_plain(one) for one in content["state_dict"].values()):
        raise UsageError(f"checkpoint={path}: {NOT_OURS}")


def sound(path: Path, good: Callable[[Path], object] = read) -> bool:
    """Whether a network that nobody named can be read, and is a good one; the unreadable is told of once."""
    try:
        return bool(good(path))
    except (*UNREADABLE, SafetensorError, RuntimeError) as error:
        leave_out(path, error)
        return False


def calibrations(path: str | Path) -> Path:
    """The folder of what compare=calibrate finds for a checkpoint: beside it, or in an exported network's."""
    path = Path(path).resolve()
    if is_exported(path) or is_foreign(path):
        return path / "calibration"
    return (path / CHECKPOINT if path.is_dir() else path).with_suffix(".calibration")


def _foreign(path: Path, trust: bool) -> dict[str, Any]:
    model = {"_target_": "locality.modules.DDPMModule", "network": {"pretrained": str(path)}}
    try:
        image_shape = image_shape_of(path)
        recipe = {"model": settled(model), "data": None, "image_shape": list(image_shape)}
        if not trust:
            check_recipe(path, recipe)
        weights = hub(image_shape, str(path)).state_dict()
    except Untrusted:
        raise
    except ValueError as error:
        raise UsageError(f"checkpoint={path}: {' '.join(str(error).split())}") from error
    state = {f"denoiser.net.{name}": value for name, value in weights.items()}
    return {"hyper_parameters": recipe, "state_dict": state}
