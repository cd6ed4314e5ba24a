"""The command line: each command is the module of its name, even where the library has a module of that name too.

Exit codes: 0 all well, 1 a claim failed, 2 bad input with one line on stderr, 130 interrupted.
"""

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line on `args` (by default those of the process), within limits, and exit with its code."""
    from symsched.cli.warden import guarded

    sys.exit(guarded(sys.argv[1:] if args is None else args, _run))


def _run(args: Sequence[str]) -> int:
    from symsched.cli.app import run

    return run(args)
