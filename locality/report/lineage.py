"""Where things come from: what a run used and what it made, in its folder and as W&B's artifacts.

`lineage.json` names both; `artifacts/<name>.json` has the facts of each. Two runs that use the same thing
write the same facts, so W&B sees one artifact: data -> statistics -> network -> comparison.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from locality.config import UsageError
from locality.disk import write_atomically
from locality.report.chart import finite
from locality.runs.files import CHECKPOINT, WEIGHTS, generations, is_exported

if TYPE_CHECKING:
    from locality.bank import ImageBank

LINEAGE, ARTIFACTS = "lineage.json", "artifacts"
LONGEST = 128  # characters of a name of W&B's
Kind = Literal["data", "statistics", "network", "comparison"]
Link = Literal["uses", "makes"]


@dataclass(frozen=True)
class Artifact:
    """One thing that runs use or make. Its facts are the same wherever it is met: no date, no path."""

    kind: Kind
    what: str  # which one: a fingerprint, a run
    facts: Mapping[str, Any]  # plain containers
    weights: Path | None = None  # a file; W&B gets a reference to it, or its content where that is asked for

    @property
    def name(self) -> str:
        """The name at W&B, and of the file of facts."""
        return re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.kind}-{self.what}")[:LONGEST]

    @property
    def text(self) -> str:
        """The facts as JSON."""
        return json.dumps({"kind": self.kind, **self.facts}, indent=2, sort_keys=True, allow_nan=False) + "\n"


def data_artifact(bank: ImageBank) -> Artifact:
    """The training images."""
    return Artifact("data", bank.fingerprint, _of_bank(bank))


def statistics_artifact(bank: ImageBank) -> Artifact:
    """The mean and covariance of the training images."""
    return Artifact("statistics", bank.fingerprint, _of_bank(bank))


def network_artifact(path: Path) -> Artifact:
    """A trained denoiser: of a run folder, a checkpoint in one, an exported folder; else its name alone."""
    path = path.resolve() if path.exists() else path
    file = _weights(path)
    snapshot = path.is_file() and path.parent.name == CHECKPOINT.parent.name
    name = f"{path.parent.parent.name}-{path.stem}" if snapshot else path.name
    if file is None:
        return Artifact("network", name, {"network": name})
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    facts = {"network": name, "file": file.name, "sha256": digest, "bytes": file.stat().st_size}
    return Artifact("network", name, facts, file)


def comparison_artifact(run: Path, compare: str, numbers: Mapping[str, float]) -> Artifact:
    """What a comparison came to."""
    clean = {name: finite(float(value)) for name, value in numbers.items()}
    return Artifact("comparison", run.name, {"compare": compare, "run": run.name, "numbers": clean})


@final
class Lineage:
    """The lineage of one run, in its folder. A resumed run goes on from what is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links = read_lineage(folder)

    def add(self, link: Link, artifact: Artifact) -> Path:
        """Notes an artifact; gives the file of its facts."""
        path = self._folder / ARTIFACTS / f"{artifact.name}.json"
        write_atomically(path, artifact.text)
        if artifact.name not in self._links[link]:
            self._links[link].append(artifact.name)
        write_atomically(self._folder / LINEAGE, json.dumps(self._links, indent=2) + "\n")
        return path


def read_lineage(folder: Path) -> dict[str, list[str]]:
    """The names of what a run `uses` and `makes`. Raises UsageError for a file that is broken."""
    path = folder / LINEAGE
    if not path.exists():
        return {"uses": [], "makes": []}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {link: [str(name) for name in content[link]] for link in ("uses", "makes")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{path}: want what a run uses and makes, got a broken file; move it away"
        ) from error


def _of_bank(bank: ImageBank) -> dict[str, Any]:
    return {"fingerprint": bank.fingerprint, "images": len(bank), "shape": list(bank.image_shape)}


def _weights(path: Path) -> Path | None:
    if path.is_file():
        return path
    if is_exported(path):
        return path / WEIGHTS
    return next(iter(generations(path)), None)
