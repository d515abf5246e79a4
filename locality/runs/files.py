"""What lies in a run folder, in the folder of an exported network, and where networks ship."""

from __future__ import annotations

from pathlib import Path

STATUS, CONFIG = "status.json", "config.yaml"
CHECKPOINT = Path("checkpoints") / "last.ckpt"  # of a run that trained
WEIGHTS, RECIPE = "model.safetensors", "config.yaml"  # of an exported network
SHIPPED = Path(__file__).parents[2] / "pretrained"  # of a checkout; an installed library brings none


def is_exported(path: str | Path) -> bool:
    """Whether this is the folder of an exported network."""
    return (Path(path) / WEIGHTS).is_file() and (Path(path) / RECIPE).is_file()


def shipped() -> list[Path]:
    """The networks that come with the checkout, by name."""
    return [folder for folder in sorted(SHIPPED.glob("*/")) if is_exported(folder)]
