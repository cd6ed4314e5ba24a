"""Numbers as somebody hands them over: every door reads them here, so that a mistake gets one line.

NumPy alone bends what it gets: a complex number loses its imaginary part, None becomes NaN, a time span a number; and
of a ragged list, a text or an integer beyond the floats it speaks in its own words.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeGuard

from symsched.errors import InputError
from symsched.parsing import quoted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Paths, steps, threads: more than this is a slip of the keyboard.
MOST = 1 << 48
#: What is made one by one, such as the steps of a plan: more would take hours.
MOST_MADE = 100_000
#: The largest seed.
SEEDS = (1 << 64) - 1


def reals(given: Any, what: str, expected: str = "real numbers, in an array") -> NDArray[np.float64]:
    """A float64 array of what is given: numbers of any real kind (Fraction, SymPy's, mpmath's too), NaN and ±∞ as well.

    Raises InputError for everything else.
    """
    import numpy as np

    try:
        found = np.asarray(given)
        if found.dtype.kind in "fiub":
            return np.asarray(found, dtype=np.float64)
        if found.dtype.kind == "O":
            return np.array([_real(value) for value in found.flat], dtype=np.float64).reshape(found.shape)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{what} is {_shown(given)}; it should be {expected}") from None


def _real(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError
    return float(value)


def _shown(given: Any) -> str:
    try:
        return quoted(given)
    except ValueError:  # an integer of more digits than Python writes
        return "an integer too long to write"


def is_whole(value: Any) -> TypeGuard[int | np.integer[Any]]:
    """Whether it is an integer; to NumPy, a time span is one too."""
    import numpy as np

    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def count(value: Any, name: str, least: int = 1, most: int = MOST) -> int:
    """An integer from `least` to `most`."""
    if not is_whole(value):
        raise InputError(f"{name} is {value!r}; it should be an integer >= {least}")
    if value < least:
        raise InputError(f"{name} is {value}; it should be >= {least}")
    if value > most:
        bound = {MOST: "at most 2^48", SEEDS: "below 2**64"}.get(most, f"at most {most}")
        raise InputError(f"{name} is {_shown(value)}; it should be {bound}")
    return int(value)


def whole(value: Any, name: str, least: int = 1, most: int = MOST_MADE) -> int:
    """A number of what is made one by one, from `least` to `most`."""
    if not is_whole(value) or value < least:
        raise InputError(f"{name} = {value!r}: expected a whole number ≥ {least}")
    if value > most:
        raise InputError(f"{name} = {_shown(value)}: expected a whole number from {least} to {most}")
    return int(value)


def joint_shape(what: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these shapes have together.  Raises InputError where they do not fit."""
    import numpy as np

    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        given = " and ".join(map(str, dict.fromkeys(shapes)))
        raise InputError(f"{what} have shapes {given}, which do not fit together") from None


def seed_of(value: Any) -> int:
    """A seed of 64 bits."""
    return count(value, "seed", least=0, most=SEEDS)


def available() -> int:
    """Bytes of memory that are free, as well as the system tells."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def memory(needed: int, what: str) -> None:
    """Raise InputError where `needed` bytes are more than there are; nobody is asked about a few megabytes."""
    free = available() if needed > 1 << 24 else needed
    if needed > free:
        raise InputError(f"{what} need {needed / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free; ask for fewer")
