"""What is typed wins over what an experiment sets, for every group: the settings that see to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from locality.choices import Choices, spelled
from locality.typed.files import choices_of, given_in, is_global, said

NAME = re.compile(r"[\w-]+")
ABSENT = object()
OF_ALL = (
    ("model", "prediction"),
    ("model", "ema_decay"),
)  # what an experiment says of any model; rates are of one


def typed(
    task: str,
    choices: Choices,
    settings: Sequence[str],  # key=value, as typed, of one job
) -> list[str]:
    """Settings to add: those of typed choices, where the experiment has other values.

    A choice wins in all that it says. One that builds on the usual choice, as `trainer=ddp` does, wins in
    what it adds. One that replaces another thing also undoes what the experiment says of that thing:
    `model=dit` in place of a U-Net, and any comparison. What an experiment says of all models stays, where
    both models say alike: `experiment=pattern_cpu model=dit` predicts the noise.
    """
    given = given_in(settings)
    said_by_it = said(choices, "experiment", str(given.get("experiment")))
    first = choices_of(choices, task)
    usual = first | choices_of(choices, f"experiment/{given.get('experiment')}", "override /")
    added: dict[str, str] = {}
    for group, choice in given.items():
        if group == "experiment" or group not in first or not NAME.fullmatch(choice):
            continue
        wins = _Wins(choices, group, choice, first[group], str(usual[group]))
        for path in _leaves(said_by_it):
            setting, value = wins.over(path)
            if setting and not _touched(setting, given.keys() - first.keys()):
                name = ".".join(setting)
                added[name] = f"~{name}" if value is ABSENT else f"{name}={spelled(value)}"
    return list(added.values())


class _Wins:
    """What a typed choice has in place of what an experiment says."""

    def __init__(self, choices: Choices, group: str, choice: str, first: str, replaced: str) -> None:
        self.group = group
        self.whole = said(choices, group, choice)
        self.own = self.whole if choice == first else said(choices, group, choice, without=first)
        self.before = said(choices, group, replaced)
        self.replaces = choice != first and self.own == self.whole
        self.is_all = is_global(choices.file(group, choice))  # it says more than its group, as comparisons do

    def over(self, path: Sequence[str]) -> tuple[Sequence[str], Any]:
        """The setting to change, and its value: ABSENT where it goes. Nothing where the experiment stays."""
        for known in (self.whole,) if self.is_all or self._unlike(path) else (self.own,):
            for n in range(1, len(path) + 1):
                value = _at(known, path[:n])
                if value is ABSENT and known is self.whole and self._goes(path[:n]):
                    return path[:n], ABSENT
                if value is not ABSENT and (n == len(path) or not isinstance(value, dict)):
                    alike = self.replaces and value == _at(self.before, path[:n])
                    return ((), ABSENT) if alike and path[:n] in OF_ALL else (path[:n], value)
        return (), ABSENT

    def _goes(self, path: Sequence[str]) -> bool:
        """Whether a setting that the choice does not have is one of what it replaces."""
        if path[0] == self.group:
            return self.is_all or self._unlike(path)
        rival = self.is_all and path[0] == "candidates"  # of another comparison
        return len(path) > 1 and (rival or _at(self.before, path) is not ABSENT)

    def _unlike(self, path: Sequence[str]) -> bool:
        """Whether the settings on the way to this one are of two different things."""
        nodes = [[*path[:n], "_target_"] for n in range(len(path))]
        return any(_at(self.whole, node) != _at(self.before, node) for node in nodes)


def _touched(path: Sequence[str], given: Iterable[str]) -> bool:
    """Whether what is typed names this setting, a part of it, or what it is a part of."""
    name = f"{'.'.join(path)}."
    return any(name.startswith(f"{one}.") or f"{one}.".startswith(name) for one in given)


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from ((str(key), *rest) for rest in _leaves(value))
        else:
            yield (str(key),)


def _at(node: Any, path: Sequence[str]) -> Any:
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return ABSENT
        node = node[key]
    return node
