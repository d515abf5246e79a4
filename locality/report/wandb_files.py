"""W&B's own files in a run folder: the logs of its sessions, and the command that uploads them.

A log is a LevelDB log of `wandb_internal_pb2.Record`s in `wandb/offline-run-*/*.wandb`. W&B writes it
in blocks: what a killed run logged last is not in it.
"""

from __future__ import annotations

import json
import os
import shlex
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from locality.disk import write_atomically

STEP = "trainer/global_step"  # under this name Lightning logs the step
WANDB_ID = "wandb_id.txt"  # in a run folder: under which W&B knows the run
BLOCK = 32768  # bytes of a block of a LevelDB log
HEAD = 7  # bytes: checksum 4, length 2, kind 1; also the length of the file's own header
FULL, FIRST, LAST = 1, 2, 4  # kinds of a part of a record


def sync_command(
    folder: Path,  # a run folder
    online: Path | None = None,  # the folder of an online W&B run to upload again
) -> str | None:
    """The command that uploads the offline W&B runs of a run folder, oldest first, or None without any."""
    paths = _offline(folder) + ([online] if online is not None else [])
    here = [
        os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path) for path in paths
    ]
    flag = "--include-online " if online is not None else ""
    return f"wandb sync {flag}{shlex.join(here)}" if here else None


def set_aside_empty(folder: Path) -> None:
    """Rename offline W&B runs whose log holds nothing: `wandb sync` uploads none of a list with such a run.

    Only for sessions that are over: W&B holds the beginning of a log in memory.
    """
    for path in _offline(folder):
        if all(log.stat().st_size <= HEAD for log in path.glob("*.wandb")):
            path.rename(path.with_name(f"empty-{path.name}"))


def rewind(
    folder: Path,  # a run folder
    step: int,  # the run goes on from here
) -> set[tuple[int, str]]:  # (step, name) of all that the logs hold
    """Cut the logs of offline sessions before the first row of this step or a later one, and after torn ends.

    What W&B's server already has is left as it is.
    """
    set_aside_empty(folder)
    held: set[tuple[int, str]] = set()
    for path in _offline(folder):
        for log in path.glob("*.wandb"):
            content = log.read_bytes()
            end = HEAD
            for here, record in _records(content):
                row = _row(record)
                if STEP in row and int(row[STEP]) >= step:
                    break
                held |= {(int(row[STEP]), name) for name in row if STEP in row}
                end = here
            if end < len(content) and not log.with_suffix(".wandb.synced").exists():
                write_atomically(log, content[:end])
    set_aside_empty(folder)
    return held


def _offline(folder: Path) -> list[Path]:
    return sorted((folder / "wandb").glob("offline-run-*"))


def _records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(the byte after it, itself) of each whole record: in one block, or in parts over several."""
    place, parts = HEAD, b""
    while place + HEAD <= len(content):
        rest = BLOCK - place % BLOCK
        if rest < HEAD:  # the end of a block too short for a header is padding
            place += rest
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        part = content[place + HEAD : place + HEAD + length]
        if len(part) < length or not FULL <= kind <= LAST:  # torn
            return
        parts = part if kind in (FULL, FIRST) else parts + part
        place += HEAD + length
        if kind in (FULL, LAST):
            yield place, parts


def _row(record: bytes) -> dict[str, Any]:
    """The names and values of a record of the history; nothing of any other."""
    from wandb.proto import wandb_internal_pb2 as records  # its classes are made as it is imported

    items = records.Record.FromString(record).history.item  # type: ignore[attr-defined]
    return {
        item.nested_key[0] if item.nested_key else item.key: json.loads(item.value_json) for item in items
    }
