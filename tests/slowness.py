"""Which cases of a parametrised test are `slow`: left out of the README's command, and run by `-m slow`."""

import pytest


def slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


def quick(chosen, cases):
    """The cases, of which all but the chosen ones are slow."""
    return [case if case in chosen else slow(case) for case in cases]
