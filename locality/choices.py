"""The choices of the command line: YAML files in folders of groups, ours and those of a user's own."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from locality.config import UsageError

VARIABLE = "LOCALITY_CONFIGS"
WIDEST = 100  # columns of the list
_ABOUT = re.compile(r"# (?:python|make) .*?\s{3,}(\S.*)")  # the first line of a config: a command, what it is
_QUOTED = re.compile(r"(\\*)('|$)")


@dataclass(frozen=True)
class Choices:
    """Where choices are looked for. No choice has two files, so a name means one thing everywhere."""

    shipped: Path
    own: tuple[Path, ...] = ()

    @classmethod
    def of(
        cls,
        shipped: Path,  # the folder of configs that comes with the package
        typed: str | None,  # what --config-dir says
    ) -> Choices:
        """The choices with the folders of --config-dir and $LOCALITY_CONFIGS. UsageError for what is none."""
        named = [("--config-dir", typed or "")]
        named += [(VARIABLE, one) for one in os.environ.get(VARIABLE, "").split(os.pathsep)]
        own: list[Path] = []
        for where, given in named:
            if given.strip():
                folder = Path(given).expanduser().absolute()
                _check(f"{where}={given}", folder, shipped)
                if folder.resolve() not in {one.resolve() for one in (shipped, *own)}:
                    own.append(folder)
        found = cls(shipped, tuple(own))
        found._check_once()
        return found

    def groups(self) -> list[str]:
        """The names of the groups."""
        folders = (path for place in self._places for path in place.iterdir() if path.is_dir())
        return sorted({path.name for path in folders if any(path.rglob("*.yaml"))})

    def names(self, group: str) -> list[str]:
        """The choices of a group."""
        folders = [place / group for place in self._places if (place / group).is_dir()]
        return sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})

    def file(self, group: str, choice: str) -> Path:
        """The file of a choice, which need not exist."""
        files = [place / group / f"{choice}.yaml" for place in self._places]
        return next((file for file in files if file.is_file()), files[0])

    def settings(self) -> list[str]:
        """What tells Hydra of the folders that are not ours."""
        places = [f"file://{folder}" for folder in self.own]
        return [f"hydra.searchpath={spelled(places)}"] if places else []

    def described(
        self,
        without: Collection[str] = (),  # experiments of another command
    ) -> str:
        """What `--list` prints: every choice of every group, with a line on what it is."""
        return "\n".join(line for group in self.groups() for line in self._described(group, without))

    def _described(self, group: str, without: Collection[str]) -> Iterator[str]:
        names = [name for name in self.names(group) if group != "experiment" or name not in without]
        if not names:
            return
        columns = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
        widest = max(map(len, names))
        yield f"{group}="
        for name in names:
            after = " " * (widest + 4)
            text = f"  {name:<{widest}}  {_about(self.file(group, name))}".rstrip()
            yield from textwrap.wrap(text, max(columns, len(after) + 20), subsequent_indent=after)

    @property
    def _places(self) -> tuple[Path, ...]:
        return (self.shipped, *self.own)

    def _check_once(self) -> None:
        for k, folder in enumerate(self.own):
            for file in sorted(folder.rglob("*.yaml")):
                name = file.relative_to(folder)
                taken = next((place for place in self._places[: k + 1] if (place / name).is_file()), None)
                if taken is not None:
                    raise UsageError(f"{file}: {taken} has a {name}, too; give yours another name")


def _check(where: str, folder: Path, shipped: Path) -> None:
    if not folder.is_dir():
        raise UsageError(f"{where}: want a folder of configs, and there is none")
    if not any(path.is_dir() and any(path.rglob("*.yaml")) for path in folder.iterdir()):
        groups = ", ".join(Choices(shipped).groups())
        raise UsageError(
            f"{where}: want a folder with one for each group, such as {folder.name}/denoiser/mine.yaml, "
            f"got one without; the groups are {groups}"
        )


def _about(file: Path) -> str:
    """What the comments at the top of a config say of it."""
    comments = [line for line in file.read_text(errors="replace").splitlines()[:3] if line.startswith("# ")]
    for line in comments:
        found = _ABOUT.fullmatch(line)
        if found:
            return found[1]
    words = [line[2:] for line in comments if not line.startswith(("# @package", "# python ", "# make "))]
    return words[0] if words else ""


def spelled(value: Any) -> str:
    """A value of YAML as Hydra's command line spells it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(spelled, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{spelled(one)}" for key, one in value.items()) + "}"
    if isinstance(value, str):
        # Hydra reads a backslash as itself, but for those before a quote.
        return "'" + _QUOTED.sub(lambda found: 2 * found[1] + ("\\'" if found[2] else ""), value) + "'"
    return str(value)


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested config by dotted names.

    >>> flat({"model": {"rate": 0.1, "sizes": [1, 2]}})
    {'model.rate': 0.1, 'model.sizes': [1, 2]}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def import_from(folders: Sequence[Path]) -> None:
    """Lets this process, and those that it starts, import what lies in the folders; all else comes first."""
    new = [str(folder) for folder in folders if str(folder) not in sys.path]
    if new:
        sys.path.extend(new)
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([*([before] if before else []), *new])
