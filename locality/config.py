"""What a composed config must look like, checked before anything heavy is imported."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from locality.bank_place import BankPlace
from locality.paths import check_folder, check_text, path_given
from locality.trainer_settings import check_trainer

RUN_VARIABLE = "LOCALITY_RUN"  # the run folder, told by a first rank to the ranks that it starts

PATHS = ("runs", "cache", "resume", "checkpoint", "pretrained")  # settings that are paths
STRONGEST = 10  # gamma of a pattern, in pixel units; images span 2
FORMS = ("svg", "pdf")  # of figures, beside PNG
FOLDERS = ("runs", "cache")  # those that are written to
NAME = re.compile(r"[A-Za-z0-9_-]+")  # of a network or a candidate: a part of file names
CHOICES = ("twin", "others", "sweep", "models", "halves", "jobs")  # of networks that are looked for


class UsageError(ValueError):
    """A mistake in what was asked for: one line on the terminal and exit code 2."""


@dataclass
class _Common:
    task: str = MISSING
    data: Any = None
    trainer: dict[str, Any] = MISSING
    logger: dict[str, Any] = MISSING
    gamma: float | None = None
    seed: int = 0
    runs: str = "runs"
    cache: str | None = None
    dry_run: bool = False
    trust: bool = False
    bank: str = "memory"
    figures: Any = None


@dataclass
class Train(_Common):
    """The config of `train.py`."""

    model: dict[str, Any] = MISSING
    denoiser: Any = None
    samples: dict[str, int] = field(default_factory=dict)
    snapshots: list[int] = field(default_factory=list)
    resume: str | None = None
    sweep: str | None = None
    pretrained: str | None = None


@dataclass
class Evaluate(_Common):
    """The config of `evaluate.py`."""

    compare: dict[str, Any] = MISSING
    candidates: dict[str, Any] = field(default_factory=dict)
    checkpoint: str | None = "auto"
    networks: Any = None
    given: list[str] = field(default_factory=list)  # settings of candidates that the command line names
    unfinished: bool = False
    first: str | None = None


_SCHEMAS: dict[str, type[_Common]] = {"train": Train, "evaluate": Evaluate}


def check(cfg: DictConfig) -> DictConfig:
    """The config with its types made sure of. Raises UsageError with one line for what does not fit."""
    task = cfg.get("task")
    if task not in _SCHEMAS:
        raise UsageError(
            f"task: want one of {', '.join(_SCHEMAS)}, got {task!r}; compose train.yaml or evaluate.yaml"
        )
    cfg = copy.deepcopy(cfg)
    try:
        OmegaConf.resolve(cfg)
        checked = OmegaConf.merge(OmegaConf.structured(_SCHEMAS[task]), cfg)
    except OmegaConfBaseException as error:
        raise UsageError(_one_line(error, _SCHEMAS[task], cfg)) from error
    assert isinstance(checked, DictConfig)
    missing = sorted(str(key) for key in OmegaConf.missing_keys(checked))
    if missing:
        raise UsageError(f"{', '.join(missing)}: not set; give {missing[0]}=<value>")
    if not 0 <= checked.seed < 2**32:
        raise UsageError(f"seed: want a whole number from 0 to {2**32 - 1}, got {checked.seed}")
    try:
        check_text("", OmegaConf.to_container(checked))
        for name in PATHS:
            if OmegaConf.select(checked, name) is not None:
                checked[name] = path_given(name, checked[name])
        for name in FOLDERS:
            check_folder(name, checked[name])
        _check_networks(checked)
        check_trainer(checked.trainer)
        checked.figures = _forms(checked.figures) or None
        place = BankPlace.of(checked.bank)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if place.mapped and checked.cache is None:
        raise UsageError(f"bank={checked.bank}: want a folder for its file, got cache=null")
    if task == "train" and checked.data is None:
        raise UsageError("data: want one of configs/data, such as data=photos, got none")
    if task == "train" and checked.sweep not in (None, "resume"):
        raise UsageError(f"sweep: want resume, or leave it out, got {checked.sweep!r}")
    _check_pattern(checked.data)
    for name in ("gamma", "data.gamma"):  # colours have either sign: -gamma would be gamma again
        gamma = OmegaConf.select(checked, name)
        if gamma is not None and not (isinstance(gamma, int | float) and 0 <= gamma <= STRONGEST):
            raise UsageError(f"{name}: want a strength from 0 to {STRONGEST} pixel units, got {gamma!r}")
    _check_targets(checked)
    if checked.data is not None and checked.gamma and checked.data.get("pattern") is None:
        raise UsageError(
            f"gamma={checked.gamma:g}: the data have no pattern; add pattern=letter_w, or a picture of your "
            "own, pattern=my.png; or give gamma=0"
        )
    return checked


def _forms(given: Any) -> list[str]:
    """The forms of figures beside PNG. Raises ValueError for others."""
    listed = [] if given is None else [given] if isinstance(given, str) else list(given)
    for form in listed:
        if form not in FORMS:
            raise ValueError(f"figures: want {' or '.join(FORMS)}, or both as [svg,pdf], got {form!r}")
    return listed


def _targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, part in parts:
        where = ".".join(part for part in (key, str(name)) if part)
        if name == "_target_":
            yield where, part
        else:
            yield from _targets(part, where)


def _check_targets(cfg: DictConfig) -> None:
    """Raises UsageError where something is to be built, and nothing says what."""
    for where, target in _targets(OmegaConf.to_container(cfg)):
        if not isinstance(target, str) or not target:
            raise UsageError(f"{where}: want the name of what to build, got {target!r}")
    built: dict[str, Any] = {
        name: cfg.get(name) for name in ("data", "trainer", "logger", "model", "compare")
    }
    built |= {f"candidates.{name}": node for name, node in (cfg.get("candidates") or {}).items()}
    for name, node in built.items():
        if node is not None and not (isinstance(node, DictConfig) and isinstance(node.get("_target_"), str)):
            got = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
            raise UsageError(f"{name}: want settings with a _target_, as in configs/, got {got!r}")
    names = [str(name) for name in cfg.get("candidates") or {}]
    for name in names:
        if not NAME.fullmatch(name):
            raise UsageError(f"candidates.{name}: want a name of letters, digits, - and _")
        if [other.lower() for other in names].count(name.lower()) > 1:
            raise UsageError(f"candidates.{name}: want names that differ in more than capital letters")


def _check_networks(cfg: DictConfig) -> None:
    """`networks` is a mapping, a list or a word; without a checkpoint its first one sets the data.

    Without either there are data; whether a comparison can do without a network, it says itself.
    """
    if cfg.task != "evaluate":
        return
    if not isinstance(cfg.networks, DictConfig | ListConfig) and cfg.networks not in (None, *CHOICES):
        raise UsageError(
            f"networks: want {{name: runs/<run>}}, [runs/<run>], {' or '.join(CHOICES)}, got {cfg.networks!r}"
        )
    named: Any = cfg.networks if OmegaConf.is_config(cfg.networks) else []
    keys: Iterable[Any] = list(named) if isinstance(named, DictConfig) else range(len(named))
    for key in keys:
        if not isinstance(named[key], str):
            raise UsageError(f"networks: want paths, such as runs/<run>, got {named[key]!r}")
        named[key] = path_given("networks", named[key])
    if cfg.checkpoint is None and (cfg.networks in ("twin", "others") or not (cfg.networks or cfg.data)):
        raise UsageError(
            "networks: want at least one, such as [runs/<run>], where checkpoint is null; "
            "compare=information does with data="
        )
    if cfg.checkpoint is None and cfg.networks and cfg.data is not None:
        raise UsageError("data: each of the networks brings its own; leave it out")


def _check_pattern(data: Any) -> None:
    if data is None:
        return
    if not isinstance(data, DictConfig):
        raise UsageError(f"data: want one of configs/data, such as data=photos, got {data!r}")
    pattern = data.get("pattern")
    if pattern is not None and not isinstance(pattern, DictConfig):
        raise UsageError(
            f"data.pattern: want the settings of a pattern, got {pattern!r}; give pattern=<name or picture>, "
            "such as pattern=cross"
        )


def of_images(data: Mapping[str, Any], gamma: bool = True) -> dict[str, Any]:
    """What of a data config decides over its images; without gamma, the strength of their pattern apart.

    With gamma, a pattern of strength 0 is none.
    """
    beside = {"seed", "batch_size", "eval_batch_size", "pixels"} | (set() if gamma else {"gamma"})
    kept = {key: value for key, value in data.items() if key not in beside}
    return kept | {"pattern": None, "gamma": 0.0} if gamma and not kept.get("gamma") else kept


def nearest_name(name: str, names: Iterable[str], every: bool = True) -> str:
    """A hint for a name that does not exist: the nearest ones that do; else `every` one, or nothing.

    >>> nearest_name("cifar_patern", ["cifar_pattern", "digits"])
    "Did you mean 'cifar_pattern'?"
    """
    names = sorted(names)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"There are: {', '.join(names)}." if every else ""


def _unresolved(node: Any, key: str = "") -> str:
    """The first setting whose value refers to something that is not there."""
    for name in node if isinstance(node, DictConfig) else ():
        where = ".".join(part for part in (key, str(name)) if part)
        try:
            found = _unresolved(node[name], where)
        except OmegaConfBaseException:
            return where
        if found:
            return found
    return ""


def _one_line(error: OmegaConfBaseException, schema: type, cfg: DictConfig) -> str:
    key = str(error.full_key or error.key or _unresolved(cfg) or "config")
    if "not in" in str(error) and key not in schema.__dataclass_fields__:  # type: ignore[attr-defined]
        return f"no setting named '{key}'. {nearest_name(key, schema.__dataclass_fields__)}"  # type: ignore[attr-defined]
    return f"{key}: {str(error).splitlines()[0]}"
