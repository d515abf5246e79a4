"""What candidates are probed with; alone, so that compiled code imports it and nothing else with it."""

from __future__ import annotations

from enum import IntEnum


class Seen(IntEnum):
    """What a softmax probes each candidate with."""

    ONE = 0  # 1
    OUTPUTS = 1  # sum of g_q X_iq over the outputs that it serves
    WINDOW = 2  # sum of g_p X_ip over the mask of the row
    LOGIT = 3  # its logit, times the sum of g_q over the outputs that it serves
