"""What is typed, put where configs have it.

It wins over what an experiment sets: `experiment=fashion_cpu trainer=smoke` is soon over. A pattern is a part
of the data, whatever data: `data=fashion_mnist pattern=my.png`. A comparison takes what is said of any of its
candidates: `compare.bank_counts={optimal: 500}`.
"""

from collections.abc import Sequence

from locality.choices import Choices
from locality.typed.candidates import of_candidates, with_names
from locality.typed.files import beside, said
from locality.typed.pattern import check_strength, with_pattern
from locality.typed.recipes import recipes_of_others
from locality.typed.winning import typed

__all__ = [
    "beside",
    "check_strength",
    "of_candidates",
    "placed",
    "recipes_of_others",
    "said",
    "typed",
    "with_pattern",
]


def placed(task: str, choices: Choices, arguments: Sequence[str]) -> list[str]:
    """The arguments with a pattern, and with what is said of candidates, as Hydra takes them."""
    return with_names(task, choices, with_pattern(task, choices, arguments))
