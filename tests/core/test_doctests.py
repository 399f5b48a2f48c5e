"""The examples in the docstrings of `fastnlp_core` print what they say."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import fastnlp_core

MODULES = sorted(module.name for module in pkgutil.iter_modules(fastnlp_core.__path__) if module.name != "_native")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name):
    module = import_module(f"fastnlp_core.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
