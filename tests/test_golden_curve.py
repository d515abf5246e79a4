"""A training is the training that it was."""

from __future__ import annotations

import json

import pytest

from benchmarks.golden import CURVE, STEPS, curve

# Between machines the last bits of single precision differ: the noise is made of logarithms and cosines,
# which vector libraries round in their own ways. All else is double precision. 50 steps make 1e-7 some 1e-5.
TOLERANCE = 1e-4


def test_fifty_steps_have_the_losses_and_gradients_that_are_kept():
    kept, found = json.loads(CURVE.read_text()), curve()
    assert kept.keys() == found.keys()
    for name, values in kept.items():
        assert len(values) == STEPS
        assert found[name] == pytest.approx(values, rel=TOLERANCE), name
