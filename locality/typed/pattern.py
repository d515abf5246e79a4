"""`pattern=cross`, or `pattern=my.png`: a pattern is a part of the data, whatever data."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from locality.choices import Choices, spelled
from locality.config import UsageError, nearest_name
from locality.shipped import as_typed
from locality.typed.files import beside, choices_of, given_in, read


def with_pattern(
    task: str,
    choices: Choices,
    arguments: Sequence[str],
) -> list[str]:
    """The arguments with `pattern=cross`, or `pattern=my.png`, as a setting of the data.

    Raises UsageError for what is neither a pattern of configs/pattern nor a file, and without data to change.
    """
    given = [argument.split("=", 1)[1] for argument in arguments if argument.startswith("pattern=")]
    if not given:
        return list(arguments)
    (value,), rest = given[-1:], [one for one in arguments if not one.startswith("pattern=")]
    if len(given) > 1:
        raise UsageError(f"pattern={value}: given {len(given)} times; give one")
    names = choices.names("pattern")
    wanted = [value] if Path(value).expanduser().is_file() else value.split(",")
    files = [one for one in wanted if one not in names]
    for one in files:
        if not Path(one).expanduser().is_file():
            pictures = [str(path) for path in Path(one).expanduser().parent.glob("*.*") if _is_picture(path)]
            raise UsageError(
                f"pattern={one}: neither a pattern ({', '.join(names)}) nor a file. "
                f"{nearest_name(one, [*names, *pictures])}"
            )
    if files and len(files) < len(wanted):
        raise UsageError(f"pattern={value}: want names or files, got both")
    plus = "" if _with_pattern(task, choices, rest, value) else "+"
    added = [f"{plus}pattern@data.pattern={'letter_w' if files else value}"]
    if files:
        whole = [spelled(os.path.abspath(os.path.expanduser(one))) for one in files]
        added.append(f"data.pattern.pattern={','.join(whole)}")
    return beside(rest, added)


def check_strength(
    cfg: DictConfig,  # checked
    overrides: Sequence[str],  # what the command line says
) -> None:
    """Warns where images stay without the pattern of their data because nobody said how strong it is.

    Raises UsageError where the pattern was typed. gamma=0, typed, is the control.
    """
    given = given_in(overrides)
    known = cfg.task == "evaluate" and (cfg.checkpoint is not None or cfg.networks)  # of the network's data
    if known or cfg.get("resume") or cfg.gamma or {"gamma", "data.gamma"} & given.keys():
        return
    if cfg.data is None or cfg.data.get("pattern") is None:
        return
    for word in as_typed(list(overrides)):
        if word.startswith("pattern="):
            raise UsageError(f"{word}: how strong? Give gamma, such as gamma=0.5; gamma=0 is the control")
    if not cfg.dry_run:
        warnings.warn(
            "gamma=0, as none was given: the images are without the pattern of their data, a control; "
            "gamma=0.5 puts it in",
            stacklevel=2,
        )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


def _with_pattern(task: str, choices: Choices, settings: Sequence[str], value: str) -> bool:
    """Whether the data have a pattern already, which another one takes the place of."""
    given = given_in(settings)
    experiment = choices_of(choices, f"experiment/{given.get('experiment')}", "override /")
    usual = choices_of(choices, task) | experiment
    data = given.get("data", usual.get("data", "None"))
    if data in ("None", "null", ""):
        raise UsageError(f"pattern={value}: of which data? Give data=, such as data=photos")
    found = {_has_pattern(choices, one) for one in data.split(",")}
    if len(found) > 1:
        raise UsageError(
            f"pattern={value}: some of data={data} have a pattern, some have none; leave one kind out"
        )
    return found.pop()


def _has_pattern(choices: Choices, data: str) -> bool:
    content = read(choices.file("data", data)) or {}
    entries = content.get("defaults") or []
    return any(
        _has_pattern(choices, one) if isinstance(one, str) else any("pattern@" in str(key) for key in one)
        for one in entries
        if one != "_self_"
    )
