"""The examples in docstrings say what is true."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

from benchmarks import house

MODULES = [name for name, path in house.modules().items() if ">>>" in path.read_text()]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_show(name):
    found = doctest.testmod(import_module(name))
    assert found.attempted
    assert not found.failed
