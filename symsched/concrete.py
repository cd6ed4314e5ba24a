"""Numbers for letters and functions for undefined ones, of the kinds that are assumed: the same in every run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp
from sympy.core.function import AppliedUndef

from symsched.errors import InputError
from symsched.symbols import t


def draw(symbol: sp.Symbol, place: int, k: int) -> sp.Expr:
    """A number that the assumptions on a symbol allow; the same in every run."""
    source = random.Random(f"{place}/{symbol}/{k}")
    if symbol == t:
        return sp.Rational(source.randint(1, 99_999), 100_003)
    size = sp.Rational(source.randint(10_000, 200_000), 100_003) * (7 if k % 2 else 1)
    wholes = [sp.Integer(n) for n in source.sample(range(-8, 9), 17)]
    signed = [s * n for n in (size, *wholes, size * sp.sqrt(2), size * sp.pi) for s in _signs(place, k)]
    for candidate in signed:
        if all(getattr(candidate, f"is_{fact}") is told for fact, told in symbol.assumptions0.items()):
            return candidate
    raise InputError(f"{symbol}: no real number that its assumptions allow was found")


def _signs(place: int, k: int) -> tuple[int, int]:
    """The sign to try first: all negative, then by turns, then the other way round, then by chance."""
    wanted = (-1, (-1) ** place, -((-1) ** place))[k] if k < 3 else random.Random(f"sign {place}/{k}").choice((-1, 1))
    return wanted, -wanted


@dataclass(frozen=True)
class Concrete:
    """s(3/2 + sin(φ)/2 + exp(−φ)/3), with a phase φ that is linear in the arguments: of one sign, that of s."""

    seeds: tuple[int, ...]
    factor: sp.Rational

    @staticmethod
    def of(sample: AppliedUndef, place: int, k: int) -> Concrete:
        """A function of the kind of `sample`; those of different places are different.

        Raises:
            InputError: a kind of function of which none is kept here, such as integer-valued ones.
        """
        source = random.Random(f"{place}/{sample.func}/{k}")
        size = sp.Rational(source.randint(20, 150), 100)
        for candidate in (sign * size for sign in _signs(place, k)):
            shape = candidate + sp.sqrt(2) / 1000  # neither a whole number nor a fraction
            kinds = ("positive", "negative", "zero", "integer", "rational", "real", "infinite", "imaginary")
            told = {kind: getattr(sample, f"is_{kind}") for kind in kinds}
            if all(value is None or getattr(shape, f"is_{kind}") is value for kind, value in told.items()):
                return Concrete(tuple(source.randint(3, 99) for _ in range(12)), candidate)
        raise InputError(f"{sample.func}: no concrete function that its assumptions allow is known")

    def value(self, args: list[Any], orders: tuple[int, ...] = ()) -> Any:
        """The function, or its partial derivative of these orders."""
        phase, slopes = mpmath.mpf(self.seeds[-1]) / 40, mpmath.mpf(1)
        if len(args) >= len(self.seeds):
            raise InputError(f"a function of {len(args)} arguments: at most {len(self.seeds) - 1} are read in numbers")
        for k, arg in enumerate(args):
            slope = mpmath.mpf(self.seeds[k]) / 61
            phase += slope * arg
            slopes *= slope ** (orders[k] if orders else 0)
        order = sum(orders)
        wave = mpmath.sin(phase + order * mpmath.pi / 2) / 2 + (-1) ** order * mpmath.exp(-phase) / 3
        return mpmath.mpf(self.factor.p) / self.factor.q * slopes * (wave + mpmath.mpf(3) / 2 * (order == 0))
