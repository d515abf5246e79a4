"""Which command a recipe, `experiment=cifar_table`, is for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from locality.choices import Choices
from locality.config import Evaluate, Train
from locality.typed.files import choices_of, said

_TRAIN, _EVALUATE = ({field.name for field in fields(schema)} for schema in (Train, Evaluate))
OF_ONE = {"train": _TRAIN - _EVALUATE, "evaluate": _EVALUATE - _TRAIN}  # settings that one command has alone


def recipes_of_others(
    task: str,
    choices: Choices,
    names: Iterable[str],  # of experiments
) -> set[str]:
    """Those that set what another command has alone."""
    return {name for name in names if _settings(choices, name) & OF_ONE[other(task)]}


def other(task: str) -> str:
    """The command that a task is not of."""
    return "train" if task == "evaluate" else "evaluate"


def _settings(choices: Choices, name: str) -> set[str]:
    """What an experiment sets, and of what it makes another choice."""
    return {*said(choices, "experiment", name), *choices_of(choices, f"experiment/{name}", "override /")}
