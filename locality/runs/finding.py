"""Runs of the past: the newest network, and the training behind an evaluation."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from locality.choices import flat, spelled
from locality.config import UsageError, of_images
from locality.ranks import say
from locality.runs.files import CONFIG, RECIPE, STATUS, generations, read_config, shipped, wherever
from locality.runs.status import checked_status
from locality.shipped import as_typed, command, shipped_folder

Answer = TypeVar("Answer")

# What reading a file raises that is absent, cut, of other content, or a folder. Deep nesting ends in a
# RecursionError.
UNREADABLE = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, YAMLError,
    OmegaConfBaseException,
)  # fmt: skip


@dataclass(frozen=True)
class Past:
    """A run that trained a network, or a network that ships."""

    folder: Path
    config: Path  # the file: of the run, or the recipe
    time: str = ""  # when the run ended


def training_run(path: Path) -> Path:
    """The folder of a training run; for that of an evaluation, the training run that it evaluated.

    So `runs/latest` can be loaded, resumed and evaluated, whatever ran last. Anything else
    comes back as it is, but for `pretrained/<name>`, which ships and is found wherever one stands. Raises
    UsageError for a config that cannot be read.
    """
    path = wherever(path)
    if path.is_symlink():  # runs/latest will soon point elsewhere
        path = path.parent / path.readlink()
    if not (path / CONFIG).is_file():
        return path
    cfg = read_config(path / CONFIG)
    if cfg.get("task") != "evaluate":
        return path
    if not isinstance(cfg.get("checkpoint"), str):
        raise UsageError(f"{path / CONFIG}: an evaluation that does not say which checkpoint it evaluated")
    source = Path(cfg["checkpoint"])
    # An evaluation of another working directory: its training run is beside it.
    return source if source.exists() else path.resolve().parent / source.name


def newest_networks(root: Path, data: Any, gamma: float | None) -> list[Path]:
    """The finished runs that trained a network, the newest first; then the networks that ship.

    Those on this data if it is given. Folders that cannot be read are named, and left out.
    """
    wanted: Any = OmegaConf.to_container(data, resolve=True) if isinstance(data, DictConfig) else data

    def fits(config: Mapping[str, Any]) -> bool:
        if wanted is None:
            return True
        known = gamma is not None or wanted.get("pattern") is None
        return of_images(config["data"], known) == of_images(wanted, known)

    # Runs of before the time was noted are older than any that has one.
    runs = sorted(networks_in(root), key=lambda run: (run.time, run.folder.name), reverse=True)
    ships = [Past(folder, folder / RECIPE) for folder in shipped()]
    return [past.folder for past, good in answers([*runs, *ships], fits) if good]


def none_found(
    root: Path,
    data: Any,
    first: str | None = None,  # words of the training that the comparison wants; None: of any network
) -> str:
    """What to say where `checkpoint=auto` finds nothing."""
    none = f"checkpoint=auto: no finished training run{'' if data is None else ' on this data'} in {root}/"
    if first is None:
        return f"{none}, and none ships; train one: {command('train')} {_of_data(data)}".rstrip()
    typed = f"{command('train')} {first} {_of_data(data)}".rstrip()
    return f"{none}; this comparison wants {first.split()[0]}: {typed}, then checkpoint={root}/latest"


def _of_data(data: Any) -> str:
    """What was typed of the data, as a training takes it."""
    if data is None:
        return ""
    words = words_of_data()
    if data.get("pattern") is not None and not any(word.startswith("gamma=") for word in words):
        words.append("gamma=0.5")
    return quoted(words)


def words_of_data() -> list[str]:
    """What was typed of the data, or set by an experiment of ours, as words of a command."""
    if not HydraConfig.initialized():
        return ["data=<the same>"]
    keys, found = ("data=", "data.", "pattern@data.pattern=", "gamma="), HydraConfig.get()
    words = as_typed([word for word in found.overrides.task if word.lstrip("+").startswith(keys)])
    if any(word.startswith("data=") for word in words):
        return words
    chosen: Any = found.runtime.choices
    file = shipped_folder("configs") / "experiment" / f"{chosen.get('experiment')}.yaml"
    own: Any = OmegaConf.select(OmegaConf.load(file), "data") if file.is_file() else None
    named = [f"data={chosen['data']}"] if chosen.get("data") else []
    asked: Any = {} if own is None else OmegaConf.to_container(own)
    settings = flat(asked, "data.")
    return [*named, *(f"{name}={spelled(value)}" for name, value in settings.items()), *words]


def quoted(words: list[str]) -> str:
    """Words of a command in one line; a place that is left open stays as it is."""
    return " ".join(word if word.endswith(">") else shlex.quote(word) for word in words)


def networks_in(root: Path, unfinished: bool = False) -> list[Past]:
    """The runs that trained a network and have its weights, in the order of their names: the oldest first."""
    return [
        Past(folder, folder / CONFIG, facts.get("time", ""))
        for folder, facts in runs_in(root)
        if facts["task"] == "train" and facts["network"] and (unfinished or facts["state"] == "finished")
        if generations(folder)  # weights may have been removed to make room
    ]


def runs_in(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The run folders with their status, in the order of their names: the oldest first.

    A folder whose status cannot be read is named, and left out. Raises UsageError where `root` is no folder.
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"runs={root}: want a folder ({error.strerror})") from error
    found = []
    for folder in folders:
        if os.path.lexists(folder / STATUS) and os.path.lexists(folder / CONFIG):
            try:
                found.append((folder, checked_status(folder)))
            except UNREADABLE as error:
                leave_out(folder / STATUS, error)
    return found


def answers(
    pasts: Iterable[Past], question: Callable[[dict[str, Any]], Answer]
) -> Iterator[tuple[Past, Answer]]:
    """What a question to each config gives. A config that has no answer is named, and its run left out."""
    for past in pasts:
        try:
            answer = question(read_config(past.config))
        except UNREADABLE as error:
            leave_out(past.config, error)
        else:
            yield past, answer


@cache  # once is enough, however often a folder is met
def _told(line: str) -> None:
    say(line)


def leave_out(path: Path, error: Exception) -> None:
    """Says once, in a line, that a file is unreadable and what lies there is passed over."""
    why = str(error) if isinstance(error, UsageError) else f"{path} cannot be read ({reason(error)})"
    _told(f"note: {why}; left out")


def reason(error: Exception) -> str:
    """Why a file could not be read, in some words of one line.

    >>> reason(KeyError("model"))
    "no 'model'"
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"no {error}"
    return " ".join(str(error).split())[:120] or type(error).__name__
