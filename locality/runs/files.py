"""What lies in a run folder, in the folder of an exported network, and where networks ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locality.config import UsageError
from locality.shipped import shipped_folder

STATUS, CONFIG = "status.json", "config.yaml"
CHECKPOINT = Path("checkpoints") / "last.ckpt"  # of a run that trained
PREVIOUS = CHECKPOINT.with_name("previous.ckpt")  # the one before it
WEIGHTS, RECIPE = "model.safetensors", "config.yaml"  # of an exported network
SHIPPED = shipped_folder("pretrained")
FIRST = "cifar"  # of the networks that ship, where nothing says which: on the images that most work is about


def is_exported(path: str | Path) -> bool:
    """Whether this is the folder of an exported network."""
    return (Path(path) / WEIGHTS).is_file() and (Path(path) / RECIPE).is_file()


def generations(run: Path) -> list[Path]:
    """The checkpoints of a run folder that are there, the newest first."""
    return [run / name for name in (CHECKPOINT, PREVIOUS) if (run / name).is_file()]


def read_config(path: Path) -> dict[str, Any]:
    """A config.yaml as plain containers, nothing filled in. Raises UsageError for a broken or empty one.

    It may be somebody else's: `locality.trust` says what of it may be built.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    try:
        if path.exists() and not path.is_file():
            raise OSError("no file")
        content: Any = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, ValueError, RecursionError, YAMLError, OmegaConfBaseException) as error:
        reason = (" ".join(str(error).split()) or type(error).__name__)[:160]
        raise UsageError(f"{path}: want a config in YAML, got a broken one ({reason})") from error
    if not isinstance(content, dict) or not content:
        raise UsageError(f"{path}: want a config in YAML, got {'an empty one' if not content else 'a list'}")
    return content


def wherever(path: Path) -> Path:
    """`pretrained/<name>` as it is or, where there is none, the network that ships under this name."""
    ships = len(path.parts) == 2 and path.parts[0] == "pretrained" and not path.exists()
    return SHIPPED / path.name if ships and is_exported(SHIPPED / path.name) else path


def shipped() -> list[Path]:
    """The networks that come with the package: the usual one, then the others by name."""
    folders = [folder for folder in SHIPPED.glob("*/") if is_exported(folder)]
    return sorted(folders, key=lambda folder: (folder.name != FIRST, folder.name))
