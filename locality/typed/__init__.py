"""What is typed, put where configs have it.

It wins over what an experiment sets: `experiment=fashion_cpu trainer=smoke` is soon over. A pattern is a part
of the data, whatever data: `data=fashion_mnist pattern=my.png`.
"""

from locality.typed.files import beside, said
from locality.typed.pattern import check_strength, with_pattern
from locality.typed.winning import typed

__all__ = ["beside", "check_strength", "said", "typed", "with_pattern"]
