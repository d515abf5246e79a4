"""A checkpoint as a file: written whole, sealed with its digest, and read only if the seal holds."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch

from locality.config import UsageError
from locality.disk import write_atomically
from locality.ranks import say
from locality.runs.files import CHECKPOINT, generations

# The seal is the comment of the zip file that torch.save writes: any reader of zip files passes it over.
_SEAL = b"sha256:"
_LENGTH = len(_SEAL) + 64  # bytes
_END = b"PK\x05\x06"  # 22 bytes before the end of a zip file; its last 2 are the length of the comment
MARK = "digest"  # the key inside that says that there is a seal: a damaged seal is not a missing one
_CHUNK = 1 << 20  # bytes


def write_checkpoint(content: Mapping[str, Any], path: Path, old: Path | None = None) -> None:
    """Save plain containers and tensors. The file that was there may stay under the name `old`.

    Raises OSError, and leaves everything as it was.
    """
    buffer = io.BytesIO()  # torch turns a full disk into errors of its own
    torch.save({**content, MARK: "sha256"}, buffer)
    whole = buffer.getbuffer()
    assert bytes(whole[-22:-18]) == _END
    seal = _SEAL + hashlib.sha256(whole).hexdigest().encode()

    def write(file: IO[bytes]) -> None:
        file.write(whole[:-2])
        file.write(len(seal).to_bytes(2, "little") + seal)

    write_atomically(path, write, old)


def read_checkpoint(path: Path) -> Any:
    """What was saved, as plain containers and tensors; nothing in the file is run.

    Raises UsageError for a file that cannot be read, or is not as it was written. One of before there were
    seals is taken as it is.
    """
    try:
        with path.open("rb") as file:
            sealed = _check_seal(file, path)
            file.seek(0)
            content: Any = torch.load(file, map_location="cpu", weights_only=True)
    except UsageError:
        raise
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # what the reader of pickles meets in a damaged file is anything at all
        raise UsageError(f"{path}: no checkpoint, or a damaged one ({type(error).__name__})") from error
    if not sealed and isinstance(content, dict) and MARK in content:
        raise _damaged(path)
    return content


def is_plain(value: object) -> bool:
    """Whether this is a dense tensor of real numbers that are here: neither sparse nor complex nor meta."""
    plain = isinstance(value, torch.Tensor) and value.layout == torch.strided and value.device.type == "cpu"
    return plain and not (value.is_complex() or value.is_quantized)  # type: ignore[attr-defined]


def check_finite(
    state: Mapping[str, Any],  # weights by name
    where: str | Path,  # they are from, for the message
) -> None:
    """Raises UsageError for weights that are not finite, as those of a diverged training, or no tensors."""
    for name, value in state.items():
        if not is_plain(value):
            raise UsageError(f"{where}: want dense, real tensors, got something else ({name})")
        if value.is_floating_point() and not bool(value.float().isfinite().all()):  # as it will be used
            raise UsageError(
                f"{where}: weights that are not finite ({name}), as of a training that diverged; "
                "take an earlier checkpoint, or train again"
            )


def newest_checkpoint(run: Path) -> tuple[Path, Any] | None:
    """The newest checkpoint of a run folder that is whole and finite, and its content; None for none.

    Says in one line if it is not the newest. Raises UsageError if none is whole.
    """
    broken: list[UsageError] = []
    for path in generations(run):
        try:
            content = read_checkpoint(path)
            check_finite(content.get("state_dict") or {} if isinstance(content, dict) else {}, path)
        except UsageError as error:
            broken.append(error)
            continue
        if path.name != CHECKPOINT.name:
            why = str(broken[0]) if broken else f"{run / CHECKPOINT} is missing"
            step = content.get("global_step") if isinstance(content, dict) else None
            say(f"{why}; taking {path.name}, the one before it, of step {step}")
        return path, content
    if broken:
        no_other = "" if len(broken) == 1 else "; the one before it is no better"
        raise UsageError(f"{broken[0]}{no_other}; start the training again") from broken[0]
    return None


def _check_seal(file: IO[bytes], path: Path) -> bool:
    """Whether the file has a seal. Raises UsageError for one that does not hold."""
    size = file.seek(0, io.SEEK_END)
    start = size - _LENGTH
    file.seek(max(start - 2, 0))
    length, seal = file.read(2), file.read()
    if start < 22 or length != _LENGTH.to_bytes(2, "little") or not seal.startswith(_SEAL):
        return False
    digest, left = hashlib.sha256(), start - 2
    file.seek(0)
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:  # cut short while it was read
            raise _damaged(path)
        digest.update(chunk)
        left -= len(chunk)
    digest.update(b"\0\0")  # the length of the comment, as torch wrote it
    if seal != _SEAL + digest.hexdigest().encode():
        raise _damaged(path)
    return True


def _damaged(path: Path) -> UsageError:
    return UsageError(f"{path}: damaged, it is not as it was written (its digest differs)")
