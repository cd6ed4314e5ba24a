"""What is known about the sign of an expression on (0, 1)."""

from __future__ import annotations

from dataclasses import dataclass

FLIPPED = {"positive": "negative", "nonnegative": "nonpositive", "negative": "positive", "nonpositive": "nonnegative"}


@dataclass(frozen=True)
class Sign:
    """`value` is one of positive, nonnegative, zero, nonpositive, negative, mixed, unknown; `method` says how.

    For `mixed`, `witness` is (t, value) where the value is negative; for nonnegative and nonpositive it is a zero
    inside (0, 1).
    """

    value: str
    method: str
    witness: tuple[float, float] | None = None

    @property
    def nonnegative(self) -> bool:
        return self.value in ("positive", "nonnegative", "zero")

    @property
    def positive(self) -> bool:
        return self.value == "positive"

    @property
    def decided(self) -> bool:
        return self.value != "unknown"

    def __neg__(self) -> Sign:
        return Sign(FLIPPED.get(self.value, self.value), self.method, None if self.value == "mixed" else self.witness)


def strict(sign: int, method: str) -> Sign:
    """1, −1 or 0 (unknown) as a `Sign`."""
    return Sign({1: "positive", -1: "negative", 0: "unknown"}[sign], method)
