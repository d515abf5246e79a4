"""Weights at rest, read without running anything, and put into a network whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from locality.config import UsageError
from locality.runs.checkpoint_file import check_finite, is_plain

COMPILED = "_orig_mod."  # what torch.compile puts into the names of a network's weights
POINTER = b"version https://git-lfs"
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
SHOWN = 3  # names in a message


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, or of one by torch.save, by name. Raises UsageError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    refuse_pointer(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UsageError(f"{path}: no weights, or damaged ones ({reason}); get the file again") from error
    if not isinstance(content, dict) or not all(is_plain(one) for one in content.values()):
        raise UsageError(f"{path}: want dense, real tensors by name, got something else; get the file again")
    return content


def refuse_pointer(path: Path) -> None:
    """Raises UsageError for what Git LFS leaves in place of a file, and where there is none."""
    try:
        with path.open("rb") as file:
            pointer = file.read(len(POINTER)) == POINTER
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    if pointer:
        raise UsageError(f"{path}: a pointer of Git LFS, not the file; fetch it with `git lfs pull`")


def unwrapped(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names that they have without `torch.compile`."""
    return {name.replace(COMPILED, ""): value for name, value in state.items()}


def fill(
    net: nn.Module,
    state: Mapping[str, Tensor],  # all of its weights, by name
    where: str | Path,  # they are from, for the message
) -> None:
    """Loads the weights. Raises UsageError if any is missing, too many, of another shape, or not finite."""
    state, wanted = unwrapped(state), net.state_dict()
    other = [name for name in wanted.keys() & state.keys() if wanted[name].shape != state[name].shape]
    wrong = [
        _counted(names, what)
        for names, what in (
            (wanted.keys() - state.keys(), "missing"),
            (state.keys() - wanted.keys(), "unknown"),
            (other, "of another shape"),
        )
        if names
    ]
    if wrong:
        raise UsageError(
            f"{where}: not the weights of the network that its recipe describes: {'; '.join(wrong)}; "
            "get both again from one source"
        )
    check_finite(state, where)
    for name in sorted(wanted):
        if state[name].dtype not in FLOATS and wanted[name].is_floating_point():
            raise UsageError(f"{where}: want weights as floats, got {state[name].dtype} ({name})")
    net.load_state_dict(state)


def _counted(names: Collection[str], what: str) -> str:
    some = ", ".join(sorted(names)[:SHOWN])
    return f"{len(names)} {what} ({some}{', ...' if len(names) > SHOWN else ''})"
