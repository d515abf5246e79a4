"""How far to look: the entropy of the posterior, and what it says of windows and masks.

`S(q) = -sum_i w_i(q) ln w_i(q)`, in nats: about `e^S` training images still explain what output q sees. A
denoiser that looks further tells more of them apart, and S falls.

    union.py     posteriors over parts of a bank become that over the bank
    left_out.py  the entropies of images of the bank itself, each without its own copies
    crossing.py  where a curve is least, and where it crosses a value
"""

from locality.information.crossing import crossing, least, value_at
from locality.information.left_out import LeftOut
from locality.information.union import united

__all__ = ["LeftOut", "crossing", "least", "united", "value_at"]
