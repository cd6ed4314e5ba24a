"""The protocol of a data law ρ_X: mean fields, score, density, moments and samples of I_t = α Z + β X.

Symbolic methods take a schedule and return expressions in `t` and `x`; numeric methods, named `…_at`, take values of
α and β (numbers, or arrays of the batch shape) and states of shape (…,) in one dimension, (…, dim) in more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import islice
from typing import Any, Protocol

import numpy as np
from sympy import Expr, Symbol, latex, log, sqrt

from symsched.catalog import as_schedule
from symsched.data.checks import Array, generator, known, time_values
from symsched.data.conditioning import Component, conditional, density_ratio
from symsched.data.numeric import Block, evaluate, per_state
from symsched.errors import InputError, clipped
from symsched.given import count, memory
from symsched.precision import alone
from symsched.shown import SIM, Shown

_SYMBOLIC_LIMIT = 64
WRITTEN = 4  # components that a formula names one by one


class ScheduleLike(Protocol):
    """What a law needs from a schedule: its coefficients and their derivatives, expressions in t."""

    @property
    def alpha(self) -> Expr: ...
    @property
    def beta(self) -> Expr: ...
    @property
    def alpha_dot(self) -> Expr: ...
    @property
    def beta_dot(self) -> Expr: ...


def of_schedule(field: Callable[[Any, Any], Expr]) -> Callable[[Any, ScheduleLike | str], Expr]:
    """A method that takes a schedule, or its text."""

    @wraps(field)
    def asked(law: Any, schedule: ScheduleLike | str) -> Expr:
        like = not isinstance(schedule, str) and hasattr(schedule, "alpha")
        return field(law, schedule if like else as_schedule(schedule))

    return alone(asked)


class DataLaw(Shown, ABC):
    """A law of the data X; see the module docstring for the shapes."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The dimension of X."""

    @property
    @abstractmethod
    def expectation(self) -> Any:
        """E X: an expression in one dimension, else an array (dim,)."""

    @property
    @abstractmethod
    def covariance(self) -> Any:
        """Cov X: an expression in one dimension, else an array (dim, dim)."""

    @abstractmethod
    def components(self) -> Iterator[Component]:
        """The Gaussian components of a one-dimensional law, as expressions."""

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """The numeric blocks that `symsched.data.numeric` averages over."""

    @property
    def chunk(self) -> int:
        """Components that one block holds (for the size of temporaries)."""
        return 1

    @property
    def summary(self) -> str:
        """A short name for messages."""
        return str(self)

    def _line(self) -> str:
        return str(self)

    def _formulas(self) -> dict[str, Any]:
        """X is the mixture of its components; of many, and in more dimensions, it is what `summary` says."""
        few = [] if self.dim > 1 or self.chunk > 1 else list(islice(self.components(), WRITTEN + 1))
        if not 0 < len(few) <= WRITTEN:
            return {"X": rf"{SIM} \text{{{clipped(self.summary)}}}"}
        weights = ["" if part.weight == 1 else rf"{latex(part.weight)}\," for part in few]
        laws = [rf"\mathcal{{N}}\left({latex(part.mean)},\ {latex(part.std**2)}\right)" for part in few]
        return {"X": f"{SIM} " + " + ".join(map("".join, zip(weights, laws, strict=True)))}

    @abstractmethod
    def key(self) -> tuple[Any, ...]:
        """A hashable value that equal laws share."""

    @abstractmethod
    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """n samples from a given generator."""

    # -- identity -------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataLaw) and type(self) is type(other) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.key()))

    @property
    def parameters(self) -> frozenset[Symbol]:
        """Free symbols of the law: empty as soon as every parameter has a value."""
        return frozenset()

    def subs(self, **values: Any) -> DataLaw:
        """The law with letters replaced by name.  Raises InputError for a name that is not a parameter."""
        if values:
            raise InputError(f"{self.summary} has no parameter {', '.join(sorted(values))}; it has none")
        return self

    # -- symbolic, one dimension ------------------------------------------------------------------------------------

    @of_schedule
    def eta_z(self, schedule: ScheduleLike) -> Expr:
        """η_Z(t, x) = E[Z | I_t = x], an expression in t and x.  Raises InputError when dim > 1."""
        return self._average("eta_z", schedule)

    @of_schedule
    def eta_x(self, schedule: ScheduleLike) -> Expr:
        """η_X(t, x) = E[X | I_t = x], an expression in t and x.  Raises InputError when dim > 1."""
        return self._average("eta_x", schedule)

    @of_schedule
    def score(self, schedule: ScheduleLike) -> Expr:
        """s(t, x) = ∂ log p_t(x)/∂x, an expression in t and x.  Raises InputError when dim > 1."""
        return self._average("score", schedule)

    @of_schedule
    def velocity(self, schedule: ScheduleLike) -> Expr:
        """b(t, x) = α̇ η_Z + β̇ η_X (theory 1), an expression in t and x.  Raises InputError when dim > 1."""
        return schedule.alpha_dot * self.eta_z(schedule) + schedule.beta_dot * self.eta_x(schedule)

    @of_schedule
    def log_density(self, schedule: ScheduleLike) -> Expr:
        """log p_t(x) of I_t, an expression in t and x.  Raises InputError when dim > 1."""
        alpha, beta, form = schedule.alpha, schedule.beta, conditional()
        first, *rest = self._symbolic("log density")
        total = 1 + sum(density_ratio(first, other, alpha, beta) for other in rest)
        return form.put("log_density", alpha, beta, first) + log(first.weight) + log(total)

    @alone
    def moments(self, alpha: Any, beta: Any) -> tuple[Any, Any]:
        """Mean β E X and covariance α² + β² Cov X of I = αZ + βX.

        Expressions in one dimension (α, β may be expressions); arrays (dim,), (dim, dim) in more.
        """
        if self.dim == 1:
            return beta * self.expectation, alpha**2 + beta**2 * self.covariance
        return beta * self.expectation, alpha**2 * np.eye(self.dim) + beta**2 * self.covariance

    def _symbolic(self, asked: str) -> list[Component]:
        if self.dim > 1:
            raise InputError(
                f"the {asked} is symbolic in one dimension only and this law has {self.dim}; "
                "use the numeric methods eta_x_at, eta_z_at, score_at, velocity_at, log_density_at"
            )
        found = list(self.components())
        if len(found) > _SYMBOLIC_LIMIT:
            raise InputError(
                f"the {asked} of {len(found)} components would be an expression of {len(found) ** 2} exponentials; "
                f"the limit is {_SYMBOLIC_LIMIT} components: use the numeric methods eta_x_at, eta_z_at, score_at"
            )
        return found

    def _average(self, name: str, schedule: ScheduleLike) -> Expr:
        """Σ_k π_k f_k with π_k = 1/Σ_j (w_j p_j / w_k p_k): the posterior average of a component's field."""
        found, form = self._symbolic(name), conditional()
        alpha, beta = schedule.alpha, schedule.beta
        terms = (
            form.put(name, alpha, beta, one) / sum(density_ratio(one, other, alpha, beta) for other in found)
            for one in found
        )
        return sum(terms, start=sqrt(0))

    # -- numeric, any dimension -------------------------------------------------------------------------------------

    def eta_x_at(self, alpha: Any, beta: Any, x: Any) -> Any:
        """η_X at states x, of x's shape and dtype.

        At α = 0 the value is the limit α → 0: on the support of βX it is x/β, elsewhere the nearest point.
        """
        return self._numeric("data", alpha, beta, x)

    def eta_z_at(self, alpha: Any, beta: Any, x: Any) -> Any:
        """η_Z at states x, of x's shape and dtype; 0 at α = 0, where the state says nothing about Z."""
        return self._numeric("noise", alpha, beta, x)

    def score_at(self, alpha: Any, beta: Any, x: Any) -> Any:
        """∇ log p at states x, of x's shape and dtype.  InputError where I has no density (V = 0)."""
        return self._numeric("score", alpha, beta, x)

    def velocity_at(self, alpha: Any, beta: Any, alpha_dot: Any, beta_dot: Any, x: Any) -> Any:
        """b = α̇ η_Z + β̇ η_X at states x, given the four values of the schedule."""
        rate, beta_rate = (per_state(value, self.dim) for value in (alpha_dot, beta_dot))
        return rate * self.eta_z_at(alpha, beta, x) + beta_rate * self.eta_x_at(alpha, beta, x)

    def log_density_at(self, alpha: Any, beta: Any, x: Any) -> Any:
        """log p at states x, of the batch shape.  InputError where I has no density (V = 0)."""
        return self._numeric("log_density", alpha, beta, x)

    def _numeric(self, name: str, alpha: Any, beta: Any, x: Any) -> Any:
        known(self.parameters, str(self), "asking for numbers")
        return evaluate(self, name, *time_values(alpha, beta), x)

    def sample(self, n: int, seed: int | np.random.Generator | None = None) -> Array:
        """n independent draws of X, shape (n,) in one dimension, (n, dim) in more; float64."""
        known(self.parameters, str(self), "sampling")
        n = count(n, "the number of samples", least=0)
        memory(24 * n * self.dim, f"{n} samples")
        return self.draw(n, generator(seed))
