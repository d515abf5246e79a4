"""What a command line says, and its mistakes, each in one line with the nearest names that exist."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from locality.choices import Choices
from locality.config import UsageError, check, nearest_name
from locality.paths import check_text
from locality.shipped import script
from locality.typed import check_strength, of_candidates, recipes_of_others, typed
from locality.typed.recipes import other

TILDE = re.compile(r"""^(?P<key>[+]{0,2}[^=~'"]+)=(?P<quote>['"]?)(?P<path>~[^'"]*)(?P=quote)$""")
TAKING = (
    "--cfg", "-c", "--info", "-i", "--package", "-p", "--config-path", "-cp", "--config-name", "-cn",
    "--config-dir", "-cd", "--experimental-rerun",
)  # fmt: skip  # options whose value is the next word
TASKS = ("train", "evaluate")
SPREAD = ("range(", "choice(", "interval(", "glob(")  # how a sweep spells several choices


def config_dir(arguments: Sequence[str]) -> str | None:
    """What --config-dir says, if it is there; `wrong_option` tells of one that cannot be read."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    try:
        return parser.parse_known_args(list(arguments))[0].config_dir
    except ValueError:
        return None


def expanded(arguments: Sequence[str]) -> list[str]:
    """The arguments with the tilde of `key=~/place` expanded, as shells expand it elsewhere."""

    def whole(found: re.Match[str]) -> str:
        path = os.path.expanduser(found["path"])
        quoted = path.replace("\\", "\\\\").replace("'", "\\'")
        return found[0] if path == found["path"] else f"{found['key']}='{quoted}'"

    return [TILDE.sub(whole, argument) for argument in arguments]


def wrong_option(arguments: Sequence[str]) -> str | None:
    """What is wrong with the options, `-m` and the like, if anything is."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    try:
        parser.parse_args(list(arguments))
    except ValueError as error:
        found = " ".join(str(error).split())
        if "unrecognized arguments" in found and "=" in found:
            return f"{found}; give options, such as -m, before all settings"
        return f"{found}; see --help"
    return None


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def wrong_grammar(arguments: Sequence[str]) -> str | None:
    """The first setting that Hydra cannot read, if there is one, and how to write it."""
    try:
        check_text("", list(arguments))
    except ValueError as error:
        return str(error)
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    for argument in _settings(arguments):
        key, given, value = argument.partition("=")
        name = key.lstrip("+~").partition("@")[0]
        if given and not all(name.split(".")):
            return f"no setting named '{name}': a name has no dot at its ends and none beside another"
        try:
            parser.parse_override(argument)
        except (HydraException, ValueError, RecursionError) as error:
            reason = " ".join(str(error).split("See https")[0].split())
            hint = f"; put quotes around the value: '{key}=\"{value}\"'" if value and '"' not in value else ""
            return f"{argument}: cannot be read as <key>=<value> ({reason or type(error).__name__}){hint}"
    return None


def wrong_choice(task: str, choices: Choices, arguments: list[str]) -> str | None:
    """What is wrong with the choices of config groups, `data=photos` and the like, if anything is."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if "=" not in argument and not argument.startswith(("-", "~")) and before not in TAKING:
            return f"{argument}: want {argument}=<value>"
    for argument in _assignments(arguments):
        key, value = argument.split("=", 1)
        group, _, package = key.lstrip("+~").partition("@")
        names = choices.names(group)
        if not names or value.startswith(SPREAD):
            continue
        for choice in value.split(","):
            if choice not in names:
                if choice in ("null", ""):
                    return f"{group}: want one of {', '.join(names)}, got {choice or 'nothing'}"
                return f"no {group} named {choice!r}. {nearest_name(choice, names)}"
        if group == "experiment" and (wrong := recipes_of_others(task, choices, value.split(","))):
            return f"{group}={min(wrong)}: a recipe for {script(other(task))}, not for {script(task)}"
        if not package and not key.startswith("+") and group not in _own_groups(task, choices):
            return _elsewhere(group, value, task, choices)
    return None


def explain(error: Exception, task: str, choices: Choices, arguments: list[str]) -> str:
    """One line for what Hydra refused."""
    from hydra import compose, initialize_config_dir

    groups = set(choices.groups())
    given = _assignments(arguments)
    good = [argument for argument in given if argument.split("=")[0] in groups and "," not in argument]
    try:
        with initialize_config_dir(str(choices.shipped), version_base="1.3"):
            whole = compose(task, [*good, *choices.settings()])
    except (HydraException, OmegaConfBaseException, YAMLError, OSError, ValueError):
        return _one_line(error)
    for key in (argument.split("=", 1)[0] for argument in given):
        node: Any = whole
        at_home = key.startswith(("+", "hydra.", "hydra/")) or "@" in key or key in groups
        path = [] if at_home else key.lstrip("~").split(".")
        if len(path) > 1 and path[0] in groups and OmegaConf.select(whole, path[0]) is None:
            return f"{key}: want {path[0]}=<name>, too, such as {path[0]}={choices.names(path[0])[0]}"
        for depth, part in enumerate(path):
            if not isinstance(node, DictConfig) or part not in node:
                inside = node if isinstance(node, DictConfig) else ()
                names = [".".join([*path[:depth], str(name)]) for name in inside]
                return f"no setting named '{key}'. {nearest_name(key, names) if names else ''}".strip()
            node = node[part] if not OmegaConf.is_missing(node, part) else None
    return _one_line(error)


def check_jobs(task: str, choices: Choices, arguments: list[str]) -> None:
    """Checks every job of a sweep before the first one starts. Raises UsageError, or what Hydra raises."""
    from hydra import compose, initialize_config_dir
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Glob

    with initialize_config_dir(str(choices.shipped), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()  # knows the choices that a glob stands for
        overrides = OverridesParser.create(loader).parse_overrides(_assignments(arguments))
        keys = [(override.key_or_group or "", override) for override in overrides]
        if any(key.startswith(("hydra/sweeper", "hydra.sweeper")) for key, _ in keys):
            return  # another sweeper, which may draw other jobs
        for key, override in keys:
            if isinstance(override.value(), Glob) and not list(override.sweep_iterator()):
                raise UsageError(
                    f"{override.input_line}: no choice of {key} is like that. {_choices(choices, key)}"
                )
        for batch in BasicSweeper.split_arguments(overrides, None):
            for job in batch:
                cfg = check(compose(task, [*job, *typed(task, choices, job)]))
                check_strength(cfg, job)
                of_candidates(cfg, job)


def of_job(cfg: DictConfig) -> DictConfig:
    """The config of the job of a sweep that Hydra has just begun, in which what is typed wins."""
    from hydra import compose
    from hydra.core.hydra_config import HydraConfig

    known, task = HydraConfig.get(), str(HydraConfig.get().job.config_name)
    folders = {one.provider: Path(one.path) for one in known.runtime.config_sources if one.schema == "file"}
    shipped = folders.pop("main")
    added = typed(task, Choices(shipped, tuple(folders.values())), known.overrides.task)
    places = [one for one in known.overrides.hydra if one.startswith("hydra.searchpath=")]
    return compose(task, [*places, *known.overrides.task, *added]) if added else cfg


def _choices(choices: Choices, group: str) -> str:
    if not choices.names(group):
        return "glob(...) is for groups of configs, such as data and model; use choice(...) or range(...)"
    return f"There are: {', '.join(choices.names(group))}"


def _settings(arguments: Sequence[str]) -> list[str]:
    """All but the options, and what options of two words take."""
    pairs = zip(["", *arguments], arguments, strict=False)
    return [one for before, one in pairs if not one.startswith("-") and before not in TAKING]


def _assignments(arguments: Sequence[str]) -> list[str]:
    return [argument for argument in arguments if not argument.startswith("-") and "=" in argument]


def _own_groups(task: str, choices: Choices) -> set[str]:
    defaults: Any = OmegaConf.to_container(OmegaConf.load(choices.shipped / f"{task}.yaml"))
    return {next(iter(entry)) for entry in defaults["defaults"] if isinstance(entry, dict)}


def _elsewhere(group: str, value: str, task: str, choices: Choices) -> str:
    others = [other for other in TASKS if group in _own_groups(other, choices)]
    where = f"{group}={value}: a choice of {', '.join(map(script, others))}, not of {script(task)}"
    if group == "denoiser":
        return f"{where}; to add a row to the comparison use +denoiser@candidates.{value}={value}"
    return f"{where}, which chooses {', '.join(sorted(_own_groups(task, choices) - {'hydra'}))}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error.__cause__, OmegaConfBaseException) and text.startswith("Error merging override"):
        text = f"{text.removeprefix('Error merging override ')}: {' '.join(str(error.__cause__).split())}"
    launcher = re.search(r"Could not find 'hydra/launcher/(\w+)'", text)
    if launcher:
        extra = "pip install 'locality[launchers]' has joblib, ray, submitit_local and submitit_slurm"
        return f"hydra/launcher={launcher[1]}: not installed; {extra}"
    missing = re.search(r"To append to your default list use (\S+)", text)
    if missing:
        return f"{missing[1].lstrip('+')}: the config has none to change; use {missing[1]}"
    twice = re.search(r"Multiple values for (\S+)\. ", text)
    return f"{twice[1]}: the config has one already; leave the + out" if twice else text
