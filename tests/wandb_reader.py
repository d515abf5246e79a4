"""A reader of W&B's offline runs, for tests: what was logged, as the file on disk has it."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import ArtifactRecord, Record

BLOCK = 32768  # bytes of a block of a LevelDB log
HEAD = (
    7  # bytes: checksum 4, length 2, type 1; also the length of the file's own header, `:W&B` and a version
)
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


@dataclass(frozen=True)
class Artifact:
    """An artifact as it is recorded."""

    kind: str
    used: bool  # an input of the run, else an output
    metadata: dict[str, Any]
    files: dict[str, Path]  # that will be uploaded, by name
    references: dict[str, str]  # that will not
    digest: str  # of names and contents


@dataclass
class OfflineRun:
    """The contents of one `.wandb` file."""

    run_id: str = ""
    folder: Path = Path()
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    exit_code: int | None = None
    artifacts: dict[str, Artifact] = field(default_factory=dict)  # by name

    def last(self, key: str) -> Any:
        """The value logged last under a key: a number, or a dict with the fields of a table or an image."""
        return [row[key] for row in self.history if key in row][-1]

    def table(self, key: str) -> dict[str, Any]:
        """A logged table: its columns and data."""
        content: dict[str, Any] = json.loads((self.folder / "files" / self.last(key)["path"]).read_text())
        return content


def read_finished(path: Path, seconds: float = 30) -> OfflineRun:
    """The whole run in a `.wandb` file: W&B's writer, another process, may lag behind `finish`."""
    end = time.monotonic() + seconds
    while (run := read(path)).exit_code is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{path} holds no end of the run after {seconds} s")
        time.sleep(0.05)
    return run


def read(path: Path) -> OfflineRun:
    """The run in a `.wandb` file, as far as it has been written."""
    run = OfflineRun(folder=path.parent)
    for content in records(path.read_bytes()):
        record = Record.FromString(content)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run.run_id = record.run.run_id
            run.config.update(unflatten(record.run.config.update))
        elif kind == "config":
            run.config.update(unflatten(record.config.update))
        elif kind == "history":
            run.history.append(unflatten(record.history.item))
        elif kind == "summary":
            run.summary.update(unflatten(record.summary.update))
        elif kind == "files":
            run.files += [item.path for item in record.files.files]
        elif kind == "artifact":
            if record.artifact.type != "run_table":  # W&B's own, one for each logged table
                run.artifacts[record.artifact.name] = artifact(record.artifact)
        elif kind == "exit":
            run.exit_code = record.exit.exit_code
    return run


def artifact(record: ArtifactRecord) -> Artifact:
    """A record of an artifact, read."""
    entries = record.manifest.contents
    return Artifact(
        record.type,
        record.use_after_commit,
        json.loads(record.metadata),
        {entry.path: Path(entry.local_path) for entry in entries if not entry.ref},
        {entry.path: entry.ref for entry in entries if entry.ref},
        record.digest,
    )


def records(content: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log: each in one block, or in a first, middle and last parts."""
    if content[:4] != b":W&B":
        raise ValueError("not a W&B file")
    place, parts = HEAD, b""
    while place + HEAD <= len(content):  # a file that is still being written may end within a record
        rest = BLOCK - place % BLOCK
        if rest < HEAD:  # the end of a block too short for a header is padding
            place += rest
            continue
        length, kind = struct.unpack("<HB", content[place + 4 : place + HEAD])
        if kind not in (FULL, FIRST, MIDDLE, LAST):
            raise ValueError(f"no record at byte {place}")
        part = content[place + HEAD : place + HEAD + length]
        if len(part) < length:
            return
        parts = part if kind in (FULL, FIRST) else parts + part
        place += HEAD + length
        if kind in (FULL, LAST):
            yield parts


def unflatten(items: Any) -> dict[str, Any]:
    """Items as one dict; the fields of tables and images arrive one by one and are put together again."""
    found: dict[str, Any] = {}
    for item in items:
        keys = list(item.nested_key) or [item.key]
        here = found
        for key in keys[:-1]:
            here = here.setdefault(key, {})
        here[keys[-1]] = json.loads(item.value_json)
    return found
