"""`pattern=cross`, or `pattern=my.png`: a pattern is a part of the data, whatever data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from locality.choices import Choices, spelled
from locality.config import UsageError, nearest
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
                f"{nearest(one, [*names, *pictures])}"
            )
    if files and len(files) < len(wanted):
        raise UsageError(f"pattern={value}: want names or files, got both")
    plus = "" if _with_pattern(task, choices, rest, value) else "+"
    added = [f"{plus}pattern@data.pattern={'letter_w' if files else value}"]
    if files:
        whole = [spelled(os.path.abspath(os.path.expanduser(one))) for one in files]
        added.append(f"data.pattern.pattern={','.join(whole)}")
    return beside(rest, added)


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
