"""What tests share: a command line in this process, Hypothesis profiles, and that no test leaves a precision behind.

`dev` looks for new examples in every run, `ci` tries more and the same ones every time. A failure under `dev` prints
the example; `HYPOTHESIS_PROFILE=ci` chooses the other one outside CI.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from symsched import precision
from symsched.cli.app import run

# Shrinking a failure of exact algebra takes minutes and gains little: the examples are small as they are.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "phases": PHASES}
settings.register_profile("dev", max_examples=8, **slow_is_fine)
settings.register_profile("ci", max_examples=10, derandomize=True, print_blob=True, **slow_is_fine)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(autouse=True)
def unchanged_precision():
    """flint's and mpmath's are one for the whole process: what changes them changes its user's."""
    yield
    found = precision.in_force()
    assert found == precision.USUAL


class Command:
    """Runs one command line in this process: (exit code, stdout, stderr)."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *args):
        code = run(args)
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def printed(self, *args):
        """What a command that must succeed prints."""
        code, out, err = self(*args)
        assert (code, err) == (0, "")
        return out

    def refused(self, *args):
        """The one line on stderr of a command that must exit with 2 and print nothing else."""
        code, out, err = self(*args)
        assert (code, out) == (2, "")
        assert err.startswith("symsched: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        return err


@pytest.fixture
def cli(capsys):
    return Command(capsys)
