"""The generated families for as long as one likes: python tests/property/long_run.py --seconds 600 --from 1000.

All families by turns, or one.  A line for each wrong answer, for each traceback, and for each answer that took over a
minute; the counts at the end, also when it is interrupted.  Short slices of the same families are tests of the suite.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

SLOW, CUT = 60, 240  # seconds of the processor, for one answer
FAMILIES = {
    "zero": ("test_zero_decisions", "asked"),
    "statements": ("test_statements", "asked"),
    "signs": ("test_random_signs", "asked"),
    "limits": ("test_random_signs", "asked_limit"),
    "schedules": ("test_wild_schedules", "asked"),
    "conversions": ("test_wild_schedules", "asked_conversion"),
    "theorems": ("test_random_theorems", "asked"),
}


def answer(family: str, seed: int) -> tuple[str, str, Any] | None:
    """(what was asked, what is wrong or nothing, the kind of answer); None where nothing could be asked."""
    module, name = FAMILIES[family]
    ask = getattr(import_module(module), name)
    began = time.process_time()
    signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, CUT)
    try:
        found = ask(seed)
    except Exception:
        found = ("", traceback.format_exc(), "broken")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    took = time.process_time() - began
    if found is None or took < SLOW or found[1]:
        return found
    return found[0], f"took {took:.0f} s", found[2]


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {CUT} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family", nargs="*", choices=[[], *FAMILIES])
    parser.add_argument("--seconds", type=float, default=600, help="by the clock")
    parser.add_argument("--from", type=int, default=10_000, dest="start")
    args = parser.parse_args()
    counts, faults = {family: Counter[Any]() for family in args.family or FAMILIES}, 0
    until = time.monotonic() + args.seconds
    try:
        for seed, family in ((seed, family) for seed in itertools.count(args.start) for family in counts):
            if time.monotonic() > until:
                break
            found = answer(family, seed)
            if found is not None:
                counts[family][found[2]] += 1
            if found is not None and found[1]:
                faults += 1
                print(f"{family}, seed {seed}: {found[0]}\n  {found[1]}", flush=True)
    except KeyboardInterrupt:
        pass
    for family, count in counts.items():
        print(f"{family}: {count.total()}", dict(count))
    print(f"{faults} wrong, {time.process_time():.0f} s of the processor", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
