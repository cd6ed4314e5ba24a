"""What a model may predict, and what each prediction says of the others: one elimination.

At a state x = α η_Z + β η_X of an interpolant, with s = −η_Z/α the score (Tweedie), any one of

    data      η_X            velocity  α̇ η_Z + β̇ η_X
    noise     η_Z            v         β η_Z − α η_X      (Salimans, Ho, arXiv:2202.00512, for α² + β² = 1)
    score     s              edm       the network F of η_X = c_skip x/β + c_out F  (Karras et al., arXiv:2206.00364)

determines the rest, and with it the drift b^ε = α̇ η_Z + β̇ η_X + ε s of every diffusion scale ε (theory C1).  An EDM
denoiser that returns the image itself predicts `data`.

The letters are placeholders: put schedules, numbers or names of your own in with `Letters.put`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sympy import Dummy, Expr, solve, sqrt

from symsched.symbols import x


@dataclass(frozen=True)
class Letters:
    """α, β, their derivatives, ε, and the width σ_data of EDM's preconditioning."""

    alpha: Expr
    beta: Expr
    alpha_dot: Expr
    beta_dot: Expr
    eps: Expr
    width: Expr

    def put(self, form: Expr, **values: Expr) -> Expr:
        """The form with these letters replaced, all at once."""
        return form.xreplace({getattr(self, name): value for name, value in values.items()})


JETS = Letters(*(Dummy(name, positive=True) for name in ("a", "b", "a'", "b'", "e", "sigma_data")))
_noise, _data, _score, _out = Dummy("eta_z"), Dummy("eta_x"), Dummy("s"), Dummy("out")
_sigma = JETS.alpha / JETS.beta
_norm = sqrt(_sigma**2 + JETS.width**2)
_skip, _gain = JETS.width**2 / _norm**2, _sigma * JETS.width / _norm

PREDICTED: dict[str, Expr] = {
    "velocity": JETS.alpha_dot * _noise + JETS.beta_dot * _data,
    "data": _data,
    "noise": _noise,
    "score": _score,
    "v": JETS.beta * _noise - JETS.alpha * _data,
    "edm": (_data - _skip * x / JETS.beta) / _gain,
}
PREDICTIONS = tuple(PREDICTED)
_IDENTITIES = (JETS.alpha * _noise + JETS.beta * _data - x, JETS.alpha * _score + _noise)
_DRIFT = PREDICTED["velocity"] + JETS.eps * _score


@cache
def _solved(prediction: str) -> dict[Expr, Expr]:
    unknown = [_noise, _data, _score]
    (found,) = solve([*_IDENTITIES, PREDICTED[prediction] - _out], unknown, dict=True, simplify=False)
    return dict(found)


@cache
def means(wanted: str, given: str) -> tuple[Expr, Expr]:
    """(p, q) of `wanted` = p x + q `given`, two predictions."""
    return _weights(PREDICTED[wanted], given)


@cache
def drift(given: str = "data") -> tuple[Expr, Expr]:
    """(A, B) of b^ε = A x + B `given`."""
    return _weights(_DRIFT, given)


@cache
def drift_by_score() -> tuple[Expr, Expr]:
    """(C, D) of b^ε = C s + D η_X: the form that is finite at t = 1."""
    (noise,) = solve(_IDENTITIES[1], _noise, simplify=False)
    whole = _DRIFT.subs(_noise, noise).expand()
    return whole.coeff(_score), whole.coeff(_data)


def _weights(expr: Expr, given: str) -> tuple[Expr, Expr]:
    whole = expr.subs(_solved(given), simultaneous=True).expand()
    return whole.coeff(x), whole.coeff(_out)
