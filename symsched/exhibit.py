"""What a check looked at, kept for a reader: expressions before and after, estimates beside exact values."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sympy import Basic


class Point(NamedTuple):
    """An estimate beside the exact value it should have; the standard error is of the estimate."""

    label: str
    estimate: float
    standard_error: float
    exact: float

    @property
    def deviation(self) -> float:
        """(estimate − exact) in standard errors; infinite where the estimate is exactly certain, and wrong."""
        gap = self.estimate - self.exact
        return gap / self.standard_error if self.standard_error > 0 else (0.0 if gap == 0 else float("inf"))


@dataclass
class Record:
    """Gathers the points of a Monte Carlo check while its test runs; a later round replaces an earlier one.

    seen = Record()
    seen.variance("Var X at t = 1", sample, exact)      # inside the test
    return Evidence(..., points=seen.points)
    """

    by_label: dict[str, Point] = field(default_factory=dict)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points, in the order of their first appearance."""
        return tuple(self.by_label.values())

    def add(self, label: str, estimate: Any, standard_error: Any, exact: Any) -> None:
        """Any estimate with its standard error."""
        self.by_label[label] = Point(label, float(estimate), float(standard_error), float(exact))

    def mean(self, label: str, sample: Any, exact: Any) -> None:
        """The mean of a sample (n,), with standard error s/√n."""
        self.add(label, sample.mean(), sample.std(ddof=1) / len(sample) ** 0.5, exact)

    def variance(self, label: str, sample: Any, exact: Any) -> None:
        """The variance of a sample (n,), with its standard error √((m₄ − m₂²)/n) from the fourth moment."""
        centred = sample - sample.mean()
        second, fourth = (centred**2).mean(), (centred**4).mean()
        self.add(label, sample.var(ddof=1), max(fourth - second**2, 0.0) ** 0.5 / len(sample) ** 0.5, exact)

    def correlation(self, label: str, one: Any, other: Any) -> None:
        """The correlation of two independent samples (n,), one of them Gaussian: 0, with standard error 1/√(n − 1)."""
        from numpy import corrcoef

        self.add(label, corrcoef(one, other)[0, 1], (len(one) - 1) ** -0.5, 0)

    def moments(self, label: str, run: Any, mean: Any = None, var: Any = None, index: int = -1) -> None:
        """Mean and variance at one saved time of a one-dimensional simulation."""
        if mean is not None:
            self.add(f"E {label}", run.mean[index], run.mean_error[index], mean)
        if var is not None:
            self.add(f"Var {label}", run.var[index], run.var_error[index], var)


@dataclass(frozen=True)
class Exhibit:
    """One thing a check decided.

    A step: the residual before reduction, and its normal form.  A value: the number, and the expected one, as text.
    A sign: the expression, and the sign that was proved.  `note` is the witness, or the method.
    """

    label: str
    before: Any
    after: Any
    note: str = ""

    def portable(self) -> Exhibit:
        """The same, with text for what cannot be sent from one process to another."""
        return Exhibit(self.label, _portable(self.before), _portable(self.after), self.note)


def _portable(value: Any) -> Any:
    if not isinstance(value, Basic):
        return str(value)
    try:
        pickle.dumps(value)
    except Exception:  # a function or class of the theorem's own file; what it raises depends on the object
        return str(value)
    return value
