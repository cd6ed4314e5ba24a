"""Data of which nothing is said: what is known of every law, in η_X = E[X | I = x]; the rest is refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from sympy import Expr, Symbol

from symsched.data.checks import Array
from symsched.data.conditioning import Component
from symsched.data.law import DataLaw, ScheduleLike, of_schedule
from symsched.data.numeric import Block
from symsched.errors import InputError
from symsched.steps.identities import JETS, means
from symsched.symbols import x

#: Stands for η_X(t, x) of a law that is not given.
ETA_X = Symbol("eta_X", real=True)


class AnyData(DataLaw):
    """Any law of the data: the score and η_Z are known as functions of η_X, and nothing else is."""

    @of_schedule
    def eta_z(self, schedule: ScheduleLike) -> Expr:
        """η_Z = (x − β η_X)/α."""
        return _by_data("noise", schedule)

    @of_schedule
    def score(self, schedule: ScheduleLike) -> Expr:
        """s = (β η_X − x)/α²."""
        return _by_data("score", schedule)

    @of_schedule
    def velocity(self, schedule: ScheduleLike) -> Expr:
        """b = α̇ η_Z + β̇ η_X."""
        return schedule.alpha_dot * self.eta_z(schedule) + schedule.beta_dot * ETA_X

    @of_schedule
    def eta_x(self, schedule: ScheduleLike) -> Expr:  # noqa: ARG002
        """Refused."""
        _refuse("eta_x")

    @property
    def dim(self) -> int:
        """Refused."""
        _refuse("the dimension")

    @property
    def expectation(self) -> Any:
        """Refused."""
        _refuse("the mean")

    @property
    def covariance(self) -> Any:
        """Refused."""
        _refuse("the variance")

    def components(self) -> Iterator[Component]:
        """Refused."""
        _refuse("a density")

    def blocks(self) -> Iterator[Block]:
        """Refused."""
        _refuse("a value")

    def draw(self, n: int, rng: np.random.Generator) -> Array:  # noqa: ARG002
        """Refused."""
        _refuse("a sample")

    def key(self) -> tuple[Any, ...]:
        """There is one."""
        return ()

    def __str__(self) -> str:
        return "any data"

    def _formulas(self) -> dict[str, Any]:
        return {r"\eta_X(t, x)": r"\mathbb{E}\left[X \mid I_t = x\right]"}


ANY_DATA = AnyData()


def _by_data(prediction: str, schedule: ScheduleLike) -> Expr:
    state, data = (JETS.put(form, alpha=schedule.alpha, beta=schedule.beta) for form in means(prediction, "data"))
    return state * x + data * ETA_X


def _refuse(what: str) -> NoReturn:
    raise InputError(
        f"{what} depends on the data, of which no law is given: give one, such as data='gaussian(0, 1)' "
        '(--data "gaussian(0, 1)" on the command line)'
    )
