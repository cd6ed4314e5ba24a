"""The letters of the theory, with the assumptions under which every formula is derived.

Time runs from t = 0 (noise) to t = 1 (data); α multiplies the noise, β the data.  Schedules are expressions in
`t`; fields are expressions in `t` and the state `x`.  `rho` is the standard deviation of the data, `kappa` the
diffusion scale in units of the optimal one (ε = κ ε*).  `alpha` and `beta` stand for an arbitrary schedule: a
claim proved for them is proved for all.
"""

from sympy import Function, Symbol, symbols

t = Symbol("t", positive=True)
x = Symbol("x", real=True)
rho = Symbol("rho", positive=True)
kappa = Symbol("kappa", nonnegative=True)
mean = Symbol("m", real=True)

alpha = Function("alpha", positive=True)(t)
beta = Function("beta", positive=True)(t)
eps = Function("epsilon", nonnegative=True)(t)


def state(dim: int) -> tuple[Symbol, ...]:
    """The coordinates of the state: (x,) in one dimension, (x0, x1, …) in more."""
    return (x,) if dim == 1 else symbols(f"x0:{dim}", real=True)
