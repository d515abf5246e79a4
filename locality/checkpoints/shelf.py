"""The checkpoints of one evaluation: each file is read once, each network built once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from locality import build
from locality.checkpoints.reading import read, rebuilt
from locality.checkpoints.trained import Trained, model_name, steps_of
from locality.denoisers.base import Denoiser
from locality.runs.files import CHECKPOINT
from locality.runs.finding import training_run

LOOKED_AT = (
    "hyper_parameters",
    "denoiser",
    "global_step",
    "state_dict",
)  # of a checkpoint; not its optimiser


class Shelf:
    """What `read` and `rebuilt` give, kept by the path of the training run. Raises what they raise."""

    def __init__(
        self,
        trust: bool = False,  # as in `read`
        folder: str | Path | None = None,  # for statistics, should they have to be measured again
    ) -> None:
        self.trust, self.folder = trust, folder
        self._contents: dict[Path, dict[str, Any]] = {}
        self._built: dict[Path, Denoiser] = {}
        self._data = cache(lambda text: build.datamodule(json.loads(text)))

    def read(self, path: str | Path) -> Mapping[str, Any]:
        """The parts of a checkpoint that evaluations look at; its weights until the network is built."""
        path = training_run(Path(path))
        key = path.resolve()
        if key not in self._contents:
            content = read(path, self.trust)
            self._contents[key] = {name: content[name] for name in LOOKED_AT if name in content}
        return self._contents[key]

    def forget(self, path: str | Path) -> None:
        """Lets go of a checkpoint that was looked at in vain."""
        self._contents.pop(training_run(Path(path)).resolve(), None)

    def denoiser(self, path: str | Path) -> Denoiser:
        """The denoiser of a checkpoint."""
        path = training_run(Path(path))
        key = path.resolve()
        if key not in self._built:
            self._built[key] = rebuilt(dict(self.read(path)), path, self.folder)
            del self._contents[key]["state_dict"]
        return self._built[key]

    def trained(self, path: str | Path) -> Trained:
        """A network with its history."""
        path = training_run(Path(path))
        content = self.read(path)
        recipe = content["hyper_parameters"]
        return Trained(
            path, self.denoiser(path), model_name(recipe["model"]), recipe["data"],
            int(recipe["model"]["seed"]), steps_of(content),
            partial(self._data, json.dumps(recipe["data"], sort_keys=True)), partial(self._youth, path),
        )  # fmt: skip

    def _youth(self, path: Path) -> dict[int, Denoiser]:
        files = sorted((path / CHECKPOINT.parent).glob("step*.ckpt")) if path.is_dir() else []
        contents = [(file, read(file, self.trust)) for file in files]
        return {int(one["global_step"]): rebuilt(one, file, self.folder) for file, one in contents}
